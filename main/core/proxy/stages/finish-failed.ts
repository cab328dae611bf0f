import type { AttemptFailure, Plan } from '../../../../shared/domain/routing.js';
import type { ErrorCode } from '../../../../shared/errors/codes.js';
import { errorBody, errorEvent, type RelayError } from '../../protocols/synthetic-events.js';
import { describeSkip } from '../../routing/describe.js';
import type { Clock } from '../../ports.js';
import type { Turn, TurnEnd } from '../turn.js';
import type { Answer } from './attempt.js';

/** A failed attempt, kept in case nothing better comes. */
export interface FailedAttempt {
  readonly failure: AttemptFailure;
  readonly answer: Answer | undefined;
  readonly endpoint: string;
  /** The model that was asked for, after mapping. */
  readonly model: string | undefined;
}

/** Codex is told to come back no later than this. */
const MAX_WAIT_MS = 60_000;
/** Used when nothing names a time. */
const DEFAULT_WAIT_MS = 1_000;
const MIN_WAIT_MS = 200;

/** Answers that tell the client more rank higher; equal ranks: the later attempt. */
const usefulness: Readonly<Record<AttemptFailure['class'], number>> = {
  client_error: 9,
  capability_mismatch: 8,
  rate_limited: 7,
  auth: 6,
  overloaded: 5,
  server_error: 4,
  stream_failed: 4,
  cloudflare_timeout: 3,
  cloudflare_challenge: 2,
  bad_answer: 2,
  timeout: 1,
  transport: 1,
};

/** The failure whose answer helps the client most. */
export function mostUseful(failures: readonly FailedAttempt[]): FailedAttempt | undefined {
  let best: FailedAttempt | undefined;
  for (const each of failures) {
    if (best === undefined || usefulness[each.failure.class] >= usefulness[best.failure.class]) best = each;
  }
  return best;
}

/** Failures the client itself must see: another attempt would give the same. */
export function isFinal(failure: AttemptFailure): boolean {
  switch (failure.class) {
    case 'client_error':
    case 'capability_mismatch':
    case 'auth':
      return true;
    case 'rate_limited':
      return (
        failure.code === 'usage_limit_reached' || failure.code === 'insufficient_quota' || failure.code === 'usage_not_included'
      );
    default:
      return false;
  }
}

/** How long the client should wait before it sends the turn again. */
export function waitFor(plan: Plan, failures: readonly FailedAttempt[], nowMs: number): number {
  const named = failures.map((each) => each.failure.retryAfterMs).filter((wait) => wait !== undefined);
  const eligible = plan.nextEligibleAtMs === undefined ? [] : [plan.nextEligibleAtMs - nowMs];
  const soonest = Math.min(...named, ...eligible);
  return Number.isFinite(soonest) ? Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, soonest)) : DEFAULT_WAIT_MS;
}

/** Says in words why no endpoint can be tried now. */
export function refusalMessage(
  plan: Plan,
  nowMs: number,
  configError: string | undefined,
): { readonly code: ErrorCode; readonly message: string } {
  if (plan.candidates.length === 0 && plan.skipped.length === 0) {
    const why =
      configError === undefined
        ? 'No provider is configured. Add one with: switchyard config add NAME --base-url URL'
        : `No provider is running, because the configuration file has an error: ${configError} See: switchyard config validate`;
    return { code: 'ROUTE_NO_PROVIDERS', message: why };
  }
  const mismatched = plan.skipped.length > 0 && plan.skipped.every((skip) => skip.reason.code === 'protocol_mismatch');
  const reasons = plan.skipped.map((skip) => describeSkip(skip, nowMs)).join('; ');
  if (mismatched) return { code: 'ROUTE_NOT_FOUND', message: `No provider speaks this protocol. ${reasons}` };
  return { code: 'ROUTE_NONE_USABLE', message: `No provider can be used right now. ${reasons}` };
}

/** Sends an error of ours in the client's own protocol: for a streaming Codex turn an event it will retry, else JSON with a status. */
export function sendRelayError(turn: Turn, error: RelayError, status: number, ownHeaders: readonly string[]): TurnEnd {
  const { response } = turn;
  const asEvent = turn.isCodex && turn.facts.stream && turn.facts.protocol === 'responses' && status >= 500;
  const body = asEvent ? errorEvent('responses', error) : JSON.stringify(errorBody(turn.facts.protocol, error, status));
  const sentStatus = asEvent ? 200 : status;
  const headers = [
    'content-type',
    asEvent ? 'text/event-stream' : 'application/json',
    'content-length',
    String(Buffer.byteLength(body)),
    ...ownHeaders,
  ];
  if (!asEvent && error.retryAfterMs !== undefined) headers.push('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
  if (!response.headersSent && !response.destroyed) {
    response.writeHead(sentStatus, headers);
    response.end(body);
  }
  return { status: sentStatus, end: 'refused', responseBytes: body.length, error: { code: error.code, message: error.message } };
}

/** The error of ours that stands for an upstream failure without an answer to show. */
export function relayErrorOf(
  turn: Turn,
  failed: FailedAttempt,
  waitMs: number,
  clock: Clock,
): { readonly error: RelayError; readonly status: number } {
  const code = codeOf(failed.failure);
  const status = code === 'UPSTREAM_TIMEOUT' ? 504 : code === 'ROUTE_NONE_USABLE' ? 503 : 502;
  const message = `${failed.endpoint}: ${failed.failure.message}`;
  return { error: { code, message, turnId: turn.id, nowMs: clock.now(), retryAfterMs: waitMs }, status };
}

function codeOf(failure: AttemptFailure): ErrorCode {
  switch (failure.class) {
    case 'timeout':
      return 'UPSTREAM_TIMEOUT';
    case 'bad_answer':
      return 'UPSTREAM_BAD_ANSWER';
    case 'rate_limited':
    case 'overloaded':
      return 'ROUTE_NONE_USABLE';
    default:
      return 'UPSTREAM_UNREACHABLE';
  }
}
