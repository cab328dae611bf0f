import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { failureClasses } from '../../../shared/config/schema.js';
import type { AttemptFailure } from '../../../shared/domain/routing.js';
import { classifyResponse } from '../../../main/core/routing/classify.js';
import { decide, retryWaitMs, type Decision, type DecisionInput } from '../../../main/core/routing/outcome-policy.js';
import { makeFailure, makeRetry, NOW } from './fixtures.js';

function decideFor(failure: Partial<AttemptFailure>, fields: Partial<DecisionInput> = {}): Decision {
  return decide({
    failure: makeFailure(failure),
    retry: makeRetry(),
    provider: 'relay',
    attemptsAtEndpoint: 1,
    nextCandidate: true,
    pinned: false,
    random: () => 0,
    ...fields,
  });
}

/** Requests each endpoint sees when every one of them always answers the same. */
function hits(count: number, failure: AttemptFailure, fields: Partial<DecisionInput> = {}): readonly number[] {
  const seen = new Array<number>(count).fill(0);
  for (let index = 0; index < count; index++) {
    for (let attempts = 1; ; attempts++) {
      seen[index] = attempts;
      const { action } = decideFor(failure, { attemptsAtEndpoint: attempts, nextCandidate: index + 1 < count, ...fields });
      if (action === 'stop') return seen;
      if (action === 'next') break;
    }
  }
  return seen;
}

const answer = (status: number, body = '', headers: Record<string, string> = {}): AttemptFailure => {
  const failure = classifyResponse({ status, headers, bodyHead: body, nowMs: NOW, isStreamExpected: true });
  return failure ?? makeFailure({ class: 'bad_answer', message: 'expected a failure' });
};

describe('requests per endpoint', () => {
  const wide = makeRetry({ endpoint: { on_status: '400-599' }, failover: { on_status: '400-599' } });
  const once = makeRetry({ endpoint: { max_attempts: 1 } });

  it.each<[string, AttemptFailure, Partial<DecisionInput>, readonly number[]]>([
    ['502: the first twice, then the second', answer(502), {}, [2, 2]],
    ['502 without retries in place: each once, and the turn ends', answer(502), { retry: once }, [1, 1]],
    [
      '502 that is not retryable: one request',
      answer(502),
      { retry: makeRetry({ endpoint: { on_status: '' }, failover: { on_status: '' } }) },
      [1, 0],
    ],
    ['400: one request', answer(400), {}, [1, 0]],
    ['404: each once', answer(404), {}, [1, 1]],
    ['404 with on_status 400-599: the first twice', answer(404), { retry: wide }, [2, 2]],
    [
      'a client error even with on_status 400-599: one request',
      answer(400, '{"error":{"type":"invalid_request_error"}}'),
      { retry: wide },
      [1, 0],
    ],
    ['401: each once', answer(401), {}, [1, 1]],
    ['413, 415, 422: one request', answer(413), {}, [1, 0]],
    ['429 without a wait: the first twice', answer(429), {}, [2, 2]],
    ['429 with a long wait: at once to the next, where the wait is capped', answer(429, '', { 'retry-after': '60' }), {}, [1, 2]],
    ['used-up allowance: each once', answer(429, '{"error":{"type":"usage_limit_reached"}}'), {}, [1, 1]],
    ['overload: at once to the next', answer(503), {}, [1, 2]],
    ['a missing model: each once', answer(404, '{"error":{"code":"model_not_found"}}'), {}, [1, 1]],
    ['a web page at 200: each once', answer(200, '<html></html>'), {}, [1, 1]],
  ])('%s', (_, failure, fields, expected) => {
    expect(hits(2, failure, fields)).toEqual(expected);
  });

  it('connection refused: at once to the next, twice where there is none', () => {
    const refused = makeFailure({ class: 'transport', status: undefined, reached: false });
    expect(hits(2, refused)).toEqual([1, 2]);
  });

  it('a pinned provider gets its retries before its sibling endpoint', () => {
    expect(hits(2, answer(503), { pinned: true })).toEqual([2, 2]);
  });

  it('a reset after the request was sent: the first twice', () => {
    expect(hits(2, makeFailure({ class: 'transport', status: undefined }))).toEqual([2, 2]);
  });
});

describe('what cools', () => {
  it.each([
    ['transport', undefined, true],
    ['timeout', undefined, true],
    ['overloaded', 503, true],
    ['rate_limited', 429, true],
    ['auth', 401, true],
    ['server_error', 500, true],
    ['bad_answer', 200, true],
    ['stream_failed', 200, true],
    ['bad_answer', 404, false],
    ['capability_mismatch', 404, false],
  ] as const)('%s with status %s moves on, cooling: %s', (failureClass, status, cool) => {
    const decision = decideFor({ class: failureClass, status }, { attemptsAtEndpoint: 8 });
    expect(decision).toMatchObject({ action: 'next', cool });
  });

  it('the last failing attempt cools, too', () => {
    expect(decideFor({}, { attemptsAtEndpoint: 8, nextCandidate: false })).toEqual({ action: 'stop', waitMs: 0, cool: true });
  });

  it('a retry in place does not cool yet', () => {
    expect(decideFor({})).toMatchObject({ action: 'retry', cool: false });
  });

  it('what is not retryable does not cool', () => {
    expect(decideFor({ class: 'client_error', status: 400 })).toEqual({ action: 'stop', waitMs: 0, cool: false });
    expect(decideFor({ status: 422 })).toEqual({ action: 'stop', waitMs: 0, cool: false });
  });
});

describe('never', () => {
  it('on_class overrides never_on_status', () => {
    const retry = makeRetry({ never_on_status: '429' });
    expect(decideFor({ class: 'rate_limited', status: 429 }, { retry }).action).toBe('retry');
    expect(decideFor({ class: 'server_error', status: 429 }, { retry }).action).toBe('stop');
  });

  it('never_on_class is stronger than on_class', () => {
    const retry = makeRetry({ never_on_class: ['overloaded'] });
    expect(decideFor({ class: 'overloaded', status: 503 }, { retry }).action).toBe('stop');
  });
});

describe('error rules', () => {
  const rules = (...list: readonly Record<string, unknown>[]) => makeRetry({ rules: list });
  const body = '{"error":{"message":"Please Top Up your account"}}';

  it.each([
    ['stop', { action: 'stop', cool: false }],
    ['stop-and-cooldown', { action: 'stop', cool: true, cooldownMs: 30_000 }],
    ['next', { action: 'next', cool: false }],
    ['next-and-cooldown', { action: 'next', cool: true, cooldownMs: 30_000 }],
  ])('%s', (action, expected) => {
    expect(decideFor({}, { retry: rules({ name: 'r', status: '500-599', action }) })).toEqual({
      ...expected,
      waitMs: 0,
      rule: 'r',
    });
  });

  it.each([
    ['substring of the body, whatever its case', { contains: 'top up' }, true],
    ['another substring', { contains: 'pay' }, false],
    ['a regular expression', { matches: 'top\\s+up' }, true],
    ['a regular expression that is not one is taken literally', { matches: 'account"}}(' }, false],
    ['status and text', { status: '502', contains: 'account' }, true],
    ['another status', { status: '400', contains: 'account' }, false],
    ['contains and matches, both', { contains: 'top', matches: 'nope' }, false],
    ['its provider', { contains: 'account', provider: 'relay' }, true],
    ['another provider', { contains: 'account', provider: 'other' }, false],
    ['the message, too', { contains: 'from the upstream' }, true],
  ])('matches %s', (_, conditions, expected) => {
    const decision = decideFor({ bodyHead: body }, { retry: rules({ name: 'r', action: 'stop', ...conditions }) });
    expect(decision.rule === 'r').toBe(expected);
  });

  it('finds an invalid expression literally', () => {
    expect(decideFor({ bodyHead: 'a (b' }, { retry: rules({ matches: '(b', action: 'stop' }) }).rule).toBe('(b');
  });

  it('the first that matches decides, before never_on_class and before retries', () => {
    const retry = rules(
      { name: 'a', status: '418', action: 'stop' },
      { name: 'b', status: '400', action: 'next' },
      { name: 'c', status: '400', action: 'stop' },
    );
    expect(decideFor({ class: 'client_error', status: 400 }, { retry })).toEqual({
      action: 'next',
      waitMs: 0,
      cool: false,
      rule: 'b',
    });
  });

  it('rests for its own time, else for the longest that class and upstream know', () => {
    const own = rules({ status: '500-599', action: 'next-and-cooldown', cooldown_s: 5 });
    expect(decideFor({ retryAfterMs: 90_000 }, { retry: own }).cooldownMs).toBe(5000);
    const open = rules({ status: '500-599', action: 'next-and-cooldown' });
    expect(decideFor({ retryAfterMs: 90_000 }, { retry: open }).cooldownMs).toBe(90_000);
    expect(decideFor({ class: 'cloudflare_challenge' }, { retry: open }).cooldownMs).toBe(300_000);
  });

  it('stops where there is no next endpoint', () => {
    const retry = rules({ status: '502', action: 'next-and-cooldown' });
    expect(decideFor({}, { retry, nextCandidate: false })).toMatchObject({ action: 'stop', cool: true });
  });

  it('by status does not match an attempt without one', () => {
    expect(decideFor({ status: undefined }, { retry: rules({ status: '100-999', action: 'stop' }) }).rule).toBeUndefined();
  });
});

describe('waits', () => {
  const layer = makeRetry({ endpoint: { max_attempts: 8 } }).endpoint;

  it('double from 200 ms to 2 s', () => {
    expect([1, 2, 3, 4, 5, 60].map((attempts) => retryWaitMs(layer, attempts, undefined, () => 0))).toEqual([
      200, 400, 800, 1600, 2000, 2000,
    ]);
  });

  it('follow the upstream, capped: 10 s becomes 2000 ms', () => {
    expect(retryWaitMs(layer, 1, 10_000, () => 0.99)).toBe(2000);
    expect(retryWaitMs(layer, 1, 700, () => 0)).toBe(700);
  });

  it('are none without backoff, and none on the way to the next endpoint by default', () => {
    expect(retryWaitMs({ ...layer, backoffMs: 0 }, 3, undefined, () => 0.9)).toBe(0);
    expect(decideFor({}, { attemptsAtEndpoint: 2 })).toMatchObject({ action: 'next', waitMs: 0 });
  });

  it('before the next endpoint are as configured', () => {
    const retry = makeRetry({ failover: { backoff_ms: 300, backoff_max_ms: 300 } });
    expect(decideFor({}, { retry, attemptsAtEndpoint: 2 })).toMatchObject({ action: 'next', waitMs: 300 });
  });

  it('lie between nothing and cap plus jitter, for any setting', () => {
    const settings = fc.record({
      backoffMs: fc.nat(60_000),
      backoffMaxMs: fc.nat(600_000),
      jitterMs: fc.nat(60_000),
      attempts: fc.nat(100),
      retryAfterMs: fc.option(fc.nat(700_000_000), { nil: undefined }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, ({ attempts, retryAfterMs, random, ...numbers }) => {
        const waitMs = retryWaitMs({ ...layer, ...numbers }, attempts, retryAfterMs, () => random);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(Math.max(numbers.backoffMs, numbers.backoffMaxMs) + numbers.jitterMs);
      }),
    );
  });
});

describe('for any failure and setting', () => {
  const failure = fc
    .record({
      class: fc.constantFrom(...failureClasses),
      status: fc.option(fc.integer({ min: 200, max: 599 }), { nil: undefined }),
      retryAfterMs: fc.option(fc.nat(100_000), { nil: undefined }),
      reached: fc.boolean(),
      code: fc.option(fc.constantFrom('insufficient_quota', 'x'), { nil: undefined }),
    })
    .map(makeFailure);
  const profile = fc.constantFrom('balanced', 'same-upstream', 'aggressive-failover', 'cost-primary');
  const attempts = fc.integer({ min: 1, max: 8 });

  it('an endpoint is asked at most max_attempts times, and the turn ends', () => {
    fc.assert(
      fc.property(failure, profile, attempts, fc.boolean(), fc.integer({ min: 1, max: 5 }), (each, name, max, pinned, count) => {
        const retry = makeRetry({
          profile: name,
          endpoint: { max_attempts: max, on_status: '200-599', on_class: [...failureClasses] },
        });
        for (const seen of hits(count, each, { retry, pinned })) expect(seen).toBeLessThanOrEqual(max);
      }),
    );
  });

  it('there is no next without a next endpoint, no error of the client is retried, and neutral classes do not cool', () => {
    fc.assert(
      fc.property(failure, profile, attempts, fc.boolean(), (each, name, attemptsAtEndpoint, nextCandidate) => {
        const decision = decideFor(each, { retry: makeRetry({ profile: name }), attemptsAtEndpoint, nextCandidate });
        if (!nextCandidate) expect(decision.action).not.toBe('next');
        if (each.class === 'client_error') expect(decision).toEqual({ action: 'stop', waitMs: 0, cool: false });
        if (each.class === 'capability_mismatch') expect(decision.cool).toBe(false);
      }),
    );
  });
});
