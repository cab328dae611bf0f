import type { Usage } from '../../../shared/domain/turn-record.js';

type Fields = Readonly<Record<string, unknown>>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function count(...values: readonly unknown[]): number | undefined {
  for (const value of values) if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  return undefined;
}

/**
 * Reads a usage object of any of the protocols; an unknown shape gives undefined, never zeros.
 * Totals default to input + output when both are known.
 */
export function readUsage(value: unknown): Usage | undefined {
  const usage = fields(value);
  if (usage === undefined) return undefined;
  const inputDetails = fields(usage['input_tokens_details']) ?? fields(usage['prompt_tokens_details']);
  const outputDetails = fields(usage['output_tokens_details']) ?? fields(usage['completion_tokens_details']);
  const input = count(usage['input_tokens'], usage['prompt_tokens']);
  const output = count(usage['output_tokens'], usage['completion_tokens']);
  if (input === undefined && output === undefined) return undefined;
  const read: Writable<Usage> = {};
  if (input !== undefined) read.input_tokens = input;
  if (output !== undefined) read.output_tokens = output;
  const total = count(usage['total_tokens']) ?? (input !== undefined && output !== undefined ? input + output : undefined);
  if (total !== undefined) read.total_tokens = total;
  const cached = count(inputDetails?.['cached_tokens'], usage['cache_read_input_tokens']);
  if (cached !== undefined) read.cached_input_tokens = cached;
  const created = count(usage['cache_creation_input_tokens']);
  if (created !== undefined) read.cache_creation_input_tokens = created;
  const reasoning = count(outputDetails?.['reasoning_tokens']);
  if (reasoning !== undefined) read.reasoning_tokens = reasoning;
  return read;
}

/** Later reports win field by field: Messages sends input at the start and output at the end. */
export function mergeUsage(earlier: Usage | undefined, later: Usage | undefined): Usage | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  const merged: Writable<Usage> = { ...earlier, ...later };
  if (merged.input_tokens !== undefined && merged.output_tokens !== undefined) {
    merged.total_tokens = Math.max(later.total_tokens ?? 0, merged.input_tokens + merged.output_tokens);
  }
  return merged;
}
