import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runDoctor, type DoctorDeps } from '../../../main/core/control/doctor.js';
import type { DoctorCheck } from '../../../shared/control/contract.js';
import { openControlHome, type ControlHome } from './control-home.js';

const good = '[providers.first]\nbase_url = "https://first.example/v1"\napi_key_env = "FIRST_KEY"\n';
const posix = process.platform !== 'win32';

let open: ControlHome | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function start(toml: string): Promise<ControlHome> {
  open = await openControlHome(toml);
  open.env['FIRST_KEY'] = 'canary-first-key';
  return open;
}

async function examine(home: ControlHome, overrides: Partial<DoctorDeps> = {}): Promise<readonly DoctorCheck[]> {
  const { config, codex, router, clock, env } = home;
  const address = () => ({ host: '127.0.0.1', port: 3211, url: 'http://127.0.0.1:3211' });
  const deps = { paths: home.home.paths, platform: process.platform, env, config, codex, router, clock, address };
  const checks = await runDoctor({ ...deps, ...overrides });
  expect(JSON.stringify(checks)).not.toContain('canary');
  for (const check of checks) {
    if (check.status === 'warn' || check.status === 'fail') expect(check.repair, `${check.id} needs a repair`).toMatch(/\S/);
  }
  return checks;
}

const find = (checks: readonly DoctorCheck[], id: string) => checks.find((check) => check.id === id);
const bad = (checks: readonly DoctorCheck[]) => checks.filter(({ status }) => status === 'warn' || status === 'fail');

/** Puts a program named codex into a folder and the folder into PATH. */
function installCodex(home: ControlHome, script: string): void {
  const folder = join(home.home.root, 'bin dir');
  mkdirSync(folder);
  writeFileSync(join(folder, 'codex'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  home.env['PATH'] = `/nonexistent:${folder}`;
}

it('finds nothing wrong in a home where everything is right', async () => {
  const home = await start(good);
  home.codex.now = {
    ...home.codex.now,
    state: 'on',
    form: 'provider',
    baseUrl: 'http://localhost:3211/v1/',
    loggedIn: 'api-key',
  };
  const checks = await examine(home);
  expect(bad(checks)).toEqual([]);
  expect(find(checks, 'endpoint.first/default')?.status).toBe('ok');
  expect(find(checks, 'codex.patch')?.status).toBe('ok');
  expect(find(checks, 'logs.writable')?.status).toBe('ok');
});

describe('the config file', () => {
  it('names line and column of what is wrong, and keeps checking the config that runs', async () => {
    const home = await start(good);
    writeFileSync(home.home.paths.configFile, `${good}level = "x"\n`);
    await home.config.reload();
    const checks = await examine(home);
    expect(find(checks, 'config.load')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/config\.toml:4:\d+: providers\.first\.level: /) as string,
      repair: 'switchyard config edit',
    });
    expect(find(checks, 'credential.first/default')?.status).toBe('ok');
  });

  it('warns of unknown keys', async () => {
    const checks = await examine(await start(`${good}basse_url = "x"\n`));
    expect(find(checks, 'config.warning')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('base_url') as string,
    });
  });

  it('says how to add the first provider, and how to enable one when all are off', async () => {
    expect(find(await examine(await start('')), 'providers.exist')?.repair).toContain('switchyard config add');
    await open?.close();
    expect(find(await examine(await start(`${good}enabled = false\n`)), 'providers.exist')).toMatchObject({
      status: 'fail',
      repair: 'switchyard config enable first',
    });
  });

  it('tells where each missing credential belongs', async () => {
    const home = await start(`${good}[providers.stored]\nbase_url = "https://s.example"\nsecret = "vault"\n`);
    delete home.env['FIRST_KEY'];
    const checks = await examine(home, { platform: 'linux' });
    expect(find(checks, 'credential.first/default')).toMatchObject({
      status: 'fail',
      repair: "export FIRST_KEY='<key>' && switchyard restart",
    });
    expect(find(checks, 'credential.stored/default')?.repair).toBe('switchyard config set-secret vault');
    expect(find(checks, 'endpoints.usable')?.status).toBe('fail');
  });

  it('warns of keys in plain text without showing them', async () => {
    const checks = await examine(await start('[providers.a]\nbase_url = "https://a.example"\napi_key = "canary-inline-key"\n'));
    expect(find(checks, 'config.inline-key')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('providers.a.api_key') as string,
      repair: 'switchyard config set-secret a && switchyard config edit',
    });
  });

  it('refuses a provider that points at ourselves, also through the port that really listens', async () => {
    const home = await start('[providers.loop]\nbase_url = "http://localhost:4555/v1"\n');
    expect(find(await examine(home), 'config.self-loop')?.status).toBe('ok');
    const checks = await examine(home, { address: () => ({ host: '127.0.0.1', port: 4555, url: 'http://127.0.0.1:4555' }) });
    expect(find(checks, 'config.self-loop')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('loop/default') as string,
    });
    writeFileSync(home.home.paths.configFile, '[providers.loop]\nbase_url = "http://127.0.0.1:3211/v1"\n');
    await home.config.reload();
    expect(find(await examine(home), 'config.self-loop')?.message).toMatch(/config\.toml:2:\d+/);
  });

  it('fails when others can reach it without a client key', async () => {
    const everywhere = { address: () => null };
    const home = await start(`[server]\nhost = "0.0.0.0"\n${good}`);
    expect(find(await examine(home, everywhere), 'server.bind')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('client_keys') as string,
    });
    await open?.close();
    const guarded = await start(`[server]\nhost = "0.0.0.0"\nclient_keys = [{ name = "laptop", key_env = "K" }]\n${good}`);
    expect(find(await examine(guarded, everywhere), 'server.bind')?.status).toBe('info');
  });

  it.skipIf(!posix)('finds files that others can read, and the command it gives closes them', async () => {
    const home = await start(good);
    const { secretsFile, configFile } = home.home.paths;
    writeFileSync(secretsFile, '{}');
    chmodSync(secretsFile, 0o644);
    chmodSync(configFile, 0o640);
    const checks = await examine(home);
    const secrets = find(checks, 'permissions.secrets');
    expect(secrets).toMatchObject({ status: 'fail', message: expect.stringContaining('0644') as string });
    expect(find(checks, 'permissions.config')?.status).toBe('warn');
    execFileSync('sh', ['-c', secrets?.repair ?? '']);
    expect(statSync(secretsFile).mode & 0o777).toBe(0o600);
    expect(find(await examine(home), 'permissions.secrets')?.status).toBe('ok');
  });
});

describe('endpoints', () => {
  it('says which rest or are exhausted, why and for how long', async () => {
    const home = await start(`${good}[providers.empty]\nbase_url = "https://e.example"\npass_client_auth = true\n`);
    const nowMs = home.clock.now();
    const cooldown = { untilMs: nowMs + 90_000, sinceMs: nowMs, class: 'overloaded' as const, reason: 'HTTP 503', named: false };
    home.router.states.set('first/default', { cooldown });
    home.router.states.set('empty/default', { exhausted: { reason: 'balance 0.00', untilMs: undefined } });
    const checks = await examine(home);
    expect(find(checks, 'endpoint.first/default')).toEqual({
      id: 'endpoint.first/default',
      status: 'warn',
      message: 'first/default rests for another 90 s: HTTP 503',
      repair: 'switchyard reset-cooldown first/default',
    });
    expect(find(checks, 'endpoint.empty/default')).toMatchObject({ status: 'warn', repair: 'switchyard config disable empty' });
    home.clock.advance(90_000);
    expect(find(await examine(home), 'endpoint.first/default')?.status).toBe('ok');
  });
});

describe('Codex', () => {
  it.skipIf(!posix)('finds the program in PATH and asks its version', async () => {
    const home = await start(good);
    expect(find(await examine(home), 'codex.binary')).toMatchObject({ status: 'info', repair: 'npm install -g @openai/codex' });
    installCodex(home, 'echo "codex-cli 0.169.0"');
    expect(find(await examine(home), 'codex.binary')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('codex-cli 0.169.0') as string,
    });
  });

  it.skipIf(!posix)('warns of a program that cannot run', async () => {
    const home = await start(good);
    installCodex(home, 'exit 3');
    expect(find(await examine(home), 'codex.binary')?.status).toBe('warn');
  });

  it.each([
    ['off', 'info', 'switchyard codex on'],
    ['broken', 'fail', 'switchyard codex off'],
    ['foreign-edit', 'warn', 'switchyard codex on'],
  ] as const)('says what to do when the patch is %s', async (state, status, repair) => {
    const home = await start(good);
    home.codex.now = { ...home.codex.now, state, message: 'half of it is there' };
    expect(find(await examine(home), 'codex.patch')).toMatchObject({ status, repair });
  });

  it('notices that Codex goes to an old address', async () => {
    const home = await start(good);
    home.codex.now = { ...home.codex.now, state: 'on', form: 'native', baseUrl: 'http://127.0.0.1:9999/v1', loggedIn: 'chatgpt' };
    expect(find(await examine(home), 'codex.patch')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('http://127.0.0.1:3211/v1') as string,
      repair: 'switchyard codex on',
    });
  });

  it('looks at the login', async () => {
    const home = await start(good);
    home.codex.now = { ...home.codex.now, form: 'native', state: 'on', baseUrl: 'http://127.0.0.1:3211/v1' };
    expect(find(await examine(home), 'codex.auth')).toMatchObject({
      status: 'warn',
      repair: 'switchyard codex on --form provider',
    });
    writeFileSync(join(home.home.codexHome, 'auth.json'), '{"tokens":');
    expect(find(await examine(home), 'codex.auth')).toMatchObject({ status: 'fail', repair: 'codex login' });
  });

  it('passes on what would make Codex bypass the relay', async () => {
    const home = await start(good);
    const warning = { code: 'OPENAI_BASE_URL', message: 'OPENAI_BASE_URL is set.', remedy: 'unset OPENAI_BASE_URL' };
    home.codex.now = { ...home.codex.now, warnings: [warning] };
    expect(find(await examine(home), 'codex.env.OPENAI_BASE_URL')).toMatchObject({
      status: 'warn',
      repair: 'unset OPENAI_BASE_URL',
    });
  });

  it('warns of a proxy in the environment, and the command it gives is what it wanted', async () => {
    const home = await start(good);
    home.env['http_proxy'] = 'http://me:canary@proxy.example:8080';
    home.env['NO_PROXY'] = 'intranet.example';
    const check = find(await examine(home, { platform: 'linux' }), 'env.no-proxy');
    expect(check).toMatchObject({ status: 'warn', repair: 'export NO_PROXY=intranet.example,127.0.0.1,localhost' });
    home.env['NO_PROXY'] = check?.repair?.split('=')[1];
    expect(find(await examine(home), 'env.no-proxy')?.status).toBe('ok');
  });
});

it('fails when the log folder cannot be written', async () => {
  const home = await start(good);
  writeFileSync(home.home.paths.logsDir, 'a file in the way');
  expect(find(await examine(home), 'logs.writable')).toMatchObject({ status: 'fail' });
});

it('reports a part that breaks and still checks the others', async () => {
  const home = await start(good);
  home.codex.status = () => Promise.reject(new Error('unreadable sk-canary0123456789'));
  const checks = await examine(home);
  expect(find(checks, 'codex.check')).toMatchObject({ status: 'fail', message: expect.stringContaining('unreadable') as string });
  expect(find(checks, 'config.load')?.status).toBe('ok');
});
