import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { ControlCall } from '../../../shared/control/contract.js';
import { aTurn } from '../ledger/turns.js';
import { openControlHome, type ControlHome } from './control-home.js';

const two = `# mine
[providers.first] # best
base_url = "https://first.example/v1"
api_key_env = "FIRST_KEY"

[providers.second]
base_url = "https://second.example/v1"
api_key_env = "SECOND_KEY"
level = 2
`;

let open: ControlHome | undefined;
async function start(toml = two, overrides: Parameters<typeof openControlHome>[1] = {}): Promise<ControlHome> {
  open = await openControlHome(toml, overrides);
  return open;
}
afterEach(async () => {
  await open?.close();
  open = undefined;
});

const file = (home: ControlHome) => readFileSync(home.home.paths.configFile, 'utf8');

describe('input', () => {
  it.each([
    ['provider.setLevel', { name: 'first', level: 11 }, 'level'],
    ['provider.setLevel', { name: 'first' }, 'level'],
    ['provider.setActive', { name: '../x' }, 'name'],
    ['status.get', { extra: 1 }, 'extra'],
    ['logs.tail', { limit: 'many' }, 'limit'],
    ['config.edit', { edits: [{ op: 'set', path: [], value: 1 }] }, 'edits.0.path'],
    ['status.get', 'text', 'object'],
  ])('refuses a malformed %s and names the field', async (call, input, field) => {
    const { control } = await start();
    await expect(control.call(call as ControlCall, input as never)).rejects.toMatchObject({
      code: 'CONTROL_BAD_REQUEST',
      message: expect.stringContaining(field) as string,
    });
  });

  it('does not know calls that are not in the contract, inherited names included', async () => {
    const { control } = await start();
    for (const name of ['status.got', 'toString', '__proto__']) {
      await expect(control.call(name as ControlCall, {})).rejects.toMatchObject({ code: 'CONTROL_NOT_FOUND' });
    }
  });
});

describe('status', () => {
  it('shows every endpoint, what is active and pinned, and whether credentials resolve', async () => {
    const { control, env, ledger } = await start(`[routing]\nactive = "first"\npinned = "second"\n${two}`);
    env['FIRST_KEY'] = 'key-of-first';
    ledger.record(aTurn({ turn_id: 'seen' }));
    const status = await control.call('status.get', {});
    expect(status).toMatchObject({
      version: '1.2.3',
      host: 'daemon',
      pid: 77,
      startedAtMs: 5,
      active: 'first',
      pinned: 'second',
    });
    expect(status.address?.url).toBe('http://127.0.0.1:3211');
    expect(status.endpoints.map(({ key, active, pinned, credential }) => ({ key, active, pinned, ok: credential.ok }))).toEqual([
      { key: 'first/default', active: true, pinned: false, ok: true },
      { key: 'second/default', active: false, pinned: true, ok: false },
    ]);
    expect(status.lastTurn?.turn_id).toBe('seen');
    expect(status.totals.turns).toBe(1);
    expect(status.config.problems).toEqual([]);
  });

  it('keeps the last good config and shows where a broken file is wrong', async () => {
    const home = await start();
    writeFileSync(home.home.paths.configFile, `${two}\nbroken = = 1\n`);
    const status = await home.control.call('config.reload', {});
    expect(status.problems[0]).toMatchObject({ severity: 'error', code: 'CONFIG_SYNTAX', position: { line: 11 } });
    expect((await home.control.call('status.get', {})).endpoints).toHaveLength(2);
  });
});

describe('providers', () => {
  it('adds one with its key as a secret that never reaches the file', async () => {
    const home = await start();
    await home.control.call('provider.add', {
      name: 'third',
      base_url: 'https://third.example/v1',
      key: 'canary-key-third',
      level: 3,
      label: 'Third',
      protocol: 'chat',
      disabled: true,
    });
    expect(await home.secrets.get('third')).toBe('canary-key-third');
    expect(file(home)).not.toContain('canary');
    expect(home.config.snapshot().config.providers['third']).toMatchObject({
      base_url: 'https://third.example/v1',
      secret: 'third',
      level: 3,
      label: 'Third',
      protocol: 'chat',
      enabled: false,
    });
    expect(file(home)).toContain('# best');
    const [third] = home.router.endpoints().filter(({ endpoint }) => endpoint.provider === 'third');
    expect(third?.credential.ok).toBe(true);
  });

  it('takes the secret back when the provider is refused, and keeps the one that was there', async () => {
    const home = await start();
    await expect(home.control.call('provider.add', { name: 'bad', base_url: 'ftp://x', key: 'k1234567' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    expect(await home.secrets.list()).toEqual([]);
    await home.secrets.set('bad', 'older');
    await expect(home.control.call('provider.add', { name: 'bad', base_url: 'ftp://x', key: 'newer' })).rejects.toThrow();
    expect(await home.secrets.get('bad')).toBe('older');
    expect(file(home)).toBe(two);
  });

  it('refuses a name that is taken and two credentials at once', async () => {
    const { control } = await start();
    const base_url = 'https://x.example';
    await expect(control.call('provider.add', { name: 'first', base_url })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(control.call('provider.add', { name: 'x', base_url, key: 'a', api_key_env: 'B' })).rejects.toMatchObject({
      code: 'CONTROL_BAD_REQUEST',
      details: { path: 'key' },
    });
  });

  it('prefers one, and stops preferring', async () => {
    const home = await start();
    await home.control.call('provider.setActive', { name: 'second' });
    expect(home.config.snapshot().config.routing.active).toBe('second');
    await home.control.call('provider.setActive', { name: null });
    expect(home.config.snapshot().config.routing.active).toBeUndefined();
    await home.control.call('provider.setActive', { name: null });
  });

  it.each(['provider.setActive', 'provider.remove', 'pin.set'] as const)(
    'answers %s for an unknown one with the known names',
    async (call) => {
      const { control } = await start();
      const input = call === 'pin.set' ? { provider: 'thrid' } : { name: 'thrid' };
      await expect(control.call(call, input as never)).rejects.toMatchObject({
        code: 'CONFIG_NOT_FOUND',
        message: expect.stringContaining('Known: first, second.') as string,
      });
      await expect(control.call('pin.set', { provider: 'thrid', session: 's' })).rejects.toMatchObject({
        code: 'CONFIG_NOT_FOUND',
      });
    },
  );

  it('removes one together with being active and pinned', async () => {
    const home = await start(`[routing]\nactive = "first"\npinned = "first"\n\n${two}`);
    await home.control.call('provider.remove', { name: 'first' });
    const { config } = home.config.snapshot();
    expect(Object.keys(config.providers)).toEqual(['second']);
    expect(config.routing.active).toBeUndefined();
    expect(config.routing.pinned).toBeUndefined();
  });

  it('sets level, enabled and the retry profile', async () => {
    const home = await start();
    await home.control.call('provider.setLevel', { name: 'first', level: 4 });
    await home.control.call('provider.setEnabled', { name: 'first', enabled: false });
    await home.control.call('retry.setProfile', { profile: 'cost-primary' });
    const { config, retry } = home.config.snapshot();
    expect(config.providers['first']).toMatchObject({ level: 4, enabled: false });
    expect(retry.profile).toBe('cost-primary');
    await home.control.call('provider.setEnabled', { name: 'first', enabled: true });
    expect(home.config.snapshot().endpoints[0]?.enabled).toBe(true);
  });

  it('refuses an edit of a revision that is gone', async () => {
    const home = await start();
    const { revision } = home.config.status();
    const edits = [{ op: 'set' as const, path: ['routing', 'active'], value: 'first' }];
    await home.control.call('config.edit', { edits, revision });
    await expect(home.control.call('config.edit', { edits, revision })).rejects.toMatchObject({ code: 'CONFIG_STALE' });
  });
});

describe('secrets', () => {
  it('stores and deletes one, and the endpoint sees it at once', async () => {
    const home = await start('[providers.a]\nbase_url = "https://a.example"\nsecret = "shared"\n');
    expect(home.router.endpoints()[0]?.credential.ok).toBe(false);
    expect(await home.control.call('secret.set', { name: 'shared', value: 'v1234567' })).toEqual({ backend: 'file' });
    expect(home.router.endpoints()[0]?.credential.ok).toBe(true);
    expect(await home.control.call('secret.delete', { name: 'shared' })).toEqual({ deleted: true });
    expect(await home.control.call('secret.delete', { name: 'shared' })).toEqual({ deleted: false });
    expect(home.router.endpoints()[0]?.credential.ok).toBe(false);
  });
});

describe('pins and cooldowns', () => {
  it('writes a pin for all sessions to the file and keeps a pin of one session in memory', async () => {
    const home = await start();
    await home.control.call('pin.set', { provider: 'second' });
    expect(home.config.snapshot().config.routing.pinned).toBe('second');
    await home.control.call('pin.set', { provider: 'first', session: 's1' });
    await home.control.call('pin.set', { provider: 'first', session: 's2' });
    expect((await home.control.call('status.get', {})).sessionPins).toEqual({ s1: 'first', s2: 'first' });
    await home.control.call('pin.clear', { session: 's1' });
    expect(home.router.sessionPins()).toEqual({ s2: 'first' });
    expect(home.config.snapshot().config.routing.pinned).toBe('second');
    await home.control.call('pin.clear', {});
    expect(home.router.sessionPins()).toEqual({});
    expect(home.config.snapshot().config.routing.pinned).toBeUndefined();
  });

  it('ends cooldowns of one endpoint, one provider or all, and names endpoints when the name is wrong', async () => {
    const home = await start();
    const cool = () => {
      home.router.states.set('first/default', { streak: 1 });
      home.router.states.set('second/default', { streak: 1 });
    };
    cool();
    expect(await home.control.call('endpoint.resetCooldown', { endpoint: 'first' })).toEqual({ reset: ['first/default'] });
    cool();
    expect((await home.control.call('endpoint.resetCooldown', {})).reset).toHaveLength(2);
    await expect(home.control.call('endpoint.resetCooldown', { endpoint: 'fist' })).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      message: expect.stringContaining('second/default') as string,
    });
  });

  it('explains with the very plan of the router, in words too', async () => {
    const home = await start();
    const answer = await home.control.call('route.explain', { model: 'gpt-5' });
    expect(home.router.asked).toEqual([{ model: 'gpt-5', path: '/v1/responses', headers: {} }]);
    expect(answer.plan.candidates.map(({ endpoint }) => endpoint.key)).toEqual(['first/default', 'second/default']);
    expect(answer.lines[0]).toContain('first/default');
  });
});

describe('codex and host', () => {
  it('patches Codex with the address that listens and the configured form', async () => {
    const home = await start(`[clients.codex]\nform = "provider"\n${two}`);
    await home.control.call('codex.on', {});
    await home.control.call('codex.on', { form: 'native', dryRun: true });
    await home.control.call('codex.off', {});
    expect(home.codex.asked).toEqual([
      { form: 'provider', baseUrl: 'http://127.0.0.1:3211/v1', dryRun: false },
      { form: 'native', baseUrl: 'http://127.0.0.1:3211/v1', dryRun: true },
      { dryRun: false },
    ]);
    expect(home.events).toEqual([{ type: 'codex-patch-changed' }, { type: 'codex-patch-changed' }]);
  });

  it('patches Codex with the configured address while nothing listens, and a wildcard becomes loopback', async () => {
    const home = await start(`[server]\nhost = "0.0.0.0"\nport = 4000\n`, { address: () => null });
    await home.control.call('codex.on', {});
    expect(home.codex.asked[0]).toMatchObject({ baseUrl: 'http://127.0.0.1:4000/v1' });
    writeFileSync(home.home.paths.configFile, '[server]\nport = 0\n');
    await home.control.call('config.reload', {});
    await expect(home.control.call('codex.on', {})).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING' });
  });

  it('asks the host to stop', async () => {
    const { control, stops } = await start();
    expect(await control.call('host.stop', { keepCodex: true })).toEqual({ stopping: true });
    expect(stops).toEqual([{ keepCodex: true }]);
  });

  it('tails the log', async () => {
    const { control, ledger } = await start();
    ledger.record(aTurn({ turn_id: 'good' }));
    ledger.record(aTurn({ turn_id: 'bad', status_code: 500, end: 'failed' }));
    const { records } = await control.call('logs.tail', { errorsOnly: true });
    expect(records.map((record) => record.turn_id)).toEqual(['bad']);
  });
});

it('shows no secret in any answer or error, wherever the user put it', async () => {
  const canary = 'cAnArY0123456789';
  const toml = `
[server]
client_keys = [{ name = "laptop", key = "${canary}-client" }]
[providers.inline]
base_url = "https://inline.example/v1"
api_key = "${canary}-inline"
proxy = "socks5://me:${canary}@127.0.0.1:1"
headers = { "x-seller" = "${canary}-header" }
# api_key = "${canary}-comment"
[providers.inline.endpoints.two]
base_url = "https://two.example/v1"
api_key = '${canary}-two'
[providers.inline.endpoints.two.headers]
authorization = "Bearer ${canary}"
[providers.env]
base_url = "https://env.example/v1"
api_key_env = "RELAY_KEY"
[providers.stored]
base_url = "https://stored.example/v1"
secret = "stored"
`;
  const home = await start(toml, {
    importConfig: () =>
      Promise.resolve({ source: 'codex', imported: [], skipped: [], warnings: [`sk-${canary}`], toml, written: false }),
  });
  home.env['RELAY_KEY'] = `${canary}-env`;
  await home.control.call('secret.set', { name: 'stored', value: `${canary}-stored` });
  home.codex.diff = `+experimental_bearer_token = "${canary}-inline"`;
  home.ledger.record(aTurn({ status_code: 401, end: 'failed', error: { code: 'X', message: `Bearer ${canary}` } }));
  const calls: (readonly [ControlCall, object])[] = [
    ['status.get', {}],
    ['config.get', {}],
    ['config.reload', {}],
    ['config.import', { source: 'codex', dryRun: true }],
    ['route.explain', {}],
    ['codex.status', {}],
    ['codex.on', { dryRun: true }],
    ['logs.tail', {}],
    ['provider.setLevel', { name: 'inline', level: 2 }],
    ['provider.add', { name: 'env', base_url: `https://${canary}.example`, key: canary }],
    ['config.edit', { edits: [{ op: 'set', path: ['providers', 'env', 'api_key'], value: `${canary}-inline` }] }],
    ['config.edit', { edits: [{ op: 'set', path: ['providers', 'inline', 'level'], value: `${canary}-inline` }] }],
    ['provider.setLevel', { name: 'inline', level: canary }],
  ];
  const answers: string[] = [];
  for (const [call, input] of calls) {
    const answer = await home.control.call(call, input as never).catch((error: unknown) => error as Error);
    answers.push(
      answer instanceof Error ? `${call} ${answer.message} ${JSON.stringify(answer)}` : `${call} ${JSON.stringify(answer)}`,
    );
  }
  writeFileSync(home.home.paths.configFile, `${toml}\nbroken = = 1\n`);
  await home.control.call('config.reload', {});
  answers.push(
    JSON.stringify(await home.control.call('config.get', {})),
    JSON.stringify(await home.control.call('status.get', {})),
  );
  answers.push(home.logger.text());
  for (const answer of answers) expect(answer).not.toMatch(/canary0123/i);
  expect(answers.join('')).toContain('inline/two');
});

it('leaves the rest of a shown config as the user wrote it', async () => {
  const toml = `# hello\r\n[providers.a] # key\r\nbase_url = "https://a.example/v1"\r\napi_key = "sk-whatever-1234"  # mine\r\nsecret_note = "x"\r\n[[routes]]\r\nclient_key = "laptop"\r\nproviders = ["a"]\r\n`;
  const home = await start(toml);
  const shown = (await home.control.call('config.get', {})).toml;
  expect(shown).toBe(toml.replace('"sk-whatever-1234"', '"[redacted]"'));
});
