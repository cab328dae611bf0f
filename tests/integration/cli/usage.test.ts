import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeCliUser, type CliUser } from './run-cli.js';

// Every command is a process of its own, and test machines are slow.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

let user: CliUser;
beforeEach(() => {
  user = makeCliUser();
});
afterEach(() => user.cleanup());

describe('wrong usage', () => {
  it.each([
    [['strat'], "unknown command 'strat' (Did you mean start?)"],
    [['config', 'ad'], '(Did you mean add?)'],
    [['status', '--jsno'], '(Did you mean --json?)'],
    [['config', 'add', 'x'], '--base-url'],
    [['start', '--port', '99999'], '0 to 65535'],
    [['config', 'set-level', 'a', '11'], '1 to 10'],
    [['config', 'set-active'], 'Name one provider, or say --none'],
    [['config', 'set-active', 'a', '--none'], 'Name one provider, or say --none'],
    [['doctor', 'extra'], 'too many arguments'],
    [['explain', '--header', 'nonsense'], 'Name=Value'],
    [['serve', '--log-level', 'loud'], '--log-level'],
  ])('%j ends with 2 and one line that names what is wrong', async (args, message) => {
    const { code, stdout, stderr } = await user.run(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.split('\n')[0]).toMatch(/^error HOST_BAD_USAGE: /);
    expect(stderr).toContain(message);
  });

  it('is told as JSON on standard output when asked for', async () => {
    const { code, stdout, stderr } = await user.run(['--json', 'strat']);
    expect([code, stderr]).toEqual([2, '']);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'HOST_BAD_USAGE', remedy: expect.any(String) as string } });
  });

  it('of a group shows its help and ends with 2', async () => {
    const { code, stderr } = await user.run(['config']);
    expect(code).toBe(2);
    expect(stderr).toContain('set-retry-profile');
  });
});

describe('help', () => {
  const commands = [
    'serve',
    'start',
    'stop',
    'restart',
    'status',
    'doctor',
    'explain',
    'pin',
    'unpin',
    'reset-cooldown',
    'drill',
    'version',
    'logs',
    'logs tail',
    'codex',
    'codex on',
    'codex off',
    'codex status',
    'config',
    'config list',
    'config get',
    'config path',
    'config edit',
    'config validate',
    'config add',
    'config remove',
    'config set-active',
    'config set-level',
    'config enable',
    'config disable',
    'config set-retry-profile',
    'config import',
    'config set-secret',
  ];

  it.each(commands)('of %s has a usage, examples and the global options', async (command) => {
    const { code, stdout } = await user.run([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: switchyard ${command}`));
    expect(stdout).toMatch(/Examples:\n {2}\$ /);
    expect(stdout).toContain('--home <folder>');
  });

  it('of the program lists the exit codes', async () => {
    const { code, stdout } = await user.run(['--help']);
    expect(code).toBe(0);
    for (const line of ['0  done', '1  a check', '2  wrong usage', '3  the relay is not running', '70 a bug'])
      expect(stdout).toContain(line);
  });
});

describe('--home', () => {
  it('wins over SWITCHYARD_HOME, before and after the command', async () => {
    const other = `${user.home.root}/other`;
    expect((await user.run(['--home', other, 'config', 'path'])).stdout).toBe(`${other}/config.toml\n`);
    expect((await user.run(['config', 'path', '--home', other])).stdout).toBe(`${other}/config.toml\n`);
    expect((await user.run(['config', 'path'])).stdout).toBe(`${user.home.paths.configFile}\n`);
    expect(existsSync(other)).toBe(false);
  });
});
