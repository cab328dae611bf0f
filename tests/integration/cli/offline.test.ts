import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeCliUser, type CliUser } from './run-cli.js';

const secret = 'sk-very-secret-0123456789';
// Every command is a process of its own, and test machines are slow.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

let user: CliUser;
beforeEach(() => {
  user = makeCliUser();
});
afterEach(() => user.cleanup());

async function ok(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await user.run(args, input === undefined ? {} : { input });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe('without a running relay', () => {
  it('status ends with 3 and says how to start', async () => {
    const { code, stdout } = await user.run(['status']);
    expect(code).toBe(3);
    expect(stdout).toContain('Switchyard is not running. Start it with `switchyard start`.');
    expect((await user.run(['status', '--short'])).stdout).toBe('○ stopped\n');
    expect(await user.json(['status'])).toMatchObject({ host: 'offline', address: null });
  });

  it('stop is no error and starts nothing', async () => {
    expect(await ok(['stop'])).toContain('not running');
    expect(user.hostPid()).toBeUndefined();
  });

  it('logs --follow ends with 3', async () => {
    const { code, stderr } = await user.run(['logs', 'tail', '--follow']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error CONTROL_NOT_RUNNING: /);
  });

  it('the configuration can be made, changed, shown and unmade, comments kept and secrets never shown', async () => {
    user.writeConfig('# mine\nversion = 1\n');
    await ok(['config', 'add', 'relay-a', '--base-url', 'https://a.example/v1', '--key-env', 'PRACTICE_KEY', '--label', '备用']);
    await ok(['config', 'add', 'relay-b', '--base-url', 'https://b.example/v1', '--key-stdin', '--level', '2'], `${secret}\n`);
    await ok(['config', 'set-active', 'relay-a']);
    await ok(['config', 'set-level', 'relay-b', '3']);
    await ok(['config', 'disable', 'relay-b']);
    await ok(['config', 'set-retry-profile', 'cost-primary']);
    const file = readFileSync(user.home.paths.configFile, 'utf8');
    expect(file.startsWith('# mine\nversion = 1\n')).toBe(true);
    expect(file).toContain('active = "relay-a"');
    expect(file).not.toContain(secret);
    const shown = [
      await ok(['config', 'get']),
      await ok(['config', 'list']),
      await ok(['config', 'list', '--json']),
      await ok(['config', 'get', '--json']),
    ].join('');
    expect(shown).toContain('cost-primary');
    expect(shown).not.toContain(secret);
    expect(await user.json(['config', 'list'])).toMatchObject({
      active: 'relay-a',
      endpoints: [
        { provider: 'relay-a', label: '备用', usable: true },
        { provider: 'relay-b', level: 3, enabled: false, usable: false },
      ],
    });
    await ok(['config', 'enable', 'relay-b']);
    await ok(['config', 'set-active', '--none']);
    await ok(['config', 'remove', 'relay-b']);
    expect(await user.json(['config', 'list'])).toMatchObject({ active: null, endpoints: [{ provider: 'relay-a' }] });
  });

  it('a key typed into set-secret is stored for its owner only', async () => {
    expect(await ok(['config', 'set-secret', 'relay-a'], secret)).toBe('Stored relay-a in the secrets file.\n');
    expect(readFileSync(user.home.paths.secretsFile, 'utf8')).toContain(secret);
    if (process.platform !== 'win32') expect(statSync(user.home.paths.secretsFile).mode & 0o777).toBe(0o600);
    const { code, stderr } = await user.run(['config', 'set-secret', 'empty'], { input: '\n' });
    expect(code).toBe(2);
    expect(stderr).toContain('No secret came');
  });

  it('an inline key in the file is not shown', async () => {
    user.writeConfig(`[providers.a]\nbase_url = "https://a.example/v1"\napi_key = "${secret}"\n`);
    for (const args of [['config', 'get'], ['config', 'list'], ['status'], ['doctor'], ['explain', '--json']]) {
      const { stdout, stderr } = await user.run(args);
      expect(stdout + stderr).not.toContain(secret);
    }
  });

  it('validate names line and column of an error and ends with 1; an edit of such a file is refused and changes nothing', async () => {
    const broken = '[providers.a]\nbase_url = "https://a.example/v1"\nlevel = = 1\n';
    user.writeConfig(broken);
    const { code, stdout } = await user.run(['config', 'validate']);
    expect(code).toBe(1);
    expect(stdout).toContain(`${user.home.paths.configFile}:3:9 error CONFIG_SYNTAX`);
    const edit = await user.run(['config', 'set-retry-profile', 'balanced']);
    expect(edit.code).toBe(1);
    expect(edit.stderr).toMatch(/^error CONFIG_SYNTAX: .*:3:9/);
    expect(readFileSync(user.home.paths.configFile, 'utf8')).toBe(broken);
  });

  it('edit opens $EDITOR with its arguments and checks the file afterwards', async () => {
    user.writeConfig('version = 1\n');
    const script = join(user.home.root, 'editor.mjs');
    writeFileSync(script, "import { appendFileSync } from 'node:fs'; appendFileSync(process.argv[3], process.argv[2] + '\\n');");
    const editWith = (line: string) =>
      user.run(['config', 'edit'], { env: { EDITOR: `"${process.execPath}" "${script}" '${line}'` } });
    expect(await editWith('[server]')).toMatchObject({ code: 0 });
    const bad = await editWith('port = 99999');
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/:3:\d+ error CONFIG_INVALID: server\.port/);
    expect(await user.run(['config', 'edit'], { env: { EDITOR: 'false' } })).toMatchObject({ code: 2 });
  });

  it('unknown names are refused with the known ones', async () => {
    user.writeConfig('[providers.relay-a]\nbase_url = "https://a.example/v1"\n');
    const { code, stderr } = await user.run(['config', 'set-active', 'relay-x']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error CONFIG_NOT_FOUND: .*relay-a/);
  });

  it('explain says what is tried, what not and why, and ends with 1 when nothing can serve', async () => {
    user.writeConfig(
      '[providers.a]\nbase_url = "https://a.example/v1"\napi_key_env = "PRACTICE_KEY"\n[providers.b]\nbase_url = "https://b.example/v1"\napi_key_env = "NOT_SET"\n',
    );
    const { code, stdout } = await user.run(['explain', '--model', 'gpt-5', '--header', 'X-Test=1']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/A turn for gpt-5 on \/v1\/responses would try one endpoint:\n.*● .*a.*\n.*○ .*b.*NOT_SET is not set/);
    await user.run(['config', 'disable', 'a']);
    const none = await user.run(['explain', '--json']);
    expect(none.code).toBe(1);
    expect(JSON.parse(none.stdout)).toMatchObject({ plan: { candidates: [] } });
  });

  it('doctor ends with 1 when a check fails and prints the command that repairs it', async () => {
    user.writeConfig('[providers.b]\nbase_url = "https://b.example/v1"\napi_key_env = "NOT_SET"\n');
    const { code, stdout } = await user.run(['doctor']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ fail .*NOT_SET.*\n {4}export NOT_SET=/);
  });

  it('import --dry-run shows what would come and writes nothing; import writes it', async () => {
    writeFileSync(
      join(user.home.codexHome, 'config.toml'),
      'model_provider = "acme"\n[model_providers.acme]\nname = "Acme"\nbase_url = "https://acme.example/v1"\nenv_key = "ACME_KEY"\nwire_api = "responses"\n',
    );
    const dry = await user.run(['config', 'import', 'codex', '--dry-run']);
    expect(dry.stdout).toContain('Would import from codex: acme');
    expect(existsSync(user.home.paths.configFile)).toBe(false);
    expect(await user.json(['config', 'import', 'codex'])).toMatchObject({ written: true, imported: ['acme'] });
    expect(readFileSync(user.home.paths.configFile, 'utf8')).toContain('https://acme.example/v1');
  });

  it('Codex is patched and given back to the byte', async () => {
    const file = join(user.home.codexHome, 'config.toml');
    const before = '# my codex\r\nmodel = "gpt-5"\r\n[tui]\r\ntheme = "x"';
    writeFileSync(file, before);
    const dry = await user.run(['codex', 'on', '--form', 'provider', '--dry-run']);
    expect(dry.stdout).toContain('+[model_providers.switchyard]');
    expect(readFileSync(file, 'utf8')).toBe(before);
    const on = await user.run(['codex', 'on']);
    expect(on.code).toBe(0);
    expect(on.stderr).toContain('`switchyard start`');
    expect(readFileSync(file, 'utf8')).toContain('127.0.0.1:3211');
    expect(await user.json(['codex', 'status'])).toMatchObject({ state: 'on' });
    expect((await user.run(['status'])).stdout).toContain('Codex is sent to it');
    expect((await user.run(['codex', 'off'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});

describe('output', () => {
  it('has no colour in a pipe, colour when forced, and none with NO_COLOR or --no-color', async () => {
    user.writeConfig('[providers.a]\nbase_url = "https://a.example/v1"\napi_key_env = "PRACTICE_KEY"\n');
    expect((await user.run(['status'])).stdout).not.toContain('\u001b');
    const forced = { env: { FORCE_COLOR: '1' } };
    expect((await user.run(['status'], forced)).stdout).toContain('\u001b[32m●');
    expect((await user.run(['status', '--no-color'], forced)).stdout).not.toContain('\u001b');
    expect((await user.run(['status'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain('\u001b');
  });
});
