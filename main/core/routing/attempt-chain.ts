import type { Skip } from '../../../shared/domain/routing.js';
import type { AttemptRecord } from '../../../shared/domain/turn-record.js';

function oneLine(text: string | undefined): string {
  const line = (text ?? '').replace(/\s+/g, ' ').trim();
  return line === '' ? '-' : line;
}

function modelText(sent: string | undefined, requested: string | undefined): string {
  if (sent === undefined) return oneLine(requested);
  return requested === undefined || requested === sent ? oneLine(sent) : `${oneLine(requested)}->${oneLine(sent)}`;
}

function formatAttempt(attempt: AttemptRecord, index: number, requestedModel: string | undefined): string {
  const target = `${attempt.provider}:${attempt.url} (idx=${index})`;
  const model = `model=${modelText(attempt.model, requestedModel)}`;
  if (attempt.outcome === 'busy') return `${target} skipped_concurrency_saturated ${model}`;
  if (attempt.outcome === 'aborted') return `${target} aborted status=${attempt.status ?? '-'} ${model}`;
  if (attempt.status === undefined) return `${target} transport_error=${oneLine(attempt.message)} ${model}`;
  return `${target} status=${attempt.status} class=${attempt.class ?? '-'} ${model}`;
}

/**
 * The attempts of a turn as lines of `retry.upstream_chain`. `idx` counts the endpoints of one provider in the order of
 * their first attempt; a last line says when every endpoint was tried in vain.
 */
export function formatChain(
  attempts: readonly AttemptRecord[],
  skipped: readonly Skip[],
  requestedModel?: string,
): readonly string[] {
  const seen = new Map<string, string[]>();
  const lines = attempts.map((attempt) => {
    const siblings = seen.get(attempt.provider) ?? [];
    if (!siblings.includes(attempt.endpoint)) siblings.push(attempt.endpoint);
    seen.set(attempt.provider, siblings);
    return formatAttempt(attempt, siblings.indexOf(attempt.endpoint), requestedModel);
  });
  const unsupported = skipped.flatMap(({ endpoint, reason }) =>
    reason.code === 'unsupported_model' ? [`${endpoint} skipped_unsupported_model=${oneLine(reason.model)}`] : [],
  );
  const total = [...seen.values()].reduce((sum, siblings) => sum + siblings.length, 0);
  const last = attempts.at(-1);
  const isInVain = total > 1 && last?.next === 'end' && last.outcome === 'failure';
  return [...unsupported, ...lines, ...(isInVain ? [`all_upstreams_avoided total=${total}`] : [])];
}
