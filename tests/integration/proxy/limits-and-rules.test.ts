import { describe, expect, it } from 'vitest';
import { manualClock } from '../../helpers/manual-clock.js';
import { rawTurn } from '../../helpers/raw-client.js';
import { provider, type TestRelay, type TurnOptions } from '../../helpers/relay.js';
import { eventually, journeys, oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import {
  answer,
  closedPort,
  hangBeforeHeaders,
  idleAfter,
  inBandFailed,
  json,
  status401,
  status503,
  type ScriptedUpstream,
  type Step,
} from '../../helpers/scripted-upstream.js';

const suite = relaySuite();

async function next(relay: TestRelay, options: TurnOptions = {}): Promise<string> {
  const before = relay.records().length;
  await relay.turn(options);
  await relay.ended(before + 1);
  return journeys(relay).at(-1) ?? '';
}

async function skipsOf(relay: TestRelay): Promise<Readonly<Record<string, string>>> {
  const { plan } = await relay.core.control.call('route.explain', {});
  return Object.fromEntries(plan.skipped.map((skip) => [skip.endpoint, skip.reason.code]));
}

/** `a` with a limit in front of `b`. */
async function limited(script: readonly Step[], more = 'max_concurrent = 1'): Promise<{ relay: TestRelay; a: ScriptedUpstream }> {
  const a = await suite.upstream(script);
  const b = await suite.upstream();
  const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl, more) + provider('b', b.baseUrl, 'level = 2'));
  return { relay, a };
}

describe('max_concurrent', () => {
  it('a full endpoint is skipped without penalty, and has its slot again when the client leaves', async () => {
    const { relay } = await limited([idleAfter(5)]);
    const first = rawTurn(relay.url);
    await first.until((text) => text.includes('delta'));
    expect(await skipsOf(relay)).toEqual({ 'a/default': 'saturated' });
    expect(await next(relay)).toBe('b');
    expect(relay.records()[0]?.skipped).toMatchObject([
      { endpoint: 'a/default', reason: { code: 'saturated', active: 1, limit: 1 } },
    ]);
    first.abort();
    await relay.ended(2);
    expect(await skipsOf(relay)).toEqual({});
    expect(await next(relay)).toBe('a');
  });

  it('waiting for the answer holds the slot, too', async () => {
    const { relay, a } = await limited([hangBeforeHeaders]);
    const first = rawTurn(relay.url);
    await a.waitForRequests(1);
    expect(await next(relay)).toBe('b');
    first.abort();
    await relay.ended(2);
    expect(await next(relay)).toBe('a');
  });

  it.each([
    ['an answer', answer(), 'a'],
    ['a failure inside the answer', inBandFailed('server_error', { after: 'delta' }), 'a'],
    ['a refusal of the request', json(400, { error: { message: 'no', type: 'invalid_request_error' } }), 'a'],
    ['a failover', json(404, {}), 'a>b'],
  ])('the slot is free after %s', async (_name, step, journey) => {
    const { relay } = await limited([step]);
    expect(await next(relay)).toBe(journey);
    expect(await next(relay)).toBe('a');
  });

  it('is never exceeded, however many come at once', async () => {
    let inFlight = 0;
    let most = 0;
    const counting: Step = {
      name: 'counting',
      run: async (exchange) => {
        most = Math.max(most, ++inFlight);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inFlight -= 1;
        await answer().run(exchange);
      },
    };
    const a = await suite.upstream(() => counting);
    const b = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl, 'max_concurrent = 3') + provider('b', b.baseUrl, 'level = 2'));
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => relay.turn({ stream: index % 2 === 0 })));
    expect(answers.every((got) => got.status === 200)).toBe(true);
    expect(most).toBe(3);
    expect(a.turns.length + b.turns.length).toBe(40);
    await relay.ended(40);
    const { endpoints } = await relay.core.control.call('status.get', {});
    expect(endpoints.map((endpoint) => endpoint.state.leases)).toEqual([0, 0]);
  });

  it('endpoints of one limit_group share it', async () => {
    const a = await suite.upstream([idleAfter(5)]);
    const b = await suite.upstream();
    const c = await suite.upstream();
    const group = 'max_concurrent = 1\nlimit_group = "account"';
    const relay = await suite.relay(
      provider('a', a.baseUrl, group) + provider('b', b.baseUrl, group) + provider('c', c.baseUrl, 'level = 2'),
    );
    const first = rawTurn(relay.url);
    await first.until((text) => text.includes('delta'));
    expect(await next(relay)).toBe('c');
    first.abort();
    await relay.ended(2);
    expect(await next(relay)).toBe('a');
  });

  it('when everybody is full the client hears it, and when to come back', async () => {
    const a = await suite.upstream([idleAfter(5)]);
    const relay = await suite.relay(provider('a', a.baseUrl, 'max_concurrent = 1'));
    const first = rawTurn(relay.url);
    await first.until((text) => text.includes('delta'));
    const plain = await relay.turn({ codex: false });
    expect(plain.status).toBe(503);
    expect(plain.headers.get('retry-after')).toBe('1');
    expect(plain.headers.get('x-switchyard-attempts')).toBe('0');
    expect(plain.text).toContain('busy: 1 of 1 concurrent requests in flight');
    const codex = await relay.turn();
    expect(codex.types).toEqual(['response.failed']);
    expect(codex.text).toMatch(/rate_limit_exceeded.*try again in 1s/);
    expect(a.turns).toHaveLength(1);
  });
});

describe('error rules of the user', () => {
  const busy = json(503, { error: { message: 'Wartung bis 18 Uhr', type: 'server_error' } });
  const picky = json(400, { error: { message: 'Sensitive word found', type: 'invalid_request_error' } });
  const rows: readonly (readonly [string, string, Step, string, number, number | undefined])[] = [
    ['stop', 'contains = "wartung"\naction = "stop"', busy, 'a', 503, undefined],
    ['stop-and-cooldown', 'matches = "bis \\\\d+ uhr"\naction = "stop-and-cooldown"\ncooldown_s = 120', busy, 'a', 503, 120_000],
    ['next', 'status = "400"\ncontains = "sensitive"\naction = "next"', picky, 'a>b', 200, undefined],
    ['next-and-cooldown', 'status = "400-499"\naction = "next-and-cooldown"\ncooldown_s = 90', picky, 'a>b', 200, 90_000],
    ['a rule for another provider does not apply', 'provider = "b"\nstatus = "400"\naction = "next"', picky, 'a', 400, undefined],
    ['a rule for this provider does', 'provider = "a"\nstatus = "400"\naction = "next"', picky, 'a>b', 200, undefined],
    ['every condition must hold', 'status = "400"\ncontains = "absent"\naction = "next"', picky, 'a', 400, undefined],
  ];
  it.each(rows)('%s', async (_name, rule, step, journey, status, restMs) => {
    const clock = manualClock();
    const a = await suite.upstream([step]);
    const b = await suite.upstream();
    const relay = await suite.relay(
      `${oneAttempt}[[retry.rules]]\n${rule}\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}`,
      { ports: { clock } },
    );
    const got = await relay.turn({ codex: false });
    expect(got.status).toBe(status);
    await relay.ended(1);
    expect(journeys(relay)).toEqual([journey]);
    const { endpoints } = await relay.core.control.call('status.get', {});
    const rest = endpoints[0]?.state.cooldown;
    expect(rest && rest.untilMs - clock.now()).toBe(restMs);
  });

  it('the first that fits decides', async () => {
    const a = await suite.upstream([busy]);
    const b = await suite.upstream();
    const rules = '[[retry.rules]]\nstatus = "503"\naction = "stop"\n[[retry.rules]]\nstatus = "503"\naction = "next"\n';
    const relay = await suite.relay(rules + provider('a', a.baseUrl) + provider('b', b.baseUrl));
    expect(await next(relay)).toBe('a');
  });

  it('an error inside a 200 is matched by its words', async () => {
    const a = await suite.upstream([inBandFailed('weird_code', { message: 'the moon is full' })]);
    const b = await suite.upstream();
    const rules = '[[retry.rules]]\ncontains = "MOON"\naction = "stop"\n';
    const relay = await suite.relay(rules + provider('a', a.baseUrl) + provider('b', b.baseUrl));
    expect(await next(relay)).toBe('a');
  });
});

describe('an upstream that names a wait', () => {
  const startMs = Date.UTC(2026, 0, 1);
  const at = startMs + 45_000;
  const google = {
    error: {
      code: 429,
      status: 'RESOURCE_EXHAUSTED',
      message: 'Quota exceeded',
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '45s' }],
    },
  };
  const limit = (extra: object): unknown => ({ error: { type: 'rate_limit_error', message: 'slow', ...extra } });
  const waits: readonly (readonly [string, unknown, Record<string, string>])[] = [
    ['retry-after-ms', limit({}), { 'retry-after-ms': '45000' }],
    ['retry-after in seconds', limit({}), { 'retry-after': '45' }],
    ['retry-after as a date', limit({}), { 'retry-after': new Date(at).toUTCString() }],
    ['resets_at', limit({ resets_at: at / 1000 }), {}],
    ['resets_in_seconds', limit({ resets_in_seconds: 45 }), {}],
    ['retry_after', limit({ retry_after: 45 }), {}],
    ["Google's retry details", google, {}],
  ];
  it.each(waits)('%s: the endpoint rests so long, and every client is told', async (_name, body, headers) => {
    const clock = manualClock(startMs);
    const a = await suite.upstream([json(429, body, headers)]);
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl), { ports: { clock } });
    const first = await relay.turn({ codex: false });
    expect(first.status).toBe(429);
    expect(first.headers.get('retry-after')).toBe(headers['retry-after'] ?? '45');
    const { plan } = await relay.core.control.call('route.explain', {});
    expect(plan.nextEligibleAtMs).toBe(at);
    expect(plan.skipped[0]?.reason).toMatchObject({ code: 'cooldown', untilMs: at });
    clock.advance(5000);
    const second = await relay.turn({ codex: false });
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '40']);
    expect(second.text).toContain('resting for 40 s more');
    const codex = await relay.turn();
    expect(codex.text).toMatch(/rate_limit_exceeded.*try again in 40s/);
    expect(a.turns).toHaveLength(1);
    clock.advance(40_001);
    expect((await relay.turn()).types.at(-1)).toBe('response.completed');
  });
});

describe('half open', () => {
  it('lets one request in after the rest, and everybody once that one is answered', async () => {
    const clock = manualClock();
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const slow: Step = { name: 'slow', run: async (exchange) => gate.then(() => answer().run(exchange)) };
    const a = await suite.upstream([status503, slow]);
    const b = await suite.upstream();
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl, 'level = 2'), {
      ports: { clock },
    });
    expect(await next(relay)).toBe('a>b');
    clock.advance(29_999);
    expect(await next(relay)).toBe('b');
    clock.advance(1);
    const probe = rawTurn(relay.url);
    await a.waitForRequests(2);
    expect(await skipsOf(relay)).toEqual({ 'a/default': 'probing' });
    expect(await next(relay)).toBe('b');
    letGo();
    await probe.end();
    await relay.ended(4);
    expect(await next(relay)).toBe('a');
  });

  it('a probe whose client leaves proves nothing: the next request is the probe', async () => {
    const clock = manualClock();
    const a = await suite.upstream([status503, hangBeforeHeaders]);
    const b = await suite.upstream();
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl, 'level = 2'), {
      ports: { clock },
    });
    await next(relay);
    clock.advance(30_000);
    const probe = rawTurn(relay.url);
    await a.waitForRequests(2);
    probe.abort();
    await relay.ended(2);
    expect(await next(relay)).toBe('a');
  });
});

describe('used-up money', () => {
  const empty = json(429, { error: { code: 'insufficient_quota', message: 'You exceeded your current quota' } });

  it('stop: the endpoint is left alone until its rest is over', async () => {
    const clock = manualClock();
    const a = await suite.upstream([empty]);
    const b = await suite.upstream([answer(), status503]);
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl, 'level = 2'), {
      ports: { clock },
    });
    expect(await next(relay)).toBe('a>b');
    clock.advance(5000);
    expect(await skipsOf(relay)).toEqual({ 'a/default': 'exhausted' });
    expect(await next(relay)).toBe('b');
    expect(a.turns).toHaveLength(1);
    clock.advance(60_000);
    expect(await next(relay)).toBe('a');
  });

  it('last-resort: it is asked after everybody else', async () => {
    const clock = manualClock();
    const a = await suite.upstream([empty]);
    const b = await suite.upstream([answer(), status503]);
    const relay = await suite.relay(
      `[routing]\non_exhausted = "last-resort"\n${oneAttempt}${provider('a', a.baseUrl)}${provider('b', b.baseUrl, 'level = 2')}`,
      { ports: { clock } },
    );
    await next(relay);
    clock.advance(5000);
    expect(await next(relay)).toBe('b>a');
  });

  it('usage_limit_reached is for the client only when nobody else can serve', async () => {
    const limit = json(429, {
      error: { type: 'usage_limit_reached', message: 'limit', plan_type: 'plus', resets_in_seconds: 9 },
    });
    const a = await suite.upstream([limit]);
    const b = await suite.upstream([answer(), status401]);
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl));
    expect((await relay.turn()).types.at(-1)).toBe('response.completed');
    const alone = await suite.relay(oneAttempt + provider('a', a.baseUrl));
    a.script([limit]);
    const got = await alone.turn();
    expect(got.status).toBe(429);
    expect(got.text).toContain('usage_limit_reached');
    expect(got.headers.get('retry-after')).toBe('9');
  });
});

describe('the failover budget', () => {
  it('two providers by default; the third is not asked', async () => {
    const [a, b, c] = [await suite.upstream([status503]), await suite.upstream([status503]), await suite.upstream()];
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl) + provider('c', c.baseUrl));
    const got = await relay.turn({ codex: false });
    expect([got.status, got.headers.get('x-switchyard-attempts')]).toEqual([503, '2']);
    await relay.ended(1);
    expect(journeys(relay)).toEqual(['a>b']);
    expect(relay.records()[0]?.attempts.map((attempt) => attempt.next)).toEqual(['next', 'end']);
    expect(c.turns).toHaveLength(0);
  });

  it('a provider that was never reached costs nothing of it', async () => {
    const dead = `http://127.0.0.1:${await closedPort()}/v1`;
    const [b, c] = [await suite.upstream([status503]), await suite.upstream()];
    const relay = await suite.relay(oneAttempt + provider('a', dead) + provider('b', b.baseUrl) + provider('c', c.baseUrl));
    expect(await next(relay)).toBe('a>b>c');
  });

  it('further endpoints of a provider that was asked already stay within it', async () => {
    const [x, y] = [await suite.upstream(), await suite.upstream()];
    const [b, c] = [await suite.upstream([status503]), await suite.upstream()];
    const twoEnds = `[providers.a]\nlevel = 2\napi_key = "sk-a"\n[providers.a.endpoints.x]\nbase_url = "${x.baseUrl}"\n[providers.a.endpoints.y]\nbase_url = "${y.baseUrl}"\norder = 1\n`;
    const off = 'enabled = false';
    const relay = await suite.relay(oneAttempt + provider('b', b.baseUrl, off) + provider('c', c.baseUrl, off) + twoEnds);
    expect(await next(relay, { session: 's' })).toBe('a');
    for (const name of ['b', 'c']) await relay.core.control.call('provider.setEnabled', { name, enabled: true });
    x.script([status503]);
    expect(await next(relay, { session: 's' })).toBe('a>b>a');
    expect([y.turns.length, c.turns.length]).toEqual([1, 0]);
  });

  it('an endpoint whose slot is gone when its turn comes is no attempt', async () => {
    const a = await suite.upstream();
    const b = await suite.upstream([idleAfter(5)]);
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    a.script([{ name: 'late503', run: async (exchange) => gate.then(() => status503.run(exchange)) }]);
    const relay = await suite.relay(
      oneAttempt +
        provider('a', a.baseUrl) +
        provider('b', b.baseUrl, 'max_concurrent = 1\nlevel = 2\nmodels = ["gpt-*", "m-b"]'),
    );
    const first = relay.turn({ codex: false });
    await a.waitForRequests(1);
    await relay.core.control.call('pin.set', { provider: 'b' });
    const second = rawTurn(relay.url);
    await eventually(() => b.turns.length === 1);
    letGo();
    const got = await first;
    expect([got.status, got.headers.get('x-switchyard-attempts')]).toEqual([503, '1']);
    second.abort();
  });
});
