import type { AttemptRecord } from '../../../shared/domain/turn-record.js';
import type { EndpointView } from '../../../shared/control/contract.js';
import type { Style } from '../format/style.js';
import { endpointWhy } from '../format/status-text.js';
import { durationText } from '../format/time.js';
import type { DrillResult, DrillTurn } from './run-drill.js';
import { practiceKinds, type PracticeUpstream } from './practice-upstreams.js';

/** Who is on the stage. */
export function castText(upstreams: readonly PracticeUpstream[], endpoints: readonly EndpointView[], style: Style): string {
  const rows = upstreams.map(({ kind }) => {
    const level = endpoints.find((endpoint) => endpoint.provider === kind)?.level ?? '?';
    return `  level ${level}  ${style.bold(kind.padEnd(9))}  ${practiceKinds[kind]}`;
  });
  return ['Five practice upstreams on this machine, one relay in a throwaway home:', ...rows].join('\n');
}

/** The heading of a turn, with the endpoints that are left out at this moment. */
export function turnHeading(number: number, session: string, endpoints: readonly EndpointView[], style: Style): string {
  const resting = endpoints.filter((endpoint) => !endpoint.usable);
  return [
    style.bold(`Turn ${number}`) + style.dim(`  session ${session}`),
    ...resting.map((endpoint) => style.dim(`  ○ ${endpoint.provider.padEnd(9)}  not tried: ${endpointWhy(endpoint)}`)),
  ].join('\n');
}

/** One attempt: what came, and what the relay did about it. */
export function attemptLine(attempt: AttemptRecord, style: Style): string {
  const good = attempt.outcome === 'success';
  const mark = good ? style.green('●') : style.yellow('✗');
  const failure = `${attempt.class ?? attempt.outcome}: ${attempt.message ?? ''}`;
  const what = good ? `answers after ${durationText(attempt.first_byte_ms ?? attempt.duration_ms)}` : failure;
  const rest = attempt.cooldown_ms === undefined ? '' : `; rests ${durationText(attempt.cooldown_ms)}`;
  const next = { delivered: '', retry: ' → tried again', next: ' → next', end: ' → nothing left' }[attempt.next];
  return `  ${mark} ${attempt.provider.padEnd(9)}  ${what}${style.dim(rest)}${next}`;
}

/** What the client of the turn saw. */
export function turnEnding(turn: DrillTurn, style: Style): string {
  if (!turn.completed) return style.red(`  the client saw a failure: ${turn.problem ?? 'unknown'}`);
  const failed = turn.attempts.filter((attempt) => attempt.outcome === 'failure').length;
  const hidden = failed === 0 ? '' : `, and nothing of the ${failed === 1 ? 'failure' : `${failed} failures`} before it`;
  return style.green(`  the client saw "${turn.text}" after ${durationText(turn.durationMs)}${hidden}`);
}

/** The end of the story. */
export function drillSummary(result: DrillResult, style: Style): string {
  const completed = result.turns.filter((turn) => turn.completed).length;
  const failures = result.turns.reduce(
    (sum, turn) => sum + turn.attempts.filter((attempt) => attempt.outcome === 'failure').length,
    0,
  );
  const hits = Object.entries(result.hits)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ');
  const verdict = `${completed} of ${result.turns.length} turns completed; ${failures} upstream failures stayed inside the relay.`;
  return [
    result.ok ? style.green(style.bold(verdict)) : style.red(style.bold(verdict)),
    style.dim(`Requests seen by the upstreams: ${hits}`),
  ].join('\n');
}
