import { describe, expect, it } from 'vitest';
import type { AffinityRecord } from '../../../shared/domain/routing.js';
import { bindAffinity, failoverReason, isFailoverBinding } from '../../../main/core/routing/affinity.js';
import { keys, makeCooldown, makeEndpoint, makeFacts, NOW, plan, skips, type PlanFields } from './fixtures.js';

const best = makeEndpoint('best/main', { level: 1 });
const peer = makeEndpoint('peer/main', { level: 1 });
const spare = makeEndpoint('spare/main', { level: 2 });
const all = [best, peer, spare];

const boundTo = (endpoint: AffinityRecord['endpoint'], fields: Partial<AffinityRecord> = {}): AffinityRecord => ({
  endpoint,
  boundAtMs: NOW - 1000,
  lastUsedAtMs: NOW,
  reason: 'first_success',
  ...fields,
});
const first = (affinity: AffinityRecord, fields: PlanFields = {}) => {
  const candidate = plan(all, { affinity, ...fields }).candidates[0];
  return [candidate?.endpoint.key, candidate?.why];
};
const resting = { cooldown: makeCooldown({ named: true }) };

describe('bindAffinity', () => {
  it('keeps age and reason while the target stays, and starts anew when it changes', () => {
    const one = bindAffinity(undefined, 'a/main', 1);
    expect(one).toEqual({ endpoint: 'a/main', boundAtMs: 1, lastUsedAtMs: 1, reason: 'first_success' });
    const same = bindAffinity(one, 'a/main', 2, 'failover_after_status_503');
    expect(same).toEqual({ ...one, lastUsedAtMs: 2 });
    expect(bindAffinity(same, 'b/main', 3)).toEqual({
      endpoint: 'b/main',
      boundAtMs: 3,
      lastUsedAtMs: 3,
      reason: 'target_changed',
    });
    expect(isFailoverBinding(bindAffinity(same, 'b/main', 3, 'failover_after_transport'))).toBe(true);
  });

  it('names the failure that moved the session', () => {
    expect(failoverReason({ status: 503, class: 'overloaded' })).toBe('failover_after_status_503');
    expect(failoverReason({ status: 200, class: 'stream_failed' })).toBe('failover_after_stream_failed');
    expect(failoverReason({ status: undefined, class: 'transport' })).toBe('failover_after_transport');
  });
});

describe('affinity off', () => {
  it('ignores the binding', () => {
    expect(first(boundTo('peer/main'), { routing: { affinity: 'off' } })).toEqual(['best/main', 'strategy']);
  });
});

describe('preferred-group', () => {
  const routing = { affinity: 'preferred-group' } as const;

  it('keeps the session inside the best level', () => {
    expect(first(boundTo('peer/main'), { routing })).toEqual(['peer/main', 'affinity']);
  });

  it('leaves a lower level as soon as a better one is usable', () => {
    expect(first(boundTo('spare/main'), { routing })).toEqual(['best/main', 'strategy']);
    expect(first(boundTo('spare/main'), { routing, states: { 'best/main': resting, 'peer/main': resting } })).toEqual([
      'spare/main',
      'affinity',
    ]);
  });
});

describe('fallback-sticky', () => {
  it('keeps the session on a peer', () => {
    expect(first(boundTo('peer/main'))).toEqual(['peer/main', 'affinity']);
  });

  it('goes on to the others when the session has to move', () => {
    const result = plan(all, { affinity: boundTo('peer/main'), states: { 'peer/main': resting } });
    expect(keys(result)).toEqual(['best/main', 'spare/main']);
  });

  it('forgets a binding to an endpoint that is gone', () => {
    expect(first(boundTo('gone/main'))).toEqual(['best/main', 'strategy']);
  });

  describe('failback never', () => {
    const routing = { failback: 'never' } as const;

    it('stays on the lower level while it is usable', () => {
      const states = { 'best/main': { healthySinceMs: NOW - 1e9 } };
      expect(first(boundTo('spare/main'), { routing, states })).toEqual(['spare/main', 'affinity']);
      expect(first(boundTo('spare/main'), { routing, states: { 'spare/main': resting } })).toEqual(['best/main', 'strategy']);
    });
  });

  describe('failback next-turn', () => {
    const routing = { failback: 'next-turn' } as const;

    it('goes back as soon as a better level is usable', () => {
      expect(first(boundTo('spare/main'), { routing })).toEqual(['best/main', 'strategy']);
    });

    it('stays among peers', () => {
      expect(first(boundTo('peer/main'), { routing })).toEqual(['peer/main', 'affinity']);
    });
  });

  describe('failback after-healthy', () => {
    const routing = { failback: 'after-healthy', failback_after_s: 60 } as const;
    const failover = (agoMs: number) => boundTo('spare/main', { reason: 'failover_after_status_503', boundAtMs: NOW - agoMs });

    it.each([
      ['healthy for long enough', { healthySinceMs: NOW - 60_000 }, 'best/main'],
      ['healthy for too short', { healthySinceMs: NOW - 59_999 }, 'spare/main'],
      ['quiet for long enough after its last failure', { lastFailureAtMs: NOW - 60_000, halfOpen: true }, 'best/main'],
      ['failed a moment ago', { lastFailureAtMs: NOW - 31_000, halfOpen: true }, 'spare/main'],
    ])('goes back to a better level that is %s: %s', (_, state, expected) => {
      const states = { 'best/main': state, 'peer/main': resting };
      expect(first(failover(10_000), { routing, states })[0]).toBe(expected);
    });

    it('counts an endpoint that was never tried only after a failover that is long enough ago', () => {
      expect(first(failover(60_000), { routing })[0]).toBe('best/main');
      expect(first(failover(59_000), { routing })[0]).toBe('spare/main');
      expect(first(boundTo('spare/main', { boundAtMs: NOW - 1e9 }), { routing })[0]).toBe('spare/main');
    });

    it('goes back to the active provider of the same level, too', () => {
      const states = { 'best/main': { healthySinceMs: NOW - 60_000 } };
      expect(first(boundTo('peer/main'), { routing: { ...routing, active: 'best' }, states })).toEqual(['best/main', 'active']);
    });
  });
});

describe('hard', () => {
  const routing = { affinity: 'hard', failback: 'next-turn' } as const;

  it('keeps an ordinary session where it is, whatever failback says', () => {
    expect(first(boundTo('spare/main'), { routing })).toEqual(['spare/main', 'affinity']);
  });

  it('lets an ordinary turn move when its endpoint cannot be used', () => {
    expect(first(boundTo('spare/main'), { routing, states: { 'spare/main': resting } })).toEqual(['best/main', 'strategy']);
  });
});

describe('a turn that carries state of its issuer', () => {
  const facts = makeFacts({ stateBound: true });
  const kin = makeEndpoint('kin/main', { level: 3, continuityDomain: 'account' });
  const owner = makeEndpoint('owner/main', { level: 3, continuityDomain: 'account' });
  const endpoints = [best, kin, owner];
  const affinity = boundTo('owner/main');

  it('goes to its owner first, then to those who share its state, then to the rest', () => {
    const result = plan(endpoints, { facts, affinity, routing: { failback: 'next-turn' } });
    expect(keys(result)).toEqual(['owner/main', 'kin/main', 'best/main']);
    expect(result.candidates.map((candidate) => candidate.why)).toEqual(['affinity', 'affinity', 'strategy']);
  });

  it('goes to those who share its state when the owner cannot be used', () => {
    expect(keys(plan(endpoints, { facts, affinity, states: { 'owner/main': resting } }))).toEqual(['kin/main', 'best/main']);
  });

  it('never leaves them under hard affinity', () => {
    const result = plan(endpoints, { facts, affinity, routing: { affinity: 'hard' } });
    expect(keys(result)).toEqual(['owner/main', 'kin/main']);
    expect(result.skipped).toEqual([{ endpoint: 'best/main', level: 1, reason: { code: 'state_bound', owner: 'owner/main' } }]);
  });

  it('waits for them under hard affinity', () => {
    const states = { 'owner/main': resting, 'kin/main': resting };
    const result = plan(endpoints, { facts, affinity, states, routing: { affinity: 'hard' } });
    expect(keys(result)).toEqual([]);
    expect(skips(result)).toEqual({ 'best/main': 'state_bound', 'owner/main': 'cooldown', 'kin/main': 'cooldown' });
    expect(result.nextEligibleAtMs).toBe(resting.cooldown.untilMs);
  });

  it('takes a stranger as a last resort only where it may move at all', () => {
    const guess = { cooldown: makeCooldown({ untilMs: NOW + 5000 }) };
    const states = { 'owner/main': resting, 'kin/main': resting, 'best/main': guess };
    expect(keys(plan(endpoints, { facts, affinity, states }))).toEqual(['best/main']);
    expect(keys(plan(endpoints, { facts, affinity, states, routing: { affinity: 'hard' } }))).toEqual([]);
  });

  it('without a known owner is planned like any other', () => {
    expect(keys(plan(endpoints, { facts, routing: { affinity: 'hard' } }))[0]).toBe('best/main');
  });
});

describe('pinned sessions', () => {
  it('keep their endpoint of the pinned provider in front', () => {
    const endpoints = [makeEndpoint('best/one', { order: 0 }), makeEndpoint('best/two', { order: 1 }), spare];
    const result = plan(endpoints, { pinnedProvider: 'best', affinity: boundTo('best/two') });
    expect(keys(result)).toEqual(['best/two', 'best/one']);
    expect(result.candidates.map((candidate) => candidate.why)).toEqual(['pinned', 'pinned']);
  });

  it('do not follow a binding elsewhere', () => {
    expect(keys(plan(all, { pinnedProvider: 'best', affinity: boundTo('spare/main') }))).toEqual(['best/main']);
  });
});
