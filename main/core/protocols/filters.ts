import { filterPattern } from '../../../shared/config/filter-pattern.js';
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
    source: filterPattern(filter.source) ?? filter.source,
    target: filter.op === 'remove' ? '' : (filter.target ?? ''),
  }));
  return { apply: (text) => rules.reduce((current, rule) => replace(current, rule.source, rule.target), text) };
}

function replace(text: string, source: RegExp | string, target: string): string {
  return typeof source === 'string' ? text.split(source).join(target) : text.replace(source, target);
}
