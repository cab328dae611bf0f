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

/** Builds the log line of a turn. Every line has the same fields in the same order; what is undefined is not written. */
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
    ttfb_ms: answered?.headers_ms,
    first_byte_ms: input.firstByteMs === undefined ? undefined : round(input.firstByteMs),
    overhead_ms: input.overheadMs === undefined ? undefined : Math.round(input.overheadMs * 1000) / 1000,
    config_name: answered?.provider ?? '-',
    provider: answered?.provider,
    endpoint: answered?.endpoint,
    level: answered?.level,
    upstream_base_url: answered === undefined ? '-' : baseOf(turn, answered),
    session_id: facts.session?.id,
    session_source: facts.session?.source,
    cwd: facts.project,
    model: facts.model,
    model_sent: answered?.model,
    reasoning_effort: turn.bodyFacts?.reasoningEffort,
    stream: facts.stream,
    route: plan?.route,
    pinned: plan?.pinned,
    request_bytes: turn.body.bytes.length,
    response_bytes: end.responseBytes,
    usage: input.usage,
    error: end.error,
    end: end.end,
    attempts,
    skipped: plan === undefined || plan.skipped.length === 0 ? undefined : plan.skipped,
    retry:
      attempts.length < 2
        ? undefined
        : { attempts: attempts.length, upstream_chain: formatChain(attempts, plan?.skipped ?? [], facts.model) },
    http_debug: input.httpDebug,
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
