/** Response headers as the HTTP layer gives them; names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

const MAX_WAIT_MS = 7 * 24 * 3600 * 1000;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const UNITS = 'milliseconds?|millis|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d';
const PART = `(?:\\d+(?:\\.\\d+)?)\\s*(?:${UNITS})(?![a-z])`;
const DURATION = new RegExp(`^\\s*${PART}(?:(?:\\s*,\\s*|\\s+and\\s+|\\s*)${PART})*\\s*$`, 'i');
const PARTS = new RegExp(`(\\d+(?:\\.\\d+)?)\\s*(${UNITS})(?![a-z])`, 'gi');
const WAIT_TEXT = new RegExp(
  `(?:try again|retry|available again|resets?|wait|reset)(?:\\s+(?:in|after|for|within|at least|about))*:?\\s+((?:${PART})(?:(?:,\\s*|\\s+and\\s+|\\s*)${PART})*)`,
  'i',
);
const WAIT_TEXT_CHINESE = /(\d+(?:\.\d+)?)\s*(毫秒|秒钟?|分钟|小时|天)(?:钟)?\s*(?:之?后|以后)/;
const chineseUnits: readonly (readonly [string, number])[] = [
  ['毫秒', 1],
  ['秒', 1000],
  ['分钟', 60_000],
  ['小时', 3_600_000],
  ['天', 86_400_000],
];

/** Milliseconds of a duration text: `1m30s`, `500ms`, `3 minutes`, `1.898s`; undefined when it is something else. */
export function parseDurationMs(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.toLowerCase().matchAll(PARTS))
    totalMs += Number(amount) * (unitMs[unitKey(unit ?? '')] ?? 0);
  return totalMs;
}

function unitKey(unit: string): string {
  return /^(?:ms|milli|msec)/.test(unit) ? 'ms' : unit.slice(0, 1);
}

/** A point in time: epoch seconds, epoch milliseconds, or an ISO or HTTP date; undefined for anything else. */
function parseMomentMs(text: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) {
    const value = Number(text);
    if (value >= 1e11) return value;
    return value >= 1e9 ? value * 1000 : undefined;
  }
  if (!/^(?:[A-Za-z]{3,9},\s|\d{4}-\d{2}-\d{2})/.test(text)) return undefined;
  const zoned = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?$/.test(text) ? `${text.replace(' ', 'T')}Z` : text;
  const parsed = Date.parse(zoned);
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** A wait written in seconds, as a duration or as a date. */
function parseSecondsWaitMs(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  if (/^[-+]?\d+(?:\.\d+)?$/.test(trimmed)) {
    const moment = parseMomentMs(trimmed);
    return moment === undefined ? Number(trimmed) * 1000 : moment - nowMs;
  }
  const moment = parseMomentMs(trimmed);
  return parseDurationMs(trimmed) ?? (moment === undefined ? undefined : moment - nowMs);
}

function parseMillisecondsWaitMs(text: string): number | undefined {
  const trimmed = text.trim();
  return /^[-+]?\d+(?:\.\d+)?$/.test(trimmed) ? Number(trimmed) : parseDurationMs(trimmed);
}

function parseMomentWaitMs(text: string, nowMs: number): number | undefined {
  const moment = parseMomentMs(text.trim());
  return moment === undefined ? undefined : moment - nowMs;
}

type WaitParser = (text: string, nowMs: number) => number | undefined;

/** Body fields that name a wait, most precise first. */
const bodyFields: readonly (readonly [string, WaitParser])[] = [
  ['retry_after_ms', parseMillisecondsWaitMs],
  ['resets_at', parseMomentWaitMs],
  ['reset_at', parseMomentWaitMs],
  ['retry_after', parseSecondsWaitMs],
  ['retry_after_seconds', parseSecondsWaitMs],
  ['retry_after_secs', parseSecondsWaitMs],
  ['resets_in_seconds', parseSecondsWaitMs],
  ['reset_after_seconds', parseSecondsWaitMs],
  ['reset_seconds', parseSecondsWaitMs],
  ['retryDelay', parseSecondsWaitMs],
  ['quotaResetDelay', parseSecondsWaitMs],
  ['quotaResetTimeStamp', parseMomentWaitMs],
];

/** Value of a JSON field anywhere in the text; works on a cut-off body and on JSON quoted inside a message. */
function findField(text: string, name: string): string | undefined {
  const match = new RegExp(`"${name}\\\\*"\\s*:\\s*(?:\\\\*"([^"\\\\]*)\\\\*"|([-+]?\\d+(?:\\.\\d+)?))`).exec(text);
  return match?.[1] ?? match?.[2];
}

function* bodyWaits(bodyHead: string, nowMs: number): Generator<number | undefined> {
  for (const [name, parse] of bodyFields) {
    const value = findField(bodyHead, name);
    if (value !== undefined) yield parse(value, nowMs);
  }
  const inWords = WAIT_TEXT.exec(bodyHead)?.[1];
  if (inWords !== undefined) yield parseDurationMs(inWords);
  const chinese = WAIT_TEXT_CHINESE.exec(bodyHead);
  if (chinese !== null) {
    const factor = chineseUnits.find(([unit]) => chinese[2]?.startsWith(unit))?.[1];
    if (factor !== undefined) yield Number(chinese[1]) * factor;
  }
}

function* waits(headers: ResponseHeaders, bodyHead: string, nowMs: number): Generator<number | undefined> {
  const inMs = headerValue(headers, 'retry-after-ms');
  if (inMs !== undefined) yield parseMillisecondsWaitMs(inMs);
  const inSeconds = headerValue(headers, 'retry-after');
  if (inSeconds !== undefined) yield parseSecondsWaitMs(inSeconds, nowMs);
  yield* bodyWaits(bodyHead, nowMs);
}

/** First value of a header, in lower-case name. */
export function headerValue(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

/**
 * How long the upstream asked us to wait, from headers, body fields or words, in that order; a place that says "now" yields
 * to a later one that names a wait. Between 0 and 7 days; undefined when nothing names a wait.
 */
export function readRetryAfterMs(headers: ResponseHeaders, bodyHead: string, nowMs: number): number | undefined {
  let saysNow = false;
  for (const waitMs of waits(headers, bodyHead, nowMs)) {
    if (waitMs === undefined || Number.isNaN(waitMs)) continue;
    if (waitMs > 0) return Math.min(Math.ceil(waitMs), MAX_WAIT_MS);
    saysNow = true;
  }
  return saysNow ? 0 : undefined;
}
