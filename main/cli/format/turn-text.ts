import type { AttemptRecord, TurnRecord } from '../../../shared/domain/turn-record.js';
import type { Style } from './style.js';
import { clockText, durationText } from './time.js';

/** One turn as one line: when, what, who answered, how it ended, how long it took. */
export function turnLine(turn: TurnRecord, nowMs: number, style: Style): string {
  const good = turn.end === 'completed';
  const neutral = turn.end === 'aborted';
  const mark = good ? style.green('✓') : neutral ? style.dim('–') : style.red('✗');
  const by = turn.provider ?? 'nobody';
  const tries =
    turn.attempts.length > 1
      ? `, attempt ${turn.attempts.length} (${turn.attempts.slice(0, -1).map(attemptText).join(', ')})`
      : '';
  const how = good ? '' : ` ${turn.end}${turn.error ? `: ${turn.error.code} ${turn.error.message}` : ''}`;
  const tokens = turn.usage?.total_tokens === undefined ? '' : style.dim(`, ${turn.usage.total_tokens} tokens`);
  return `${style.dim(clockText(turn.timestamp_ms, nowMs))} ${mark} ${turn.status_code} ${turn.model ?? turn.path} → ${by} in ${durationText(turn.duration_ms)}${tries}${tokens}${how}`;
}

/** One attempt in a few words: where and what came of it. */
export function attemptText(attempt: AttemptRecord): string {
  const result =
    attempt.status === undefined || attempt.status === 200 ? (attempt.class ?? attempt.outcome) : String(attempt.status);
  return `${attempt.provider} ${result}`;
}
