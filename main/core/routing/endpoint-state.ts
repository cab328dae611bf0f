import type { FailureClass } from '../../../shared/config/schema.js';
import type { ResolvedRetry } from '../../../shared/domain/config-snapshot.js';
import type { AttemptFailure, AttemptOutcome, Cooldown, EndpointState } from '../../../shared/domain/routing.js';
import { assertNever } from '../../../shared/assert.js';
import { isQuotaFailure } from './error-phrases.js';

/** What is known besides the outcome when an attempt is settled. */
export interface OutcomeContext {
  readonly nowMs: number;
  readonly retry: ResolvedRetry;
  /** Rest this long whatever the class says: an error rule asked for it. */
  readonly cooldownMs?: number;
  /** Rest at once; without it a failure counts towards the threshold. */
  readonly cool: boolean;
  readonly firstByteMs?: number;
  /** The model that was asked for, after mapping: its success ends the rest of that model. */
  readonly model?: string;
}

/** So many failures in a row that did not cool the endpoint do so together. */
export const FAILURE_THRESHOLD = 3;
const THRESHOLD_COOLDOWN_MS = 30_000;
/** Guess for used-up money or allowance whose return nobody named: it does not come back in seconds. */
const QUOTA_GUESS_MS = 60_000;
const MAX_MODEL_COOLDOWNS = 64;
const MAX_STREAK = 64;
/** A wall clock set back by more than this ends cooldowns that would otherwise last for the difference, too. */
const CLOCK_SLACK_MS = 60_000;

const neutralClasses: ReadonlySet<FailureClass> = new Set(['client_error', 'capability_mismatch']);

/** True for classes that say nothing about the endpoint's health. */
export function isNeutralClass(failureClass: FailureClass): boolean {
  return neutralClasses.has(failureClass);
}

/** An endpoint of which nothing is known yet. */
export function initialState(): EndpointState {
  return {
    consecutiveFailures: 0,
    streak: 0,
    cooldown: undefined,
    modelCooldowns: {},
    exhausted: undefined,
    leases: 0,
    halfOpen: false,
    probing: false,
    healthySinceMs: undefined,
    lastSuccessAtMs: undefined,
    lastFailureAtMs: undefined,
    lastError: undefined,
    firstByteMs: undefined,
  };
}

/** How long a class rests an endpoint before backoff, when the upstream names no time. */
export function classCooldownMs(failureClass: FailureClass, retry: ResolvedRetry): number {
  switch (failureClass) {
    case 'cloudflare_challenge':
      return retry.cooldownMs.cloudflareChallenge;
    case 'cloudflare_timeout':
      return retry.cooldownMs.cloudflareTimeout;
    case 'client_error':
    case 'capability_mismatch':
      return 0;
    case 'transport':
    case 'timeout':
    case 'rate_limited':
    case 'overloaded':
    case 'auth':
    case 'server_error':
    case 'bad_answer':
    case 'stream_failed':
      return retry.cooldownMs.transport;
    default:
      return assertNever(failureClass);
  }
}

/** `base · factor^streak`, at most the configured maximum, never less than the base; 0 stays 0. */
export function backoffMs(baseMs: number, streak: number, retry: ResolvedRetry): number {
  if (baseMs <= 0 || retry.cooldownBackoffFactor <= 1) return Math.max(baseMs, 0);
  const grown = baseMs * retry.cooldownBackoffFactor ** Math.min(Math.max(streak, 0), MAX_STREAK);
  return Math.min(grown, Math.max(retry.cooldownBackoffMaxMs, baseMs));
}

function isOver(cooldown: Cooldown, nowMs: number): boolean {
  return nowMs >= cooldown.untilMs || nowMs + CLOCK_SLACK_MS < cooldown.sinceMs;
}

/** The later ending of two rests; at equal ends the one that was there first. */
function longer(existing: Cooldown | undefined, fresh: Cooldown): Cooldown {
  return existing !== undefined && existing.untilMs >= fresh.untilMs ? existing : fresh;
}

function median(previous: number | undefined, sample: number | undefined): number | undefined {
  if (sample === undefined || previous === undefined) return sample ?? previous;
  const step = Math.max(1, previous * 0.1);
  return previous + Math.max(-step, Math.min(step, sample - previous));
}

function afterSuccess(state: EndpointState, ctx: OutcomeContext): EndpointState {
  const { nowMs } = ctx;
  const seen = {
    lastSuccessAtMs: nowMs,
    firstByteMs: median(state.firstByteMs, ctx.firstByteMs),
    consecutiveFailures: 0,
    modelCooldowns: withoutModel(state.modelCooldowns, ctx.model),
  };
  // An older request ending well does not disprove a wait that the upstream named since; the probe does.
  const isStanding = state.cooldown?.named === true && state.cooldown.untilMs > nowMs && state.probing !== true;
  if (isStanding) return { ...state, ...seen };
  return {
    ...state,
    ...seen,
    streak: 0,
    cooldown: undefined,
    exhausted: undefined,
    halfOpen: false,
    probing: false,
    healthySinceMs: state.healthySinceMs ?? nowMs,
    lastError: undefined,
  };
}

/** A success of one model says nothing about the others that rest. */
function withoutModel(rests: EndpointState['modelCooldowns'], model: string | undefined): EndpointState['modelCooldowns'] {
  if (model === undefined || !Object.hasOwn(rests, model)) return rests;
  return Object.fromEntries(Object.entries(rests).filter(([name]) => name !== model));
}

/** The rest a failure asks for; undefined for none. */
function restFor(failure: AttemptFailure, streak: number, ctx: OutcomeContext): Cooldown | undefined {
  const { nowMs, retry } = ctx;
  const rest = (durationMs: number, named: boolean, by: Cooldown['class']): Cooldown | undefined =>
    durationMs > 0 ? { untilMs: nowMs + durationMs, sinceMs: nowMs, class: by, reason: failure.message, named } : undefined;
  if (ctx.cooldownMs !== undefined) return rest(ctx.cooldownMs, false, 'rule');
  if (isNeutralClass(failure.class) || !ctx.cool) return undefined;
  if (failure.retryAfterMs !== undefined && failure.retryAfterMs > 0) return rest(failure.retryAfterMs, true, failure.class);
  const base = classCooldownMs(failure.class, retry);
  return rest(
    backoffMs(isQuotaFailure(failure) && base > 0 ? Math.max(base, QUOTA_GUESS_MS) : base, streak, retry),
    false,
    failure.class,
  );
}

function withModelCooldown(state: EndpointState, model: string, rest: Cooldown): Readonly<Record<string, Cooldown>> {
  const entries = Object.entries(state.modelCooldowns).filter(([name]) => name !== model);
  entries.sort(([, a], [, b]) => b.untilMs - a.untilMs);
  const own = Object.hasOwn(state.modelCooldowns, model) ? state.modelCooldowns[model] : undefined;
  return Object.fromEntries([...entries.slice(0, MAX_MODEL_COOLDOWNS - 1), [model, longer(own, rest)]]);
}

function exhaustedBy(failure: AttemptFailure, state: EndpointState, rest: Cooldown | undefined): EndpointState['exhausted'] {
  if (rest === undefined || rest.class === 'rule' || !isQuotaFailure(failure)) return state.exhausted;
  const untilMs = rest.named ? Math.max(rest.untilMs, state.exhausted?.untilMs ?? 0) : state.exhausted?.untilMs;
  return { reason: failure.message, untilMs };
}

function afterFailure(state: EndpointState, failure: AttemptFailure, ctx: OutcomeContext): EndpointState {
  const { nowMs } = ctx;
  const noted = { ...state, lastFailureAtMs: nowMs, lastError: failure.message, probing: false };
  // Requests that fail together are one event: only the first of them, or a probe, raises the backoff.
  const isResting = state.cooldown !== undefined && !isOver(state.cooldown, nowMs) && state.probing !== true;
  const streak = isResting ? Math.max(0, state.streak - 1) : state.streak;
  const asked = restFor(failure, streak, ctx);
  if (failure.model !== undefined && ctx.cooldownMs === undefined) {
    return asked === undefined ? noted : { ...noted, modelCooldowns: withModelCooldown(state, failure.model, asked) };
  }
  const consecutiveFailures = state.consecutiveFailures + 1;
  const rest = asked ?? (ctx.cool ? undefined : thresholdRest(failure, consecutiveFailures, streak, ctx));
  const counted = { ...noted, consecutiveFailures, healthySinceMs: undefined };
  if (rest === undefined) return counted;
  return {
    ...counted,
    streak: Math.min(streak + 1, MAX_STREAK),
    cooldown: longer(state.cooldown, rest),
    exhausted: exhaustedBy(failure, state, rest),
    halfOpen: false,
  };
}

function thresholdRest(failure: AttemptFailure, failures: number, streak: number, ctx: OutcomeContext): Cooldown | undefined {
  if (failures < FAILURE_THRESHOLD) return undefined;
  const untilMs = ctx.nowMs + backoffMs(THRESHOLD_COOLDOWN_MS, streak, ctx.retry);
  const reason = `${failures} failures in a row, the last: ${failure.message}`;
  return { untilMs, sinceMs: ctx.nowMs, class: failure.class, reason, named: false };
}

/** The state after an attempt. Aborted, busy and neutral failures change nothing but the probe; no rest is ever shortened by a failure. */
export function applyOutcome(state: EndpointState, outcome: AttemptOutcome, ctx: OutcomeContext): EndpointState {
  switch (outcome.kind) {
    case 'success':
      return afterSuccess(state, ctx);
    case 'aborted':
      return endProbe(state);
    case 'busy':
      return state;
    case 'failure':
      return isNeutralClass(outcome.class) && ctx.cooldownMs === undefined ? endProbe(state) : afterFailure(state, outcome, ctx);
    default:
      return assertNever(outcome);
  }
}

function endProbe(state: EndpointState): EndpointState {
  return state.probing === true ? { ...state, probing: false } : state;
}

/** One more request in flight; while half open or cooling it is the probe. */
export function takeLease(state: EndpointState): EndpointState {
  const isProbe = state.halfOpen || state.cooldown !== undefined || state.exhausted !== undefined;
  return { ...state, leases: state.leases + 1, probing: state.probing === true || isProbe };
}

/** One request less in flight; whether it was the probe, its outcome tells, before or after. */
export function releaseLease(state: EndpointState): EndpointState {
  return { ...state, leases: Math.max(0, state.leases - 1) };
}

/** True while the one request allowed to a recovering endpoint is under way. */
export function isProbing(state: EndpointState): boolean {
  return state.probing === true && state.leases > 0;
}

function settleModels(state: EndpointState, nowMs: number): EndpointState['modelCooldowns'] {
  const entries = Object.entries(state.modelCooldowns);
  const kept = entries.filter(([, cooldown]) => !isOver(cooldown, nowMs));
  return kept.length === entries.length ? state.modelCooldowns : Object.fromEntries(kept);
}

/**
 * The state with rests that are over taken off: the endpoint is then half open until a success. Exhaustion ends at its own
 * time, or, when nobody named one, with the rest that came with it. The same object when nothing is over.
 */
export function settleExpired(state: EndpointState, nowMs: number): EndpointState {
  const isRested = state.cooldown !== undefined && isOver(state.cooldown, nowMs);
  const modelCooldowns = settleModels(state, nowMs);
  const { exhausted } = state;
  const isRefilled = exhausted !== undefined && (exhausted.untilMs === undefined ? isRested : nowMs >= exhausted.untilMs);
  if (!isRested && !isRefilled && modelCooldowns === state.modelCooldowns) return state;
  return {
    ...state,
    modelCooldowns,
    exhausted: isRefilled ? undefined : exhausted,
    ...(isRested ? { cooldown: undefined, halfOpen: true, consecutiveFailures: 0 } : {}),
  };
}

/** The state as if the endpoint had never failed: rests, exhaustion and backoff are gone, requests in flight stay counted. */
export function resetCooldown(state: EndpointState): EndpointState {
  return {
    ...state,
    consecutiveFailures: 0,
    streak: 0,
    cooldown: undefined,
    modelCooldowns: {},
    exhausted: undefined,
    halfOpen: false,
    probing: false,
  };
}

/** The rest that keeps this endpoint, or the model on it, from being tried now: the one that ends last. */
export function activeCooldown(
  state: EndpointState,
  model: string | undefined,
  nowMs: number,
): { readonly cooldown: Cooldown; readonly model: string | undefined } | undefined {
  const whole = state.cooldown !== undefined && !isOver(state.cooldown, nowMs) ? state.cooldown : undefined;
  const own = model !== undefined && Object.hasOwn(state.modelCooldowns, model) ? state.modelCooldowns[model] : undefined;
  const ofModel = own !== undefined && !isOver(own, nowMs) ? own : undefined;
  if (ofModel !== undefined && (whole === undefined || ofModel.untilMs > whole.untilMs)) return { cooldown: ofModel, model };
  return whole === undefined ? undefined : { cooldown: whole, model: undefined };
}
