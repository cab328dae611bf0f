import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import { keys, makeCooldown, makeEndpoint, makeFacts, makeRoute, makeState, NOW, plan, skips } from './fixtures.js';

const a = makeEndpoint('a/main');
const b = makeEndpoint('b/main');
const c = makeEndpoint('c/main', { level: 2 });
const d = makeEndpoint('d/main', { level: 2 });
const all = [d, c, b, a];

const why = (result: ReturnType<typeof plan>) => result.candidates.map((candidate) => candidate.why);

describe('order', () => {
  it('levels ascending, inside a level the order of the file', () => {
    const result = plan(all);
    expect(keys(result)).toEqual(['b/main', 'a/main', 'd/main', 'c/main']);
    expect(why(result)).toEqual(['strategy', 'strategy', 'strategy', 'strategy']);
    expect(result).toMatchObject({ route: undefined, pinned: undefined, skipped: [], nextEligibleAtMs: undefined });
  });

  it('the active provider first in its level, but not before a better level', () => {
    expect(keys(plan(all, { routing: { active: 'a' } }))).toEqual(['a/main', 'b/main', 'd/main', 'c/main']);
    const result = plan(all, { routing: { active: 'c' } });
    expect(keys(result)).toEqual(['b/main', 'a/main', 'c/main', 'd/main']);
    expect(why(result)).toEqual(['strategy', 'strategy', 'active', 'strategy']);
  });

  it('the endpoints of one provider stand together, by their order', () => {
    const endpoints = [makeEndpoint('a/late', { order: 2 }), b, makeEndpoint('a/early', { order: 1 })];
    expect(keys(plan(endpoints))).toEqual(['a/early', 'a/late', 'b/main']);
  });
});

describe('strategies', () => {
  const three = [a, b, makeEndpoint('c/main')];

  it('round-robin gives every provider its turn', () => {
    const first = [0, 1, 2, 3].map((rotation) => keys(plan(three, { rotation, routing: { strategy: 'round-robin' } })));
    expect(first).toEqual([
      ['a/main', 'b/main', 'c/main'],
      ['b/main', 'c/main', 'a/main'],
      ['c/main', 'a/main', 'b/main'],
      ['a/main', 'b/main', 'c/main'],
    ]);
  });

  it('round-robin turns among equal endpoints of one provider', () => {
    const endpoints = [makeEndpoint('a/one'), makeEndpoint('a/two')];
    const first = [0, 1, 2].map((rotation) => keys(plan(endpoints, { rotation, routing: { strategy: 'round-robin' } }))[0]);
    expect(first).toEqual(['a/one', 'a/two', 'a/one']);
  });

  it('round-robin reaches every endpoint of every provider', () => {
    const endpoints = ['a/1', 'a/2', 'b/1', 'b/2'].map((key) => makeEndpoint(key as 'a/1'));
    const first = [0, 1, 2, 3].map((rotation) => keys(plan(endpoints, { rotation, routing: { strategy: 'round-robin' } }))[0]);
    expect(new Set(first)).toEqual(new Set(['a/1', 'a/2', 'b/1', 'b/2']));
  });

  it('least-busy counts requests in flight per weight', () => {
    const endpoints = [makeEndpoint('a/main'), makeEndpoint('b/main', { weight: 4 }), makeEndpoint('c/main', { weight: 2 })];
    const states = { 'a/main': { leases: 1 }, 'b/main': { leases: 2 }, 'c/main': { leases: 3 } } as const;
    expect(keys(plan(endpoints, { states, routing: { strategy: 'least-busy' } }))).toEqual(['b/main', 'a/main', 'c/main']);
  });

  it('weighted draws without putting back', () => {
    const endpoints = [a, makeEndpoint('b/main', { weight: 3 })];
    const drawn = (random: number) => keys(plan(endpoints, { random: () => random, routing: { strategy: 'weighted' } }));
    expect(drawn(0.24)).toEqual(['a/main', 'b/main']);
    expect(drawn(0.26)).toEqual(['b/main', 'a/main']);
    expect(drawn(0.999)).toEqual(['b/main', 'a/main']);
  });

  it('weighted gives a provider its own weight, however many endpoints it has', () => {
    const endpoints = [makeEndpoint('a/1'), makeEndpoint('a/2'), makeEndpoint('a/3'), b];
    const first = [0.1, 0.4, 0.6, 0.9].map(
      (random) => plan(endpoints, { random: () => random, routing: { strategy: 'weighted' } }).candidates[0],
    );
    expect(first.map((candidate) => candidate?.endpoint.provider)).toEqual(['a', 'a', 'b', 'b']);
  });

  it('a level has its own', () => {
    const routing = { strategy: 'ordered', levels: { '2': 'round-robin' } } as const;
    expect(keys(plan(all, { rotation: 1, routing }))).toEqual(['b/main', 'a/main', 'c/main', 'd/main']);
  });

  it('leave the active provider in front', () => {
    const routing = { strategy: 'round-robin', active: 'b' } as const;
    expect([0, 1, 2].map((rotation) => keys(plan(three, { rotation, routing }))[0])).toEqual(['b/main', 'b/main', 'b/main']);
  });
});

describe('left out, with the reason', () => {
  const other = { ...b, level: 3 };
  const reasonOf = (endpoint: Endpoint, fields: Parameters<typeof plan>[1] = {}) => {
    const result = plan([endpoint, other], fields);
    expect(keys(result)).toEqual(['b/main']);
    expect(result.skipped).toHaveLength(1);
    expect(result.skipped[0]).toMatchObject({ endpoint: endpoint.key, level: endpoint.level });
    return result.skipped[0]?.reason;
  };

  it('disabled', () => {
    expect(reasonOf({ ...a, enabled: false })).toEqual({ code: 'disabled' });
  });

  it('another protocol, unless protocols do not matter', () => {
    const chat = { ...a, protocol: 'chat' as const };
    expect(reasonOf(chat)).toEqual({ code: 'protocol_mismatch', protocol: 'chat' });
    expect(keys(plan([chat], { ignoreProtocol: true }))).toEqual(['a/main']);
  });

  it('a model it does not offer', () => {
    expect(reasonOf({ ...a, models: ['o3'] })).toEqual({ code: 'unsupported_model', model: 'gpt-5.5' });
  });

  it('a missing credential', () => {
    const credentialMissing = (endpoint: Endpoint) => (endpoint.key === 'a/main' ? 'env:RELAY_KEY' : undefined);
    expect(reasonOf(a, { credentialMissing })).toEqual({ code: 'no_credential', source: 'env:RELAY_KEY' });
  });

  it('a rest', () => {
    const cooldown = makeCooldown({ named: true });
    const states = { 'a/main': { cooldown } };
    expect(reasonOf(a, { states })).toEqual({ code: 'cooldown', untilMs: cooldown.untilMs, reason: cooldown.reason });
    expect(plan([a, other], { states }).nextEligibleAtMs).toBe(cooldown.untilMs);
  });

  it('a rest of the model as it is called there', () => {
    const mapped = { ...a, modelMap: { 'gpt-*': 'vendor/gpt-*' } };
    const states = { 'a/main': { modelCooldowns: { 'vendor/gpt-5.5': makeCooldown() } } };
    expect(reasonOf(mapped, { states })).toMatchObject({ code: 'cooldown', model: 'vendor/gpt-5.5' });
    expect(keys(plan([mapped], { states, facts: makeFacts({ model: 'gpt-5' }) }))).toEqual(['a/main']);
  });

  it('exhausted, with the time of its return', () => {
    const exhausted = { reason: 'usage limit', untilMs: NOW + 5000 };
    expect(reasonOf(a, { states: { 'a/main': { exhausted } } })).toEqual({ code: 'exhausted', ...exhausted });
  });

  it('full', () => {
    const limited = { ...a, maxConcurrent: 2 };
    expect(reasonOf(limited, { states: { 'a/main': { leases: 2 } } })).toEqual({ code: 'saturated', active: 2, limit: 2 });
    expect(keys(plan([limited], { states: { 'a/main': { leases: 1 } } }))).toEqual(['a/main']);
  });

  it('full because of the group it shares', () => {
    const limited = { ...a, maxConcurrent: 2, limitGroup: 'account' };
    expect(reasonOf(limited, { groupLeases: new Map([['account', 2]]) })).toMatchObject({ code: 'saturated' });
    expect(keys(plan([limited], { groupLeases: new Map([['account', 1]]), states: { 'a/main': { leases: 9 } } }))).toEqual([
      'a/main',
    ]);
  });

  it('not part of the route', () => {
    const routes = [makeRoute({ name: 'codex', model: 'gpt-5*', providers: ['b'] })];
    expect(reasonOf(a, { routes })).toEqual({ code: 'not_in_route', route: 'codex' });
    expect(plan([a, b], { routes }).route).toBe('codex');
    expect(keys(plan([a, b], { routes, facts: makeFacts({ model: 'o3' }) }))).toEqual(['a/main', 'b/main']);
  });

  it('gives what waiting does not change before what it does', () => {
    expect(skips(plan([{ ...a, enabled: false }], { states: { 'a/main': { cooldown: makeCooldown() } } }))).toEqual({
      'a/main': 'disabled',
    });
  });
});

describe('mapped models', () => {
  it('stand in the candidate', () => {
    const mapped = makeEndpoint('a/main', { modelMap: { 'gpt-*': 'vendor/gpt-*' } });
    expect(plan([mapped, b]).candidates.map((candidate) => candidate.model)).toEqual(['vendor/gpt-5.5', 'gpt-5.5']);
  });

  it('are none when the turn names none', () => {
    const result = plan([makeEndpoint('a/main', { models: ['o3'] })], { facts: makeFacts({ model: undefined }) });
    expect(result.candidates[0]?.model).toBeUndefined();
    expect(keys(result)).toEqual(['a/main']);
  });
});

describe('pinned', () => {
  const endpoints = [makeEndpoint('a/one', { order: 1, level: 3 }), makeEndpoint('a/two', { order: 0, level: 5 }), b];

  it('only that provider, whatever the levels', () => {
    const result = plan(endpoints, { routing: { pinned: 'a' } });
    expect(keys(result)).toEqual(['a/two', 'a/one']);
    expect(why(result)).toEqual(['pinned', 'pinned']);
    expect(result.pinned).toBe('a');
    expect(result.skipped).toEqual([{ endpoint: 'b/main', level: 1, reason: { code: 'not_pinned', pinned: 'a' } }]);
  });

  it('by the session before globally', () => {
    expect(plan(endpoints, { pinnedProvider: 'b', routing: { pinned: 'a' } }).pinned).toBe('b');
  });

  it('knows no routes', () => {
    const result = plan(endpoints, { routing: { pinned: 'a' }, routes: [makeRoute({ providers: ['b'] })] });
    expect(keys(result)).toEqual(['a/two', 'a/one']);
    expect(result.route).toBeUndefined();
  });

  it('to a provider that is gone is not pinned', () => {
    expect(keys(plan(all, { pinnedProvider: 'gone', routing: { pinned: 'gone-too' } }))).toHaveLength(4);
  });

  it('does not make a disabled endpoint usable', () => {
    expect(keys(plan([{ ...a, enabled: false }, b], { pinnedProvider: 'a' }))).toEqual([]);
  });
});

describe('recovering endpoints', () => {
  it('whose rest is over are tried as a probe, in their place', () => {
    const result = plan([a, b], { states: { 'a/main': { cooldown: makeCooldown({ untilMs: NOW }) } } });
    expect(keys(result)).toEqual(['a/main', 'b/main']);
    expect(why(result)).toEqual(['probe', 'strategy']);
  });

  it('are left out while another request probes them', () => {
    const result = plan([a, b], { states: { 'a/main': { halfOpen: true, probing: true, leases: 1 } } });
    expect(skips(result)).toEqual({ 'a/main': 'probing' });
  });

  it('are not held up by a stream that began before the rest', () => {
    expect(why(plan([a], { states: { 'a/main': { halfOpen: true, leases: 1 } } }))).toEqual(['probe']);
  });
});

describe('exhausted endpoints', () => {
  const states = { 'a/main': { exhausted: { reason: 'empty', untilMs: undefined } } } as const;

  it('are never tried by default, even alone', () => {
    expect(skips(plan([a], { states }))).toEqual({ 'a/main': 'exhausted' });
  });

  it('come after everything else when they may be a last resort', () => {
    const result = plan([a, b, c], { states, routing: { on_exhausted: 'last-resort' } });
    expect(keys(result)).toEqual(['b/main', 'c/main', 'a/main']);
    expect(why(result)).toEqual(['strategy', 'strategy', 'last-resort']);
  });

  it('are not asked again within a second of saying so', () => {
    const fresh = { 'a/main': { ...states['a/main'], cooldown: makeCooldown({ sinceMs: NOW - 500, named: true }) } };
    expect(skips(plan([a], { states: fresh, routing: { on_exhausted: 'last-resort' } }))).toEqual({ 'a/main': 'exhausted' });
    const old = { 'a/main': { ...states['a/main'], cooldown: makeCooldown({ sinceMs: NOW - 1000, named: true }) } };
    expect(why(plan([a], { states: old, routing: { on_exhausted: 'last-resort' } }))).toEqual(['last-resort']);
  });
});

describe('when nothing is left but rests of our own making', () => {
  const rest = (untilMs: number, fields = {}) => ({ cooldown: makeCooldown({ untilMs: NOW + untilMs, ...fields }) });

  it('the endpoint whose rest ends soonest is tried, alone', () => {
    const states = { 'a/main': rest(20_000), 'b/main': rest(10_000), 'c/main': rest(30_000) };
    const result = plan([a, b, c], { states });
    expect(keys(result)).toEqual(['b/main']);
    expect(why(result)).toEqual(['last-resort']);
    expect(skips(result)).toEqual({ 'a/main': 'cooldown', 'c/main': 'cooldown' });
    expect(result.candidates[0]?.model).toBe('gpt-5.5');
    expect(result.nextEligibleAtMs).toBe(NOW + 20_000);
  });

  it('no rest is cut short while another endpoint is usable', () => {
    expect(keys(plan([a, c], { states: { 'a/main': rest(20_000) } }))).toEqual(['c/main']);
  });

  it.each([
    ['a wait the upstream named', { named: true }],
    ['a rest an error rule ordered', { class: 'rule' }],
    ['a rest younger than a second', { sinceMs: NOW - 999 }],
  ])('%s stands', (_, fields) => {
    const result = plan([a], { states: { 'a/main': rest(20_000, fields) } });
    expect(keys(result)).toEqual([]);
    expect(skips(result)).toEqual({ 'a/main': 'cooldown' });
  });

  it('only one request at a time', () => {
    const states = { 'a/main': { ...rest(20_000), probing: true, leases: 1 } };
    expect(keys(plan([a], { states }))).toEqual([]);
    expect(keys(plan([a], { states: { 'a/main': { ...rest(20_000), leases: 1 } } }))).toEqual(['a/main']);
  });

  it('a full endpoint stays out', () => {
    const limited = { ...a, maxConcurrent: 1 };
    expect(keys(plan([limited], { states: { 'a/main': { ...rest(20_000), leases: 1 } } }))).toEqual([]);
  });

  it('a rest of the model counts, unless the upstream named either', () => {
    const guess = { modelCooldowns: { 'gpt-5.5': makeCooldown() } };
    expect(why(plan([a], { states: { 'a/main': guess } }))).toEqual(['last-resort']);
    expect(keys(plan([a], { states: { 'a/main': { ...guess, ...rest(5000, { named: true }) } } }))).toEqual([]);
  });

  it('other reasons stand', () => {
    const states = { 'a/main': rest(20_000) };
    expect(keys(plan([{ ...a, enabled: false }], { states }))).toEqual([]);
    expect(keys(plan([{ ...a, models: ['o3'] }], { states }))).toEqual([]);
  });
});

describe('the next eligible time', () => {
  it('is the soonest end of a rest or exhaustion, and none where waiting does not help', () => {
    const states = {
      'a/main': { cooldown: makeCooldown({ untilMs: NOW + 9000, named: true }) },
      'b/main': { exhausted: { reason: 'x', untilMs: NOW + 4000 } },
    } as const;
    expect(plan([a, b], { states }).nextEligibleAtMs).toBe(NOW + 4000);
    expect(plan([{ ...a, enabled: false }]).nextEligibleAtMs).toBeUndefined();
  });

  it('is the time a fresh guess may be cut short, when nothing else is left', () => {
    const states = { 'a/main': { cooldown: makeCooldown({ sinceMs: NOW - 400, untilMs: NOW + 29_600 }) } };
    expect(plan([a], { states }).nextEligibleAtMs).toBe(NOW + 600);
    expect(plan([a, b], { states }).nextEligibleAtMs).toBe(NOW + 29_600);
    expect(keys(plan([a], { states, nowMs: NOW + 600 }))).toEqual(['a/main']);
  });
});

describe('a plan', () => {
  it('for no endpoints is empty', () => {
    expect(plan([])).toEqual({ route: undefined, pinned: undefined, candidates: [], skipped: [], nextEligibleAtMs: undefined });
  });

  it('does not change what it is given', () => {
    const states = new Map([['a/main' as const, Object.freeze(makeState({ cooldown: makeCooldown({ untilMs: NOW }) }))]]);
    const endpoints = Object.freeze([Object.freeze(a), Object.freeze(b)]);
    expect(() => plan(endpoints, { states: Object.fromEntries(states) })).not.toThrow();
  });
});
