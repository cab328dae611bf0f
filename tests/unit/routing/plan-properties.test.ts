import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Endpoint, EndpointKey } from '../../../shared/domain/endpoint.js';
import type { EndpointState } from '../../../shared/domain/routing.js';
import { activeCooldown, applyOutcome, isProbing, settleExpired, takeLease } from '../../../main/core/routing/endpoint-state.js';
import { supportsModel } from '../../../main/core/routing/model-map.js';
import { planAttempts, type PlanInput } from '../../../main/core/routing/plan-attempts.js';
import {
  makeCooldown,
  makeEndpoint,
  makeFacts,
  makeFailure,
  makeRetry,
  makeRoute,
  makeRouting,
  makeState,
  NOW,
} from './fixtures.js';

const providers = ['a', 'b', 'c', 'd'];
const allKeys = providers.flatMap((provider) => [`${provider}/1`, `${provider}/2`] as EndpointKey[]);

const cooldown = fc
  .record({
    sinceMs: fc.integer({ min: NOW - 60_000, max: NOW }),
    untilMs: fc.integer({ min: NOW - 20_000, max: NOW + 60_000 }),
    named: fc.boolean(),
    class: fc.constantFrom('server_error' as const, 'rule' as const),
  })
  .map(makeCooldown);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const state = fc
  .record({
    cooldown: maybe(cooldown),
    modelCooldowns: fc.dictionary(fc.constantFrom('gpt-5.5', 'v/gpt-5.5', 'o3'), cooldown, { maxKeys: 2 }),
    exhausted: maybe(fc.record({ reason: fc.constant('x'), untilMs: maybe(fc.integer({ min: NOW - 9000, max: NOW + 9000 })) })),
    leases: fc.nat(3),
    halfOpen: fc.boolean(),
    probing: fc.boolean(),
    healthySinceMs: maybe(fc.integer({ min: NOW - 100_000, max: NOW })),
    lastFailureAtMs: maybe(fc.integer({ min: NOW - 100_000, max: NOW })),
  })
  .map((fields) => makeState(fields));
const endpoint = fc.record({
  level: fc.integer({ min: 1, max: 3 }),
  order: fc.nat(2),
  weight: fc.integer({ min: 1, max: 5 }),
  enabled: fc.boolean(),
  protocol: fc.constantFrom('responses' as const, 'responses' as const, 'chat' as const),
  models: fc.constantFrom<readonly string[]>([], ['gpt-*'], ['o3']),
  modelMap: fc.constantFrom<Record<string, string>>({}, { 'gpt-*': 'v/gpt-*' }),
  maxConcurrent: maybe(fc.integer({ min: 1, max: 3 })),
  continuityDomain: fc.constantFrom('x', 'y'),
});
const input: fc.Arbitrary<PlanInput> = fc
  .record({
    endpoints: fc.uniqueArray(fc.tuple(fc.constantFrom(...allKeys), endpoint), { selector: ([key]) => key, maxLength: 6 }),
    states: fc.uniqueArray(fc.tuple(fc.constantFrom(...allKeys), state), { selector: ([key]) => key }),
    routing: fc.record({
      active: maybe(fc.constantFrom(...providers)),
      pinned: maybe(fc.constantFrom(...providers, 'gone')),
      affinity: fc.constantFrom('off', 'preferred-group', 'fallback-sticky', 'hard'),
      strategy: fc.constantFrom('ordered', 'round-robin', 'least-busy', 'weighted'),
      on_exhausted: fc.constantFrom('stop', 'last-resort'),
      failback: fc.constantFrom('never', 'next-turn', 'after-healthy'),
    }),
    routes: fc.array(
      fc
        .record({
          providers: fc.uniqueArray(fc.constantFrom(...providers), { minLength: 1 }),
          model: fc.constantFrom('gpt-*', 'o*'),
        })
        .map(makeRoute),
      { maxLength: 2 },
    ),
    affinity: maybe(
      fc.record({
        endpoint: fc.constantFrom(...allKeys),
        boundAtMs: fc.integer({ min: NOW - 100_000, max: NOW }),
        lastUsedAtMs: fc.constant(NOW),
        reason: fc.constantFrom('first_success', 'failover_after_transport'),
      }),
    ),
    facts: fc.record({ model: fc.constantFrom('gpt-5.5', 'o3', undefined), stateBound: fc.boolean() }).map(makeFacts),
    missing: fc.subarray(allKeys, { maxLength: 2 }),
    rotation: fc.nat(20),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    ignoreProtocol: fc.boolean(),
  })
  .map(({ endpoints, states, routing, missing, random, ...rest }) => ({
    ...rest,
    endpoints: endpoints.map(([key, fields]) => makeEndpoint(key, fields)),
    states: new Map<EndpointKey, EndpointState>(states),
    routing: makeRouting(routing as Parameters<typeof makeRouting>[0]),
    credentialMissing: ({ key }: Endpoint) => (missing.includes(key) ? `env:${key}` : undefined),
    pinnedProvider: undefined,
    random: () => random,
    nowMs: NOW,
  }));

const stateOf = (given: PlanInput, key: EndpointKey) => settleExpired(given.states.get(key) ?? makeState(), NOW);

describe('for any endpoints, states and settings', () => {
  it('every endpoint is either a candidate or left out with a reason, once', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { candidates, skipped } = planAttempts(given);
        const seen = [...candidates.map((candidate) => candidate.endpoint.key), ...skipped.map((skip) => skip.endpoint)];
        expect([...seen].sort()).toEqual(given.endpoints.map(({ key }) => key).sort());
      }),
      { numRuns: 500 },
    );
  });

  it('no candidate is unusable', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { candidates, pinned } = planAttempts(given);
        for (const { endpoint: each, model, why } of candidates) {
          const now = stateOf(given, each.key);
          expect(each.enabled).toBe(true);
          expect(given.credentialMissing(each)).toBeUndefined();
          if (given.ignoreProtocol !== true) expect(each.protocol).toBe('responses');
          if (pinned !== undefined) expect(each.provider).toBe(pinned);
          if (given.facts.model !== undefined) expect(supportsModel(each, given.facts.model)).toBe(true);
          if (each.maxConcurrent !== undefined) expect(now.leases).toBeLessThan(each.maxConcurrent);
          expect(isProbing(now) && (now.halfOpen || why === 'last-resort')).toBe(false);
          const rest = activeCooldown(now, model, NOW);
          if (why !== 'last-resort') expect([now.exhausted, rest]).toEqual([undefined, undefined]);
          else if (now.exhausted !== undefined) expect(given.routing.on_exhausted).toBe('last-resort');
          else expect(rest?.cooldown).toMatchObject({ named: false, class: 'server_error' });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('without affinity or pin, levels ascend', () => {
    fc.assert(
      fc.property(input, (given) => {
        const routing = { ...given.routing, affinity: 'off' as const, pinned: undefined };
        const levels = planAttempts({ ...given, routing })
          .candidates.filter(({ why }) => why !== 'last-resort')
          .map((candidate) => candidate.endpoint.level);
        expect(levels).toEqual([...levels].sort((x, y) => x - y));
      }),
      { numRuns: 300 },
    );
  });

  it('affinity changes the order, and never makes an endpoint usable', () => {
    fc.assert(
      fc.property(input, (given) => {
        const withIt = planAttempts(given);
        const without = planAttempts({ ...given, affinity: undefined });
        const keysOf = (each: typeof withIt) => each.candidates.map((candidate) => candidate.endpoint.key);
        for (const key of keysOf(withIt)) {
          const isKin = given.facts.stateBound && given.routing.affinity === 'hard';
          if (!isKin) expect(keysOf(without)).toContain(key);
        }
        if (!given.facts.stateBound || given.routing.affinity !== 'hard') {
          expect(keysOf(withIt).sort()).toEqual(keysOf(without).sort());
        }
        for (const { endpoint: each, why } of withIt.candidates)
          if (why === 'affinity') expect(each.key === given.affinity?.endpoint || given.facts.stateBound).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('the next eligible time lies in the future', () => {
    fc.assert(
      fc.property(input, (given) => {
        expect(planAttempts(given).nextEligibleAtMs ?? Infinity).toBeGreaterThan(NOW);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a single endpoint that keeps failing', () => {
  it('is tried again within two seconds, for ever, as long as nobody names a wait', () => {
    const only = makeEndpoint('a/1');
    const retry = makeRetry({ profile: 'cost-primary' });
    let current = makeState();
    let nowMs = NOW;
    for (let round = 0; round < 50; round++) {
      const given = { ...blank([only]), states: new Map([[only.key, current]]), nowMs };
      const { candidates, nextEligibleAtMs } = planAttempts(given);
      if (candidates.length === 0) {
        expect((nextEligibleAtMs ?? Infinity) - nowMs).toBeLessThanOrEqual(2000);
        nowMs = nextEligibleAtMs ?? nowMs;
        continue;
      }
      current = applyOutcome(takeLease(settleExpired(current, nowMs)), makeFailure(), { nowMs, retry, cool: true });
      current = { ...current, leases: 0 };
    }
    expect(nowMs - NOW).toBeGreaterThanOrEqual(20_000);
  });
});

function blank(endpoints: readonly Endpoint[]): PlanInput {
  return {
    facts: makeFacts(),
    endpoints,
    states: new Map(),
    routing: makeRouting(),
    routes: [],
    credentialMissing: () => undefined,
    affinity: undefined,
    pinnedProvider: undefined,
    rotation: 0,
    random: () => 0,
    nowMs: NOW,
  };
}
