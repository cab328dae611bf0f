import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { parseDurationMs, readRetryAfterMs } from '../../../main/core/routing/retry-after.js';
import { NOW } from './fixtures.js';

const WEEK_MS = 7 * 24 * 3600 * 1000;
const seconds = Math.floor(NOW / 1000);

describe('readRetryAfterMs from headers', () => {
  it.each([
    [{ 'retry-after-ms': '1500' }, 1500],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9000],
    [{ 'retry-after': '10' }, 10_000],
    [{ 'retry-after': ' 0.5 ' }, 500],
    [{ 'retry-after': '1m30s' }, 90_000],
    [{ 'retry-after': '20s' }, 20_000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 23:00:00 GMT' }, 0],
    [{ 'retry-after': '-5' }, 0],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '99999999' }, WEEK_MS],
    [{ 'retry-after': ['3', '7'] }, 3000],
    [{ 'retry-after': 'later' }, undefined],
    [{}, undefined],
  ])('%j', (headers, expected) => {
    expect(readRetryAfterMs(headers, '', NOW)).toBe(expected);
  });

  it('asks the body when the header only says now', () => {
    expect(readRetryAfterMs({ 'retry-after': '0' }, '{"error":{"resets_in_seconds":60}}', NOW)).toBe(60_000);
  });
});

describe('readRetryAfterMs from the body', () => {
  it.each([
    ['milliseconds', '{"retry_after_ms":250}', 250],
    ['epoch seconds', `{"error":{"type":"usage_limit_reached","resets_at":${seconds + 3600}}}`, 3_600_000],
    ['epoch milliseconds', `{"error":{"resets_at":${NOW + 5000}}}`, 5000],
    ['an ISO time', '{"error":{"resets_at":"2026-01-01T00:10:00Z"}}', 600_000],
    ['an ISO time without zone, taken as UTC', '{"error":{"resets_at":"2026-01-01T00:10:00"}}', 600_000],
    ['epoch seconds as text', `{"resets_at":"${seconds + 60}"}`, 60_000],
    ['a moment that has passed', `{"resets_at":${seconds - 60}}`, 0],
    ['resets_in_seconds', '{"error":{"resets_in_seconds":42}}', 42_000],
    ['reset_seconds', '{"error":{"reset_seconds":7}}', 7000],
    ['retry_after in seconds', '{"retry_after":12}', 12_000],
    ['retry_after as text', '{"retry_after":"1m30s"}', 90_000],
    ['a negative wait', '{"retry_after":-3}', 0],
    [
      'Google retryDelay',
      '{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}',
      34_500,
    ],
    ['Google quotaResetDelay', '{"error":{"details":[{"metadata":{"quotaResetDelay":"1h2m3.5s"}}]}}', 3_723_500],
    [
      'words with a fraction of seconds',
      '{"error":{"message":"Rate limit reached. Please try again in 1.898s. Visit us"}}',
      1898,
    ],
    ['words with milliseconds', 'Please try again in 12ms.', 12],
    ['words with minutes', 'Try again in 3 minutes', 180_000],
    ['words with several units', 'try again in 3 days 1 hour 9 minutes.', 263_340_000],
    ['words of another kind', 'Please retry after 30 seconds', 30_000],
    ['Chinese words', '{"error":{"message":"请求过于频繁，请在 30 秒后重试"}}', 30_000],
    ['JSON quoted in a message', String.raw`{"error":{"message":"upstream said {\"resets_in_seconds\":90}"}}`, 90_000],
    ['a body that was cut off', '{"error":{"message":"limit","resets_in_seconds":42,"plan', 42_000],
    ['more than a week', '{"resets_in_seconds":9999999}', WEEK_MS],
    ['a number too small for a moment', '{"resets_at":12}', undefined],
    ['nothing', '{"error":{"message":"no"}}', undefined],
    ['a number that is no wait', 'try again with 3 items', undefined],
  ])('%s', (_, body, expected) => {
    expect(readRetryAfterMs({}, body, NOW)).toBe(expected);
  });

  it('stays between nothing and a week, and never fails, whatever the body and header hold', () => {
    const noise = fc.oneof(fc.string(), fc.json(), fc.double().map(String));
    const field = fc.constantFrom('retry_after_ms', 'resets_at', 'retry_after', 'resets_in_seconds', 'retryDelay');
    fc.assert(
      fc.property(field, noise, noise, (name, value, header) => {
        for (const body of [value, `{"${name}":${value}}`, `{"${name}":"${value}"}`]) {
          const waitMs = readRetryAfterMs({ 'retry-after': header }, body, NOW) ?? 0;
          expect(waitMs).toBeGreaterThanOrEqual(0);
          expect(waitMs).toBeLessThanOrEqual(WEEK_MS);
        }
      }),
    );
  });
});

describe('parseDurationMs', () => {
  it.each([
    ['500ms', 500],
    ['2h', 7_200_000],
    ['1h 2m 3s', 3_723_000],
    ['1 hour, 2 minutes and 3 seconds', 3_723_000],
    ['1d', 86_400_000],
    ['12', undefined],
    ['12 parsecs', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });
});
