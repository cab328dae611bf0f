import type { ErrorRule } from '../../../shared/config/schema.js';
import { parseStatusSet, statusIn } from '../../../shared/config/status-set.js';
import type { ResolvedRetry, RetryLayer } from '../../../shared/domain/config-snapshot.js';
import type { AttemptFailure } from '../../../shared/domain/routing.js';
import { assertNever } from '../../../shared/assert.js';
import { classCooldownMs, isNeutralClass } from './endpoint-state.js';
import { isQuotaFailure } from './error-phrases.js';

/** One failed attempt and what could follow it. */
export interface DecisionInput {
  readonly failure: AttemptFailure;
  readonly retry: ResolvedRetry;
  readonly provider: string;
  /** Attempts made at this endpoint in this turn, the failed one included. */
  readonly attemptsAtEndpoint: number;
  /** Another endpoint of the plan may still be tried. */
  readonly nextCandidate: boolean;
  /** The user insists on this provider: its own endpoint is given its retries before a sibling is asked. */
  readonly pinned: boolean;
  readonly random: () => number;
}

/** What to do after a failed attempt. */
export interface Decision {
  readonly action: 'retry' | 'next' | 'stop';
  /** Before doing it. */
  readonly waitMs: number;
  /** The endpoint rests; its cooldown follows from the class unless `cooldownMs` says how long. */
  readonly cool: boolean;
  readonly cooldownMs?: number;
  /** Name of the error rule that decided. */
  readonly rule?: string;
}

const MAX_EXPONENT = 20;
const RULE_TEXT_LIMIT = 16_384;

function textMatches(rule: ErrorRule, text: string): boolean {
  if (rule.contains !== undefined && !text.toLowerCase().includes(rule.contains.toLowerCase())) return false;
  if (rule.matches === undefined) return true;
  try {
    return new RegExp(rule.matches, 'i').test(text);
  } catch {
    return text.includes(rule.matches);
  }
}

/** The first rule whose every condition holds for the failure; contains and matches ignore case. */
export function findErrorRule(rules: readonly ErrorRule[], failure: AttemptFailure, provider: string): ErrorRule | undefined {
  if (rules.length === 0) return undefined;
  const text = `${failure.message}\n${failure.bodyHead}`.slice(0, RULE_TEXT_LIMIT);
  return rules.find(
    (rule) =>
      (rule.provider === undefined || rule.provider === provider) &&
      (rule.status === undefined || statusIn(parseStatusSet(rule.status), failure.status)) &&
      textMatches(rule, text),
  );
}

function ruleCooldownMs(rule: ErrorRule, input: DecisionInput): number {
  if (rule.cooldown_s !== undefined) return rule.cooldown_s * 1000;
  const { failure, retry } = input;
  return Math.max(classCooldownMs(failure.class, retry), retry.cooldownMs.transport, failure.retryAfterMs ?? 0);
}

function ruleName(rule: ErrorRule): string {
  return rule.name ?? rule.contains ?? rule.matches ?? `status ${rule.status ?? ''}`;
}

function decideByRule(rule: ErrorRule, input: DecisionInput): Decision {
  const onward = input.nextCandidate ? 'next' : 'stop';
  const plain = { waitMs: 0, cool: false, rule: ruleName(rule) };
  const cooling = { ...plain, cool: true, cooldownMs: ruleCooldownMs(rule, input) };
  switch (rule.action) {
    case 'stop':
      return { ...plain, action: 'stop' };
    case 'stop-and-cooldown':
      return { ...cooling, action: 'stop' };
    case 'next':
      return { ...plain, action: onward };
    case 'next-and-cooldown':
      return { ...cooling, action: onward };
    default:
      return assertNever(rule.action);
  }
}

function covers(layer: RetryLayer, failure: AttemptFailure): boolean {
  return layer.onClass.includes(failure.class) || statusIn(layer.onStatus, failure.status);
}

function isNever(failure: AttemptFailure, retry: ResolvedRetry): boolean {
  if (retry.neverOnClass.includes(failure.class)) return true;
  const isNamed = retry.endpoint.onClass.includes(failure.class) || retry.failover.onClass.includes(failure.class);
  return statusIn(retry.neverOnStatus, failure.status) && !isNamed;
}

/** Retrying in place cannot help, or another endpoint helps sooner. */
function isPointlessHere(input: DecisionInput): boolean {
  const { failure, retry, nextCandidate } = input;
  if (failure.class === 'auth' || isNeutralClass(failure.class) || isQuotaFailure(failure)) return true;
  if (!nextCandidate) return false;
  if ((failure.retryAfterMs ?? 0) > retry.endpoint.backoffMaxMs) return true;
  return !input.pinned && (failure.class === 'overloaded' || (failure.class === 'transport' && !failure.reached));
}

/** Wait before the retry that follows `attempts` attempts: what the upstream asked for, else doubling; with jitter, within the cap. */
export function retryWaitMs(layer: RetryLayer, attempts: number, retryAfterMs: number | undefined, random: () => number): number {
  const capMs = Math.max(layer.backoffMaxMs, layer.backoffMs);
  const jitterMs = Math.floor(random() * layer.jitterMs);
  if (retryAfterMs !== undefined && retryAfterMs > 0) return Math.min(retryAfterMs + jitterMs, capMs);
  if (layer.backoffMs === 0) return 0;
  const exponent = Math.min(Math.max(attempts - 1, 0), MAX_EXPONENT);
  return Math.min(layer.backoffMs * 2 ** exponent, capMs) + jitterMs;
}

/** A path that is not there may be a feature the endpoint lacks: it counts towards the threshold before it rests the endpoint. */
function coolsAtOnce(failure: AttemptFailure): boolean {
  const isMissingPath =
    failure.class === 'bad_answer' && failure.status !== undefined && failure.status >= 400 && failure.status < 500;
  return !isNeutralClass(failure.class) && !isMissingPath;
}

/** What follows a failed attempt: error rules, then what must never be retried, then the same endpoint, then the next one. */
export function decide(input: DecisionInput): Decision {
  const { failure, retry, nextCandidate } = input;
  const rule = findErrorRule(retry.rules, failure, input.provider);
  if (rule !== undefined) return decideByRule(rule, input);
  if (isNever(failure, retry)) return { action: 'stop', waitMs: 0, cool: false };
  const { endpoint, failover } = retry;
  if (input.attemptsAtEndpoint < endpoint.maxAttempts && covers(endpoint, failure) && !isPointlessHere(input)) {
    const waitMs = retryWaitMs(endpoint, input.attemptsAtEndpoint, failure.retryAfterMs, input.random);
    return { action: 'retry', waitMs, cool: false };
  }
  if (!covers(failover, failure)) return { action: 'stop', waitMs: 0, cool: false };
  const cool = coolsAtOnce(failure);
  if (!nextCandidate) return { action: 'stop', waitMs: 0, cool };
  return { action: 'next', waitMs: retryWaitMs(failover, 1, undefined, input.random), cool };
}
