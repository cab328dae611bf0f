import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../helpers/manual-clock.js';
import { rawTurn } from '../../helpers/raw-client.js';
import { provider, type TestRelay, type TurnOptions } from '../../helpers/relay.js';
import { journeys, oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import { idleAfter, status503, type ScriptedUpstream } from '../../helpers/scripted-upstream.js';

const suite = relaySuite();

async function next(relay: TestRelay, options: TurnOptions = {}): Promise<string> {
  const before = relay.records().length;
  await relay.turn(options);
  await relay.ended(before + 1);
  return journeys(relay).at(-1) ?? '';
}

/** Providers a, b and c on one level, after the given settings. */
async function three(
  settings: string,
  more: Readonly<Record<string, string>> = {},
  ports: Parameters<typeof suite.relay>[1] = {},
): Promise<{ readonly relay: TestRelay; readonly upstreams: readonly ScriptedUpstream[] }> {
  const upstreams = [await suite.upstream(), await suite.upstream(), await suite.upstream()];
  const blocks = ['a', 'b', 'c'].map((name, index) => provider(name, upstreams[index]?.baseUrl ?? '', more[name]));
  return { relay: await suite.relay(settings + oneAttempt + blocks.join(''), ports), upstreams };
}

describe('pins', () => {
  it('a pinned provider gets every turn, without failover', async () => {
    const { relay, upstreams } = await three('[routing]\nactive = "a"\n');
    await relay.core.control.call('pin.set', { provider: 'b' });
    expect(await next(relay)).toBe('b');
    expect(relay.records()[0]).toMatchObject({ pinned: 'b', provider: 'b' });
    upstreams[1]?.script([status503]);
    const got = await relay.turn({ codex: false });
    expect(got.status).toBe(503);
    expect([upstreams[0]?.turns.length, upstreams[2]?.turns.length]).toEqual([0, 0]);
    await relay.core.control.call('pin.clear', {});
    expect(await next(relay)).toBe('a');
  });

  it("a session's own pin beats the global one, for that session only", async () => {
    const { relay } = await three('');
    await relay.core.control.call('pin.set', { provider: 'b' });
    await relay.core.control.call('pin.set', { provider: 'c', session: 's' });
    expect([await next(relay, { session: 's' }), await next(relay, { session: 't' })]).toEqual(['c', 'b']);
    await relay.core.control.call('pin.clear', { session: 's' });
    expect([await next(relay, { session: 's' }), await next(relay, { session: 't' })]).toEqual(['b', 'b']);
  });

  it('a pin takes a bound session along at once', async () => {
    const { relay } = await three('[routing]\naffinity = "hard"\n');
    expect(await next(relay, { session: 's' })).toBe('a');
    await relay.core.control.call('pin.set', { provider: 'c', session: 's' });
    expect(await next(relay, { session: 's' })).toBe('c');
  });

  it('a pin nobody used for half an hour is dropped; using it keeps it', async () => {
    const clock = manualClock();
    const { relay } = await three('[routing]\naffinity = "off"\n', {}, { ports: { clock } });
    await relay.core.control.call('pin.set', { provider: 'c', session: 's' });
    for (let count = 0; count < 3; count++) {
      clock.advance(29 * 60_000);
      expect(await next(relay, { session: 's' })).toBe('c');
    }
    clock.advance(31 * 60_000);
    expect(await next(relay, { session: 's' })).toBe('a');
  });

  it('a pinned provider that cannot be used says so instead of another one answering', async () => {
    const { relay } = await three('', { b: 'enabled = false' });
    await relay.core.control.call('pin.set', { provider: 'b' });
    const got = await relay.turn({ codex: false });
    expect(got.status).toBe(503);
    expect(got.text).toContain('b/default: switched off in the configuration');
    expect(got.text).toContain('left out because b is pinned');
  });

  it('pinning somebody unknown is refused, and changes nothing', async () => {
    const { relay } = await three('');
    await expect(relay.core.control.call('pin.set', { provider: 'nobody' })).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    expect(await next(relay)).toBe('a');
  });
});

describe('routes', () => {
  const cases: readonly (readonly [string, string, TurnOptions, TurnOptions])[] = [
    ['model', 'model = "gpt-5*"', { model: 'gpt-5.5' }, { model: 'o9' }],
    ['path', 'path = "/responses*"', { path: '/responses?x=1' }, { path: '/v1/responses' }],
    ['header', 'header = { "X-Team" = "blue*" }', { headers: { 'x-team': 'blue-1' } }, { headers: { 'x-team': 'red' } }],
    [
      'project',
      'project = "/work/app"',
      { body: { input: [{ role: 'user', content: '<environment_context><cwd>/work/app/sub</cwd>' }] } },
      { body: { input: [{ role: 'user', content: '<environment_context><cwd>/work/apple</cwd>' }] } },
    ],
  ];
  it.each(cases)('by %s', async (_name, condition, inside, outside) => {
    const { relay } = await three(`[[routes]]\nname = "special"\n${condition}\nproviders = ["c"]\n`);
    expect([await next(relay, inside), await next(relay, outside)]).toEqual(['c', 'a']);
    expect(relay.records().map((record) => record.route)).toEqual(['special', undefined]);
    expect(relay.records()[0]?.skipped?.map((skip) => skip.reason.code)).toEqual(['not_in_route', 'not_in_route']);
  });

  it('by client key; a wrong key gets in nowhere, and no key of ours leaves', async () => {
    const keys = '[server]\nclient_keys = [{ name = "phone", key = "key-of-phone" }, { name = "desk", key = "key-of-desk" }]\n';
    const { relay, upstreams } = await three(`${keys}[[routes]]\nclient_key = "phone"\nproviders = ["b"]\n`);
    const as = (key: string): TurnOptions => ({ headers: { authorization: `Bearer ${key}` } });
    expect([await next(relay, as('key-of-phone')), await next(relay, as('key-of-desk'))]).toEqual(['b', 'a']);
    expect((await relay.turn(as('key-of-nobody'))).status).toBe(401);
    const sent = upstreams.flatMap((upstream) => upstream.turns).flatMap((turn) => turn.rawHeaders);
    expect(sent.join('\n')).not.toContain('key-of-');
  });

  it('the first that fits wins, and its providers keep levels and failover among themselves', async () => {
    const routes =
      '[[routes]]\nmodel = "gpt-5*"\nproviders = ["b", "c"]\n[[routes]]\nmodel = "*"\nproviders = ["a"]\n[retry.failover]\nmax_attempts = 3\n';
    const { relay, upstreams } = await three(routes, { b: 'level = 2' });
    upstreams[2]?.script([status503]);
    expect([await next(relay), await next(relay, { model: 'o9' })]).toEqual(['c>b', 'a']);
  });

  it('a pin beats a route', async () => {
    const { relay } = await three('[[routes]]\nmodel = "*"\nproviders = ["c"]\n');
    await relay.core.control.call('pin.set', { provider: 'b' });
    expect(await next(relay)).toBe('b');
  });
});

describe('strategies inside a level', () => {
  it('ordered: the order of the file, the active provider first', async () => {
    const { relay } = await three('[routing]\nactive = "b"\n');
    expect([await next(relay), await next(relay)]).toEqual(['b', 'b']);
    await relay.core.control.call('provider.setActive', { name: null });
    expect(await next(relay)).toBe('a');
  });

  it('round-robin: everybody in turn, and explain names the one that comes next', async () => {
    const { relay } = await three('[routing]\nlevels = { "1" = "round-robin" }\n');
    const foretold: string[] = [];
    const taken: string[] = [];
    for (let count = 0; count < 4; count++) {
      const { plan } = await relay.core.control.call('route.explain', {});
      foretold.push(plan.candidates[0]?.endpoint.provider ?? '');
      taken.push(await next(relay));
    }
    expect(taken).toEqual(['a', 'b', 'c', 'a']);
    expect(foretold).toEqual(taken);
  });

  it('least-busy: the one with the fewest requests in flight', async () => {
    const { relay, upstreams } = await three('[routing]\nstrategy = "least-busy"\n');
    for (const upstream of upstreams) upstream.script(() => idleAfter(5));
    const calls = [];
    for (let count = 0; count < 6; count++) {
      const call = rawTurn(relay.url);
      calls.push(call);
      await call.until((text) => text.includes('delta'));
    }
    expect(upstreams.map((upstream) => upstream.turns.length)).toEqual([2, 2, 2]);
    for (const call of calls) call.abort();
    await relay.ended(6);
  });

  it('weighted: in proportion', async () => {
    const { relay, upstreams } = await three('[routing]\nstrategy = "weighted"\n', { a: 'weight = 6', b: 'weight = 3' });
    for (let count = 0; count < 100; count++) await relay.turn({ stream: false });
    const [a = 0, b = 0, c = 0] = upstreams.map((upstream) => upstream.turns.length);
    expect(a + b + c).toBe(100);
    expect(a).toBeGreaterThan(b);
    expect(b).toBeGreaterThan(c);
    expect(c).toBeGreaterThan(0);
  });
});

describe('what cannot be used', () => {
  it('switched-off providers and endpoints are left out', async () => {
    const { relay } = await three('', { a: 'enabled = false' });
    expect(await next(relay)).toBe('b');
    expect(relay.records()[0]?.skipped).toEqual([{ endpoint: 'a/default', level: 1, reason: { code: 'disabled' } }]);
    await relay.core.control.call('provider.setEnabled', { name: 'a', enabled: true });
    expect(await next(relay)).toBe('a');
  });

  it('a credential that is missing keeps its provider out until it is there', async () => {
    const env: Record<string, string> = {};
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(
      `[providers.a]\nbase_url = "${a.baseUrl}"\napi_key_env = "KEY_OF_A"\n${provider('b', b.baseUrl)}`,
      { env },
    );
    expect(await next(relay)).toBe('b');
    env['KEY_OF_A'] = 'sk-late\n';
    expect(await next(relay)).toBe('a');
    expect(a.turns[0]?.headers['authorization']).toBe('Bearer sk-late');
  });

  it.each([
    ['an active provider', '[routing]\nactive = "ghost"\n'],
    ['a pinned provider', '[routing]\npinned = "ghost"\n'],
    ['a provider of a route', '[[routes]]\nmodel = "*"\nproviders = ["ghost", "b"]\n'],
  ])('%s that does not exist is said, and the last good configuration runs on', async (_name, settings) => {
    const { relay } = await three('');
    const { configFile } = relay.home.paths;
    writeFileSync(configFile, settings + readFileSync(configFile, 'utf8'));
    const { problems } = await relay.core.control.call('config.reload', {});
    expect(problems.map((problem) => problem.message).join()).toContain('ghost');
    expect(await next(relay)).toBe('a');
  });

  it('a turn keeps the configuration it began with', async () => {
    const { relay, upstreams } = await three('');
    upstreams[0]?.script([idleAfter(5)]);
    const call = rawTurn(relay.url);
    await call.until((text) => text.includes('delta'));
    await relay.core.control.call('provider.remove', { name: 'a' });
    expect(await next(relay)).toBe('b');
    expect(upstreams[0]?.turns[0]?.aborted).toBe(false);
    call.abort();
    const [, first] = await relay.ended(2);
    expect(first).toMatchObject({ provider: 'a', upstream_base_url: upstreams[0]?.baseUrl, end: 'aborted' });
  });

  it('a level is used only when nobody of a better one is usable', async () => {
    const { relay, upstreams } = await three('[retry.failover]\nmax_attempts = 3\n', {
      a: 'level = 3',
      b: 'level = 2',
      c: 'level = 2',
    });
    upstreams[1]?.script([status503]);
    upstreams[2]?.script([status503]);
    expect(await next(relay)).toBe('b>c>a');
  });
});
