import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { parseStatusSet, statusIn } from '../../../shared/config/status-set.js';
import { makeRetry } from './fixtures.js';

describe('parseStatusSet', () => {
  it.each([
    [
      '429,500-599,524',
      [
        [429, 429],
        [500, 599],
        [524, 524],
      ],
    ],
    [
      ' 429 , 599 - 500 ',
      [
        [429, 429],
        [500, 599],
      ],
    ],
    ['', []],
    ['garbage,429,5xx,60,-', [[429, 429]]],
  ])('reads %j', (text, expected) => {
    expect(parseStatusSet(text)).toEqual(expected);
  });

  it('holds exactly the statuses between both ends of a range, whichever end is written first', () => {
    const status = fc.integer({ min: 100, max: 999 });
    fc.assert(
      fc.property(status, status, status, (a, b, probe) => {
        const inside = probe >= Math.min(a, b) && probe <= Math.max(a, b);
        expect(statusIn(parseStatusSet(`${a}-${b}`), probe)).toBe(inside);
      }),
    );
  });

  it('does not hold a missing status', () => {
    expect(statusIn(parseStatusSet('100-999'), undefined)).toBe(false);
  });
});

describe('resolveRetry', () => {
  it('gives the balanced profile when the file says nothing', () => {
    const retry = makeRetry();
    expect(retry.profile).toBe('balanced');
    expect(retry.endpoint).toMatchObject({ maxAttempts: 2, backoffMs: 200, backoffMaxMs: 2000, jitterMs: 100 });
    expect(retry.failover).toMatchObject({ maxAttempts: 2, backoffMs: 0, backoffMaxMs: 0, jitterMs: 0 });
    expect(retry.cooldownMs).toEqual({ cloudflareChallenge: 300_000, cloudflareTimeout: 60_000, transport: 30_000 });
    expect([retry.cooldownBackoffFactor, retry.cooldownBackoffMaxMs]).toEqual([1, 600_000]);
    expect(retry.neverOnClass).toEqual(['client_error']);
    expect([413, 415, 422, 400].map((status) => statusIn(retry.neverOnStatus, status))).toEqual([true, true, true, false]);
  });

  it('retries in place what balanced lists, and leaves 503 and 529 to their class', () => {
    const { onStatus, onClass } = makeRetry().endpoint;
    expect([429, 500, 502, 504, 524, 528, 530, 599].every((status) => statusIn(onStatus, status))).toBe(true);
    expect([503, 529, 400, 401, 404].some((status) => statusIn(onStatus, status))).toBe(false);
    expect(onClass).toEqual(['transport', 'cloudflare_timeout', 'cloudflare_challenge', 'rate_limited', 'overloaded']);
  });

  it('moves on for every status and class that another endpoint may answer better', () => {
    const { onStatus, onClass } = makeRetry().failover;
    expect([401, 403, 404, 408, 429, 500, 503, 529, 599].every((status) => statusIn(onStatus, status))).toBe(true);
    expect([400, 402, 409, 413, 415, 422].some((status) => statusIn(onStatus, status))).toBe(false);
    expect(onClass).not.toContain('client_error');
    expect(onClass).not.toContain('server_error');
  });

  it.each([
    ['same-upstream', { endpoint: [3, 200, 2000, 100], failover: 1, backoff: [1, 600_000] }],
    ['aggressive-failover', { endpoint: [2, 200, 2500, 150], failover: 3, backoff: [1, 600_000] }],
    ['cost-primary', { endpoint: [2, 200, 2000, 100], failover: 2, backoff: [2, 900_000] }],
  ])('gives the numbers of %s', (profile, expected) => {
    const { endpoint, failover, ...retry } = makeRetry({ profile });
    expect([endpoint.maxAttempts, endpoint.backoffMs, endpoint.backoffMaxMs, endpoint.jitterMs]).toEqual(expected.endpoint);
    expect(failover.maxAttempts).toBe(expected.failover);
    expect([retry.cooldownBackoffFactor, retry.cooldownBackoffMaxMs]).toEqual(expected.backoff);
  });

  it('puts single fields of the file over the profile and keeps the rest of it', () => {
    const retry = makeRetry({
      profile: 'aggressive-failover',
      endpoint: { max_attempts: 1, on_status: '', on_class: [] },
      failover: { backoff_ms: 50 },
      never_on_status: '418',
      never_on_class: [],
      transport_cooldown_s: 5,
      cooldown_backoff_factor: 3,
      cooldown_backoff_max_s: 0,
    });
    expect(retry.endpoint).toMatchObject({ maxAttempts: 1, onStatus: [], onClass: [], backoffMaxMs: 2500 });
    expect(retry.failover).toMatchObject({ maxAttempts: 3, backoffMs: 50 });
    expect(retry.neverOnStatus).toEqual([[418, 418]]);
    expect(retry.neverOnClass).toEqual([]);
    expect(retry.cooldownMs).toEqual({ cloudflareChallenge: 300_000, cloudflareTimeout: 60_000, transport: 5000 });
    expect([retry.cooldownBackoffFactor, retry.cooldownBackoffMaxMs]).toEqual([3, 0]);
  });
});
