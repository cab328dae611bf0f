import type { Plan } from '../../../../shared/domain/routing.js';
import type { AttemptRecord, TurnRecord, Usage } from '../../../../shared/domain/turn-record.js';
import { formatChain } from '../../routing/attempt-chain.js';
import type { Turn, TurnEnd } from '../turn.js';

/** Everything known at the end of a turn. */
export interface RecordInput {
  readonly turn: Turn;
  readonly plan: Plan | undefined;
  readonly end: TurnEnd;
  readonly usage: Usage | undefined;
  readonly nowMs: number;
  readonly durationMs: number;
  readonly firstByteMs: number | undefined;
  readonly overheadMs: number | undefined;
  readonly httpDebug: unknown;
}

/** Builds the log line of a turn. */
export function recordOf(input: RecordInput): TurnRecord {
  const { turn, plan, end } = input;
  const { facts, attempts } = turn;
  const answered = attempts.at(-1);
  return {
    timestamp_ms: input.nowMs,
    turn_id: turn.id,
    service: serviceOf(turn),
    protocol: facts.protocol,
    method: facts.method,
    path: facts.path,
    status_code: end.status,
    duration_ms: round(input.durationMs),
    ...times(input),
    config_name: answered?.provider ?? '-',
    ...(answered === undefined ? {} : { provider: answered.provider, endpoint: answered.endpoint, level: answered.level }),
    upstream_base_url: answered === undefined ? '-' : baseOf(turn, answered),
    ...(facts.session === undefined ? {} : { session_id: facts.session.id, session_source: facts.session.source }),
    ...(facts.project === undefined ? {} : { cwd: facts.project }),
    ...(facts.model === undefined ? {} : { model: facts.model }),
    ...(answered?.model === undefined ? {} : { model_sent: answered.model }),
    ...(turn.bodyFacts?.reasoningEffort === undefined ? {} : { reasoning_effort: turn.bodyFacts.reasoningEffort }),
    stream: facts.stream,
    ...(plan?.route === undefined ? {} : { route: plan.route }),
    ...(plan?.pinned === undefined ? {} : { pinned: plan.pinned }),
    request_bytes: turn.body.bytes.length,
    response_bytes: end.responseBytes,
    ...(input.usage === undefined ? {} : { usage: input.usage }),
    ...(end.error === undefined ? {} : { error: end.error }),
    end: end.end,
    attempts,
    ...(plan === undefined || plan.skipped.length === 0 ? {} : { skipped: plan.skipped }),
    ...(attempts.length < 2
      ? {}
      : { retry: { attempts: attempts.length, upstream_chain: formatChain(attempts, plan?.skipped ?? []) } }),
    ...(input.httpDebug === undefined ? {} : { http_debug: input.httpDebug }),
  };
}

function times(input: RecordInput): Partial<TurnRecord> {
  const headersMs = input.turn.attempts.at(-1)?.headers_ms;
  return {
    ...(headersMs === undefined ? {} : { ttfb_ms: headersMs }),
    ...(input.firstByteMs === undefined ? {} : { first_byte_ms: round(input.firstByteMs) }),
    ...(input.overheadMs === undefined ? {} : { overhead_ms: Math.round(input.overheadMs * 1000) / 1000 }),
  };
}

function baseOf(turn: Turn, attempt: AttemptRecord): string {
  return turn.snapshot.endpoints.find((endpoint) => endpoint.key === attempt.endpoint)?.baseUrl ?? attempt.url;
}

function serviceOf(turn: Turn): TurnRecord['service'] {
  if (turn.isCodex) return 'codex';
  return turn.facts.protocol === 'messages' ? 'claude' : 'other';
}

/** Milliseconds with one decimal: enough to compare, short to read. */
export function round(valueMs: number): number {
  return Math.round(valueMs * 10) / 10;
}
