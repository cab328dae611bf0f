import type { FilterConfig } from '../../../shared/config/schema.js';

/** Redaction rules, compiled once for a configuration. */
export interface BodyFilter {
  /** The text after every rule in order. */
  apply(text: string): string;
}

/** Compiles `[[filters]]`; a source that is no valid regular expression is taken literally. Undefined when there are none. */
export function compileFilters(filters: readonly FilterConfig[]): BodyFilter | undefined {
  if (filters.length === 0) return undefined;
  const rules = filters.map((filter) => ({
    source: pattern(filter.source),
    target: filter.op === 'remove' ? '' : (filter.target ?? ''),
  }));
  return { apply: (text) => rules.reduce((current, rule) => replace(current, rule.source, rule.target), text) };
}

function pattern(source: string): RegExp | string {
  try {
    return new RegExp(source, 'gu');
  } catch {
    return source;
  }
}

function replace(text: string, source: RegExp | string, target: string): string {
  return typeof source === 'string' ? text.split(source).join(target) : text.replace(source, target);
}
