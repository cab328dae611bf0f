import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hangBeforeHeaders, startScriptedUpstream, status429, type ScriptedUpstream } from '../../helpers/scripted-upstream.js';
import { isAlive, makeCliUser, untilGone, type CliUser } from './run-cli.js';

// Every command is a process of its own, and test machines are slow.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 30_000 });

let user: CliUser;
let upstream: ScriptedUpstream;
beforeEach(async () => {
  user = makeCliUser();
  upstream = await startScriptedUpstream();
  user.writeConfig(
    `[server]\nport = 0\n\n[providers.relay-a]\nbase_url = "${upstream.baseUrl}"\napi_key_env = "PRACTICE_KEY"\nproxy = "direct"\n`,
  );
});
afterEach(async () => {
  await user.cleanup();
  await upstream.close();
});

interface Started {
  readonly started: boolean;
  readonly url: string;
  readonly pid: number;
}
const start = async (...args: string[]) => (await user.json(['start', ...args])) as Started;
const codexFile = () => join(user.home.codexHome, 'config.toml');
const codexConfig = () => readFileSync(codexFile(), 'utf8');

function sendTurn(url: string): Promise<Response> {
  return fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ model: 'gpt-5', stream: true, input: 'hi' }),
  });
}

describe('a relay in the background', () => {
  it('starts, says where, serves turns, tells about them, and stops', async () => {
    const { started, url, pid } = await start();
    expect(started).toBe(true);
    expect(user.hostPid()).toBe(pid);
    expect(await (await sendTurn(url)).text()).toContain('response.completed');
    const status = await user.run(['status']);
    expect(status.code).toBe(0);
    expect(status.stdout).toContain(url);
    expect(status.stdout).toMatch(/● relay-a/);
    expect(status.stdout).toMatch(/Last turn .* ✓ 200 gpt-5 → relay-a in /);
    expect((await user.run(['logs', 'tail'])).stdout).toMatch(/✓ 200 gpt-5 → relay-a in /);
    const lines = (await user.run(['logs', 'tail', '--json'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ provider: 'relay-a', end: 'completed' }]);
    expect((await user.run(['logs', 'tail', '--errors'])).stdout).toBe('No turn has failed.\n');
    const stop = await user.run(['stop']);
    expect(stop).toMatchObject({ code: 0, stdout: 'Switchyard has stopped.\n' });
    expect(isAlive(pid)).toBe(false);
    expect((await user.run(['status', '--short'])).code).toBe(3);
  });

  it('that is started again is still the same one', async () => {
    const first = await start();
    expect(await start()).toEqual({ ...first, started: false, notes: [] });
    const serve = await user.run(['serve', '--json']);
    expect(serve.code).toBe(1);
    expect(JSON.parse(serve.stdout)).toMatchObject({
      error: { code: 'HOST_ALREADY_RUNNING', details: { pid: first.pid, url: first.url } },
    });
  });

  it('is one, however many start it at once', async () => {
    const all = await Promise.all([start(), start(), start()]);
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(1);
    expect(all.filter(({ started }) => started)).toHaveLength(1);
  });

  it('takes changes of the command line at once', async () => {
    const { url } = await start();
    expect((await user.run(['config', 'add', 'relay-b', '--base-url', upstream.baseUrl, '--key-env', 'PRACTICE_KEY'])).code).toBe(
      0,
    );
    await user.run(['config', 'set-active', 'relay-b']);
    await (await sendTurn(url)).text();
    expect(await user.json(['status'])).toMatchObject({ active: 'relay-b', lastTurn: { provider: 'relay-b' } });
    await user.run(['pin', 'relay-a']);
    expect((await user.run(['status'])).stdout).toContain('pinned, no failover');
    await (await sendTurn(url)).text();
    expect(await user.json(['status'])).toMatchObject({ pinned: 'relay-a', lastTurn: { provider: 'relay-a' } });
    await user.run(['unpin']);
    expect(await user.json(['status'])).toMatchObject({ pinned: null });
    expect((await user.run(['explain'])).stdout).toMatch(/● .*relay-b[^]*● .*relay-a/);
  });

  it('gives a resting provider another chance on reset-cooldown', async () => {
    upstream.script(() => status429({ retryAfter: 600 }));
    const { url } = await start();
    await (await sendTurn(url)).text();
    expect(await user.json(['status'])).toMatchObject({ endpoints: [{ usable: false }] });
    expect((await user.run(['status'])).stdout).toContain('no provider can be used now; the next one is back at');
    expect((await user.run(['reset-cooldown', 'relay-a/default'])).stdout).toBe('Ready again: relay-a/default\n');
    expect(await user.json(['status'])).toMatchObject({ endpoints: [{ usable: true }] });
    expect((await user.run(['reset-cooldown'])).stdout).toBe('Nothing was resting.\n');
  });

  it('is found again after kill -9, at the same home', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await untilGone(first.pid);
    expect((await user.run(['status', '--short'])).stdout).toBe('○ stopped\n');
    const second = await start();
    expect(second.started).toBe(true);
    expect(second.pid).not.toBe(first.pid);
    expect((await fetch(`${second.url}/_switchyard/health`)).status).toBe(200);
  });

  it('that hangs is named by stop, with the command that ends it', async () => {
    if (process.platform === 'win32') return;
    const { pid } = await start();
    process.kill(pid, 'SIGSTOP');
    const { code, stderr } = await user.run(['stop']);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^error STORAGE_LOCKED: .*pid ${pid}`));
    expect(stderr).toContain(`kill -9 ${pid}`);
  });

  it('keeps its port override over a restart', async () => {
    const first = await start('--host', 'localhost');
    expect(first.url).toContain('localhost');
    const again = (await user.json(['restart'])) as Started;
    expect(again.url).toContain('localhost');
    expect(again.pid).not.toBe(first.pid);
    expect(isAlive(first.pid)).toBe(false);
  });

  it('keeps what only its owner may read to its owner', async () => {
    await start();
    if (process.platform === 'win32') return;
    for (const name of ['run/host.json', 'run/control-token', 'run/instance.lock', 'run/start.log', 'logs/switchyard.log']) {
      expect(statSync(join(user.home.home, name)).mode & 0o077, name).toBe(0);
    }
  });

  it('that cannot write its home says so', async () => {
    writeFileSync(join(user.home.root, 'file'), '');
    const { code, stderr } = await user.run(['start', '--home', join(user.home.root, 'file')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error STORAGE_WRITE_FAILED: /);
  });
});

describe('a taken port', () => {
  let holder: Server;
  let port: number;
  beforeEach(async () => {
    holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterEach(() => new Promise((resolve) => holder.close(resolve)));

  it('is told with its holder and a command that works', async () => {
    const { code, stderr } = await user.run(['start', '--port', String(port)]);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^error HOST_PORT_IN_USE: Port ${port} on 127\\.0\\.0\\.1 is taken by `));
    if (process.platform === 'linux') expect(stderr).toContain(`(pid ${process.pid})`);
    const offered = /switchyard (start --port \d+)/.exec(stderr)?.[1]?.split(' ') ?? [];
    const second = await user.run(offered);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain(`http://127.0.0.1:${offered[2] ?? ''}`);
  });

  it('leaves no lock and no address behind', async () => {
    await user.run(['start', '--port', String(port)]);
    expect(user.hostPid()).toBeUndefined();
    expect((await start()).started).toBe(true);
  });
});

describe('Codex', () => {
  const before = '# my codex\nmodel = "gpt-5"\n';
  beforeEach(() => {
    mkdirSync(user.home.codexHome, { recursive: true });
    writeFileSync(codexFile(), before);
  });

  it('is not touched by starting and stopping', async () => {
    await start();
    expect(codexConfig()).toBe(before);
    await user.run(['stop']);
    expect(codexConfig()).toBe(before);
  });

  it('gets its own config back on stop, and is patched again by the next start', async () => {
    const { url } = await start();
    expect((await user.run(['codex', 'on'])).stderr).toBe('');
    expect(codexConfig()).toContain(url);
    await user.run(['stop']);
    expect(codexConfig()).toBe(before);
    const second = await user.run(['start']);
    expect(second.stdout).toContain('Codex goes through Switchyard again');
    expect(codexConfig()).toContain('127.0.0.1');
    await user.run(['stop']);
    expect(codexConfig()).toBe(before);
  });

  it('stays as the user left it when he says off between stop and start', async () => {
    await start();
    await user.run(['codex', 'on']);
    await user.run(['stop']);
    await user.run(['codex', 'off']);
    await start();
    expect(codexConfig()).toBe(before);
  });

  it('stays patched with stop --keep-codex and with restore_on_quit = false', async () => {
    await start();
    await user.run(['codex', 'on']);
    const kept = await user.run(['stop', '--keep-codex']);
    expect(kept.stderr).toContain('`switchyard codex off`');
    expect(codexConfig()).not.toBe(before);
    writeFileSync(
      user.home.paths.configFile,
      `${readFileSync(user.home.paths.configFile, 'utf8')}\n[clients.codex]\nrestore_on_quit = false\n`,
    );
    await start();
    await user.run(['stop']);
    expect(codexConfig()).not.toBe(before);
    await user.run(['codex', 'off']);
    expect(codexConfig()).toBe(before);
  });

  it('follows the relay to another port after kill -9, and off works with no relay', async () => {
    const first = await start();
    await user.run(['codex', 'on']);
    process.kill(first.pid, 'SIGKILL');
    await untilGone(first.pid);
    const second = await start();
    expect(codexConfig()).toContain(new URL(second.url).host);
    process.kill(second.pid, 'SIGKILL');
    await untilGone(second.pid);
    expect((await user.run(['codex', 'off'])).code).toBe(0);
    expect(codexConfig()).toBe(before);
  });
});

describe('a relay in the foreground', () => {
  it('prints one line when it is ready and ends with 0 on SIGINT and SIGTERM, with Codex restored', async () => {
    if (process.platform === 'win32') return;
    writeFileSync(codexFile(), '');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const { child, line, ended } = await user.stay(['serve']);
      expect(line).toMatch(/^Switchyard \d+\.\d+\.\d+ is ready at http:\/\/127\.0\.0\.1:\d+ \(pid \d+, home .*\)$/);
      expect(line).toContain(`pid ${child.pid ?? 0}`);
      await user.run(['codex', 'on']);
      child.kill(signal);
      expect((await ended).code).toBe(0);
      expect(codexConfig()).toBe('');
      expect(user.hostPid()).toBeUndefined();
    }
  });

  it('prints one JSON line with --json', async () => {
    const { line, child } = await user.stay(['serve', '--json', '--port', '0']);
    expect(JSON.parse(line)).toMatchObject({
      type: 'ready',
      pid: child.pid,
      host: '127.0.0.1',
      url: expect.stringMatching(/^http:/) as string,
      home: user.home.home,
    });
  });

  it('ends at once on the second signal', async () => {
    if (process.platform === 'win32') return;
    upstream.script([hangBeforeHeaders]);
    const { child, line, ended } = await user.stay(['serve']);
    const turn = sendTurn(/http:\S+/.exec(line)?.[0] ?? '').then(
      (response) => response.text(),
      () => 'cut',
    );
    await upstream.waitForRequests(1);
    const stopping = new Promise<void>((resolve) =>
      child.stderr?.on('data', (chunk: Buffer) => void (chunk.includes('stopping') && resolve())),
    );
    child.kill('SIGTERM');
    await stopping;
    child.kill('SIGTERM');
    expect((await ended).code).toBe(143);
    await turn;
  });

  it('goes on when the terminal that reads it goes away', async () => {
    const { child, line } = await user.stay(['serve']);
    child.stdout?.destroy();
    child.stderr?.destroy();
    const url = /http:\S+/.exec(line)?.[0] ?? '';
    await (await sendTurn(url)).text();
    expect((await fetch(`${url}/_switchyard/health`)).status).toBe(200);
    expect(isAlive(child.pid ?? 0)).toBe(true);
  });

  it('follows new turns until it stops', async () => {
    const { line } = await user.stay(['serve']);
    const url = /http:\S+/.exec(line)?.[0] ?? '';
    const pending = user.stay(['logs', 'tail', '--follow', '--json']);
    const repeat = setInterval(
      () =>
        void sendTurn(url)
          .then((response) => response.text())
          .catch(() => undefined),
      100,
    );
    const follow = await pending;
    clearInterval(repeat);
    expect(JSON.parse(follow.line)).toMatchObject({ provider: 'relay-a' });
    await user.run(['stop']);
    expect(await follow.ended).toMatchObject({ code: 3, stderr: 'The relay has stopped.\n' });
  });

  const onSignal = (code: string) => ({
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${code} })`)}`,
  });

  it('goes on after a promise nobody awaited, and logs it', async () => {
    if (process.platform === 'win32') return;
    const { child, line } = await user.stay(['serve'], onSignal("Promise.reject(new Error('practice bug'))"));
    const url = /http:\S+/.exec(line)?.[0] ?? '';
    const logged = new Promise<string>((resolve) =>
      child.stderr?.on('data', (chunk: Buffer) => void (chunk.includes('BUG_UNEXPECTED') && resolve(chunk.toString()))),
    );
    child.kill('SIGUSR2');
    expect(await logged).toContain('practice bug');
    expect(await (await sendTurn(url)).text()).toContain('response.completed');
  });

  it('ends with 70 after an error nobody caught, gives Codex its config back, and the next start is clean', async () => {
    if (process.platform === 'win32') return;
    writeFileSync(codexFile(), '# mine\n');
    const { child, ended } = await user.stay(['serve'], onSignal("throw new Error('practice bug')"));
    await user.run(['codex', 'on']);
    child.kill('SIGUSR2');
    expect((await ended).code).toBe(70);
    expect(readFileSync(join(user.home.paths.logsDir, 'switchyard.log'), 'utf8')).toMatch(
      /BUG_UNEXPECTED.*practice bug|practice bug.*BUG_UNEXPECTED/,
    );
    expect(codexConfig()).toBe('# mine\n');
    expect((await start()).started).toBe(true);
  });

  it('is not ended by an error of one connection', async () => {
    if (process.platform === 'win32') return;
    const { child, line } = await user.stay(
      ['serve'],
      onSignal("throw Object.assign(new Error('practice reset'), { code: 'ECONNRESET' })"),
    );
    const logged = new Promise<void>((resolve) =>
      child.stderr?.on('data', (chunk: Buffer) => void (chunk.includes('practice reset') && resolve())),
    );
    child.kill('SIGUSR2');
    await logged;
    expect((await sendTurn(/http:\S+/.exec(line)?.[0] ?? '')).status).toBe(200);
  });
});
