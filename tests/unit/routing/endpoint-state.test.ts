import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { FailureClass } from '../../../shared/config/schema.js';
import { failureClasses } from '../../../shared/config/schema.js';
import type { AttemptOutcome, EndpointState } from '../../../shared/domain/routing.js';
import {
  applyOutcome,
  backoffMs,
  initialState,
  isProbing,
  releaseLease,
  resetCooldown,
  settleExpired,
  takeLease,
  type OutcomeContext,
} from '../../../main/core/routing/endpoint-state.js';
import { makeCooldown, makeFailure, makeRetry, makeState, NOW } from './fixtures.js';

const retry = makeRetry();
const context = (fields: Partial<OutcomeContext> = {}): OutcomeContext => ({ nowMs: NOW, retry, cool: true, ...fields });
const success: AttemptOutcome = { kind: 'success', status: 200 };

function restMs(state: EndpointState, nowMs = NOW): number | undefined {
  return state.cooldown === undefined ? undefined : state.cooldown.untilMs - nowMs;
}

describe('a cooling failure', () => {
  it.each<[FailureClass, number | undefined]>([
    ['cloudflare_challenge', 300_000],
    ['cloudflare_timeout', 60_000],
    ['transport', 30_000],
    ['timeout', 30_000],
    ['server_error', 30_000],
    ['overloaded', 30_000],
    ['rate_limited', 30_000],
    ['auth', 30_000],
    ['bad_answer', 30_000],
    ['stream_failed', 30_000],
    ['client_error', undefined],
    ['capability_mismatch', undefined],
  ])('%s rests the endpoint for %s ms', (failureClass, expected) => {
    const state = applyOutcome(initialState(), makeFailure({ class: failureClass }), context());
    expect(restMs(state)).toBe(expected);
  });

  it('says since when, why and by whom', () => {
    const { cooldown } = applyOutcome(initialState(), makeFailure(), context());
    expect(cooldown).toEqual({
      untilMs: NOW + 30_000,
      sinceMs: NOW,
      class: 'server_error',
      reason: 'HTTP 502 from the upstream',
      named: false,
    });
  });

  it('rests as long as the upstream says, longer or shorter than the guess, and remembers who said it', () => {
    for (const retryAfterMs of [1500, 3_600_000]) {
      const state = applyOutcome(initialState(), makeFailure({ class: 'rate_limited', retryAfterMs }), context());
      expect(state.cooldown).toMatchObject({ untilMs: NOW + retryAfterMs, named: true });
    }
  });

  it('takes "wait 0" for no answer and guesses', () => {
    const state = applyOutcome(initialState(), makeFailure({ retryAfterMs: 0 }), context());
    expect(state.cooldown).toMatchObject({ untilMs: NOW + 30_000, named: false });
  });

  it('does not rest when the setting is 0', () => {
    const state = applyOutcome(initialState(), makeFailure(), context({ retry: makeRetry({ transport_cooldown_s: 0 }) }));
    expect(state).toMatchObject({ cooldown: undefined, consecutiveFailures: 1 });
  });

  it('never shortens a rest', () => {
    const resting = applyOutcome(initialState(), makeFailure({ class: 'rate_limited', retryAfterMs: 3_600_000 }), context());
    const again = applyOutcome(resting, makeFailure(), context({ nowMs: NOW + 1000 }));
    expect(again.cooldown).toEqual(resting.cooldown);
  });

  it('rests for the time an error rule says, whatever the class', () => {
    const state = applyOutcome(
      initialState(),
      makeFailure({ class: 'client_error', retryAfterMs: 5 }),
      context({ cooldownMs: 120_000 }),
    );
    expect(state.cooldown).toMatchObject({ untilMs: NOW + 120_000, class: 'rule', named: false });
  });

  it('that concerns one model rests that model only', () => {
    const failure = makeFailure({ class: 'rate_limited', model: 'gpt-5.5', retryAfterMs: 9000 });
    const state = applyOutcome(initialState(), failure, context());
    expect(state).toMatchObject({ cooldown: undefined, consecutiveFailures: 0, streak: 0 });
    expect(state.modelCooldowns['gpt-5.5']).toMatchObject({ untilMs: NOW + 9000, named: true });
  });

  it('keeps the number of resting models bounded', () => {
    let state = initialState();
    for (let index = 0; index < 200; index++) {
      state = applyOutcome(state, makeFailure({ class: 'overloaded', model: `m${index}` }), context({ nowMs: NOW + index }));
    }
    expect(Object.keys(state.modelCooldowns)).toHaveLength(64);
    expect(state.modelCooldowns['m199']).toBeDefined();
  });
});

describe('backoff', () => {
  const doubling = makeRetry({ profile: 'cost-primary' });

  it('doubles with every rest in a row up to the maximum, and a success starts it anew', () => {
    let state = initialState();
    let nowMs = NOW;
    const rests: (number | undefined)[] = [];
    for (let round = 0; round < 7; round++) {
      state = applyOutcome(settleExpired(state, nowMs), makeFailure(), context({ nowMs, retry: doubling }));
      rests.push(restMs(state, nowMs));
      nowMs = state.cooldown?.untilMs ?? nowMs;
    }
    expect(rests).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]);
    state = applyOutcome(settleExpired(state, nowMs), success, context({ nowMs }));
    state = applyOutcome(state, makeFailure(), context({ nowMs, retry: doubling }));
    expect(restMs(state, nowMs)).toBe(30_000);
  });

  it('counts requests that fail together as one event', () => {
    let state = initialState();
    for (let index = 0; index < 10; index++)
      state = applyOutcome(state, makeFailure(), context({ nowMs: NOW + index, retry: doubling }));
    expect(state.streak).toBe(1);
    expect(restMs(state, NOW + 9)).toBe(30_000);
  });

  it('grows when the probe of a resting endpoint fails', () => {
    const resting = applyOutcome(initialState(), makeFailure(), context({ retry: doubling }));
    const probed = applyOutcome(releaseLease(takeLease(resting)), makeFailure(), context({ nowMs: NOW + 2000, retry: doubling }));
    expect(restMs(probed, NOW + 2000)).toBe(60_000);
  });

  it('stays between its base and the larger of base and maximum', () => {
    const layer = fc.record({ factor: fc.integer({ min: 1, max: 16 }), maxS: fc.integer({ min: 0, max: 86_400 }) });
    fc.assert(
      fc.property(layer, fc.integer({ min: 0, max: 90_000_000 }), fc.nat(200), ({ factor, maxS }, baseMs, streak) => {
        const settings = makeRetry({ cooldown_backoff_factor: factor, cooldown_backoff_max_s: maxS });
        const rest = backoffMs(baseMs, streak, settings);
        expect(rest).toBeGreaterThanOrEqual(baseMs);
        expect(rest).toBeLessThanOrEqual(Math.max(baseMs, maxS * 1000));
        expect(backoffMs(baseMs, streak + 1, settings)).toBeGreaterThanOrEqual(rest);
      }),
    );
  });
});

describe('a failure that does not cool', () => {
  it('rests the endpoint for 30 s when it is the third in a row', () => {
    let state = initialState();
    const rests: (number | undefined)[] = [];
    for (let index = 0; index < 3; index++) {
      state = applyOutcome(state, makeFailure(), context({ cool: false }));
      rests.push(restMs(state));
    }
    expect(rests).toEqual([undefined, undefined, 30_000]);
    expect(state.cooldown?.reason).toBe('3 failures in a row, the last: HTTP 502 from the upstream');
  });

  it('is forgotten after a success', () => {
    let state = initialState();
    for (const outcome of [makeFailure(), makeFailure(), success, makeFailure(), makeFailure()]) {
      state = applyOutcome(state, outcome, context({ cool: false }));
    }
    expect(state.cooldown).toBeUndefined();
  });
});

describe('neutral outcomes', () => {
  const neutral: readonly AttemptOutcome[] = [
    { kind: 'aborted' },
    { kind: 'busy' },
    makeFailure({ class: 'client_error', status: 400 }),
    makeFailure({ class: 'capability_mismatch', status: 404, model: 'gpt-5.5' }),
  ];

  it('leave the endpoint as it was, however often they come', () => {
    let state = makeState({ consecutiveFailures: 2, healthySinceMs: NOW });
    const before = state;
    for (const outcome of [...neutral, ...neutral, ...neutral]) state = applyOutcome(state, outcome, context());
    expect(state).toEqual(before);
  });

  it('end a probe', () => {
    for (const outcome of neutral.filter(({ kind }) => kind !== 'busy')) {
      const probing = takeLease(makeState({ halfOpen: true }));
      expect(isProbing(applyOutcome(probing, outcome, context()))).toBe(false);
    }
  });
});

describe('used-up allowance', () => {
  const quota = (fields = {}) =>
    makeFailure({ class: 'rate_limited', status: 429, code: 'usage_limit_reached', message: 'limit', ...fields });

  it('marks the endpoint exhausted until the time the upstream names', () => {
    const state = applyOutcome(initialState(), quota({ retryAfterMs: 3_600_000 }), context());
    expect(state.exhausted).toEqual({ reason: 'limit', untilMs: NOW + 3_600_000 });
    expect(settleExpired(state, NOW + 3_599_999).exhausted).toBeDefined();
    expect(settleExpired(state, NOW + 3_600_000)).toMatchObject({ exhausted: undefined, cooldown: undefined, halfOpen: true });
  });

  it('without a time ends with a rest of a minute, so that a refill is noticed', () => {
    const state = applyOutcome(initialState(), quota(), context());
    expect(state.exhausted).toEqual({ reason: 'limit', untilMs: undefined });
    expect(restMs(state)).toBe(60_000);
    expect(settleExpired(state, NOW + 60_000)).toMatchObject({ exhausted: undefined, halfOpen: true });
  });

  it('marked by a balance stays until told otherwise', () => {
    const state = makeState({ exhausted: { reason: 'balance 0', untilMs: undefined } });
    expect(settleExpired(state, NOW + 1e9)).toBe(state);
  });

  it('is not read out of a plain rate limit', () => {
    expect(
      applyOutcome(initialState(), quota({ code: 'rate_limit_exceeded', message: 'slow' }), context()).exhausted,
    ).toBeUndefined();
  });
});

describe('a success', () => {
  it('clears failures, rest, backoff and exhaustion, and starts the healthy time once', () => {
    const troubled = makeState({
      consecutiveFailures: 2,
      streak: 4,
      cooldown: makeCooldown(),
      exhausted: { reason: 'x', untilMs: undefined },
      halfOpen: true,
      lastError: 'x',
    });
    const healthy = applyOutcome(troubled, success, context());
    expect(healthy).toMatchObject({
      consecutiveFailures: 0,
      streak: 0,
      halfOpen: false,
      healthySinceMs: NOW,
      lastSuccessAtMs: NOW,
    });
    expect([healthy.cooldown, healthy.exhausted, healthy.lastError]).toEqual([undefined, undefined, undefined]);
    expect(applyOutcome(healthy, success, context({ nowMs: NOW + 5000 })).healthySinceMs).toBe(NOW);
  });

  it('of an older request does not cut short a wait the upstream named since', () => {
    const limited = applyOutcome(
      takeLease(initialState()),
      makeFailure({ class: 'rate_limited', retryAfterMs: 60_000 }),
      context(),
    );
    const after = applyOutcome(limited, success, context({ nowMs: NOW + 1000 }));
    expect(after.cooldown).toEqual(limited.cooldown);
    expect(after.healthySinceMs).toBeUndefined();
  });

  it('of the probe ends even a named wait', () => {
    const limited = applyOutcome(initialState(), makeFailure({ class: 'rate_limited', retryAfterMs: 60_000 }), context());
    expect(applyOutcome(takeLease(limited), success, context()).cooldown).toBeUndefined();
  });

  it('ends the rest of its own model and of no other', () => {
    const state = makeState({ modelCooldowns: { a: makeCooldown(), b: makeCooldown() } });
    expect(Object.keys(applyOutcome(state, success, context({ model: 'a' })).modelCooldowns)).toEqual(['b']);
    expect(Object.keys(applyOutcome(state, success, context()).modelCooldowns)).toEqual(['a', 'b']);
  });

  it('moves the first-byte estimate towards the samples without jumping to an outlier', () => {
    let state = applyOutcome(initialState(), success, context({ firstByteMs: 100 }));
    expect(state.firstByteMs).toBe(100);
    state = applyOutcome(state, success, context({ firstByteMs: 60_000 }));
    expect(state.firstByteMs).toBe(110);
    for (let index = 0; index < 100; index++) state = applyOutcome(state, success, context({ firstByteMs: 50 }));
    expect(state.firstByteMs).toBe(50);
  });
});

describe('leases and probes', () => {
  it('count requests in flight and never go below none', () => {
    const state = takeLease(takeLease(initialState()));
    expect(state.leases).toBe(2);
    expect(releaseLease(releaseLease(releaseLease(state))).leases).toBe(0);
  });

  it('the first request to a half-open endpoint is the probe, an older one is not', () => {
    const older = takeLease(initialState());
    const rested = settleExpired({ ...older, cooldown: makeCooldown({ untilMs: NOW }) }, NOW);
    expect(rested.halfOpen).toBe(true);
    expect(isProbing(rested)).toBe(false);
    expect(isProbing(takeLease(rested))).toBe(true);
  });

  it('a healthy endpoint is never probing', () => {
    expect(isProbing(takeLease(initialState()))).toBe(false);
  });
});

describe('settleExpired', () => {
  it('opens the endpoint half when the rest is over, and keeps the backoff', () => {
    const state = makeState({ cooldown: makeCooldown({ untilMs: NOW }), consecutiveFailures: 3, streak: 2 });
    expect(settleExpired(state, NOW)).toMatchObject({ cooldown: undefined, halfOpen: true, consecutiveFailures: 0, streak: 2 });
  });

  it('gives back the same object when nothing is over', () => {
    for (const state of [initialState(), makeState({ cooldown: makeCooldown(), modelCooldowns: { a: makeCooldown() } })]) {
      expect(settleExpired(state, NOW)).toBe(state);
    }
  });

  it('drops the rests of models one by one', () => {
    const state = makeState({ modelCooldowns: { a: makeCooldown({ untilMs: NOW }), b: makeCooldown() } });
    expect(Object.keys(settleExpired(state, NOW).modelCooldowns)).toEqual(['b']);
    expect(settleExpired(state, NOW).halfOpen).toBe(false);
  });

  it('ends a rest that began in the future, because the wall clock was set back', () => {
    const state = makeState({ cooldown: makeCooldown({ sinceMs: NOW + 86_400_000, untilMs: NOW + 86_430_000 }) });
    expect(settleExpired(state, NOW).cooldown).toBeUndefined();
  });
});

describe('resetCooldown', () => {
  it('forgets every reason to rest and keeps the requests in flight', () => {
    const state = makeState({
      cooldown: makeCooldown({ named: true }),
      modelCooldowns: { a: makeCooldown() },
      exhausted: { reason: 'x', untilMs: undefined },
      streak: 3,
      consecutiveFailures: 2,
      halfOpen: true,
      leases: 2,
    });
    expect(resetCooldown(state)).toEqual(makeState({ leases: 2 }));
  });
});

describe('for any run of outcomes', () => {
  const failure = fc
    .record({
      class: fc.constantFrom(...failureClasses),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
      model: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
      code: fc.option(fc.constantFrom('insufficient_quota', 'x'), { nil: undefined }),
    })
    .map(makeFailure);
  const outcome = fc.oneof(fc.constant(success), fc.constant<AttemptOutcome>({ kind: 'aborted' }), failure);
  const step = fc.record({ outcome, cool: fc.boolean(), afterMs: fc.nat(50_000) });

  it('no failure shortens a rest, rests stay within bounds, and every guess ends', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let state = initialState();
        let nowMs = NOW;
        for (const { outcome: each, cool, afterMs } of steps) {
          nowMs += afterMs;
          const before = settleExpired(state, nowMs);
          state = applyOutcome(before, each, context({ nowMs, cool }));
          if (each.kind !== 'success') expect(state.cooldown?.untilMs ?? 0).toBeGreaterThanOrEqual(before.cooldown?.untilMs ?? 0);
          if (state.cooldown !== undefined && !state.cooldown.named) {
            expect(state.cooldown.untilMs - nowMs).toBeLessThanOrEqual(600_000);
          }
        }
        const later = settleExpired(state, nowMs + 600_000);
        expect([later.cooldown, later.exhausted, later.modelCooldowns]).toEqual([undefined, undefined, {}]);
      }),
    );
  });
});
