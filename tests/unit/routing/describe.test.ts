import { describe, expect, it } from 'vitest';
import type { SkipReason } from '../../../shared/domain/routing.js';
import { describePlan, describeSkip, formatSpan } from '../../../main/core/routing/describe.js';
import { makeCooldown, makeEndpoint, makeRoute, NOW, plan } from './fixtures.js';

describe('describeSkip', () => {
  const reason = 'HTTP 503 from the upstream';
  it.each<[SkipReason, string]>([
    [{ code: 'cooldown', untilMs: NOW + 24_000, reason }, 'resting for 24 s more, HTTP 503 from the upstream'],
    [
      { code: 'cooldown', untilMs: NOW + 24_000, reason, model: 'o3' },
      'resting for the model o3 for 24 s more, HTTP 503 from the upstream',
    ],
    [{ code: 'exhausted', untilMs: NOW + 7_500_000, reason: 'usage limit' }, 'used up for 2 h 5 min more, usage limit'],
    [{ code: 'exhausted', untilMs: undefined, reason: 'balance 0' }, 'used up, balance 0'],
    [{ code: 'disabled' }, 'switched off in the configuration'],
    [{ code: 'protocol_mismatch', protocol: 'chat' }, 'speaks another protocol (chat)'],
    [{ code: 'unsupported_model', model: 'o3' }, 'does not offer the model o3'],
    [{ code: 'no_credential', source: 'env:KEY' }, 'has no credential: env:KEY is not set'],
    [{ code: 'probing' }, 'recovering: another request is trying it out'],
    [{ code: 'saturated', active: 3, limit: 3 }, 'busy: 3 of 3 concurrent requests in flight'],
    [{ code: 'not_in_route', route: 'work' }, 'not part of the route work'],
    [{ code: 'not_pinned', pinned: 'other' }, 'left out because other is pinned'],
    [{ code: 'state_bound', owner: 'x/y' }, "left out because the conversation's state belongs to x/y"],
  ])('%j', (skipReason, expected) => {
    expect(describeSkip({ endpoint: 'relay/default', level: 1, reason: skipReason }, NOW)).toBe(`relay/default: ${expected}`);
  });
});

describe('formatSpan', () => {
  it.each([
    [-5, '1 s'],
    [1, '1 s'],
    [1001, '2 s'],
    [119_000, '119 s'],
    [120_000, '2 min'],
    [3_540_000, '59 min'],
    [3_600_000, '1 h'],
    [172_800_000, '2 d'],
    [180_000_000, '2 d 2 h'],
  ])('%i ms is %s', (spanMs, expected) => {
    expect(formatSpan(spanMs)).toBe(expected);
  });
});

describe('describePlan', () => {
  const a = makeEndpoint('a/main', { modelMap: { '*': 'v/*' } });
  const b = makeEndpoint('b/main', { level: 2 });

  it('lists what is tried and what is left out', () => {
    const routes = [makeRoute({ name: 'work', providers: ['a', 'b'] })];
    const result = plan([a, b], { routes, routing: { active: 'b' }, states: { 'a/main': { halfOpen: true } } });
    expect(describePlan(result, NOW)).toEqual([
      'route work',
      '1. a/main (level 1): its rest is over, this turn tries it out, model v/gpt-5.5',
      '2. b/main (level 2): the active provider, model gpt-5.5',
    ]);
  });

  it('says when that changes where nothing can be tried', () => {
    const states = { 'a/main': { cooldown: makeCooldown({ named: true }) } };
    expect(describePlan(plan([a, b], { states, routing: { pinned: 'a' } }), NOW)).toEqual([
      'pinned to a',
      'no endpoint can be used right now',
      'a/main: resting for 20 s more, HTTP 503 from the upstream',
      'b/main: left out because a is pinned',
      'the soonest is eligible in 20 s',
    ]);
  });
});
