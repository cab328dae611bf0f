import type { Endpoint } from '../../../shared/domain/endpoint.js';

type ModelRules = Pick<Endpoint, 'models' | 'modelMap'>;

/** What the `*` of a pattern stood for; empty text for an exact match, undefined when the value does not match. */
function capture(pattern: string, value: string): string | undefined {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === value ? '' : undefined;
  const prefix = pattern.slice(0, star);
  const suffix = pattern.slice(star + 1);
  if (value.length < prefix.length + suffix.length) return undefined;
  if (!value.startsWith(prefix) || !value.endsWith(suffix)) return undefined;
  return value.slice(prefix.length, value.length - suffix.length);
}

/** True when the value equals the pattern, or fits round its one `*`; case counts. */
export function matchesPattern(pattern: string, value: string): boolean {
  return capture(pattern, value) !== undefined;
}

/** True when the endpoint lists no models and maps none, or one of its patterns or mapping keys fits. */
export function supportsModel(endpoint: ModelRules, model: string): boolean {
  const mapped = Object.keys(endpoint.modelMap);
  if (endpoint.models.length === 0 && mapped.length === 0) return true;
  return [...endpoint.models, ...mapped].some((pattern) => matchesPattern(pattern, model));
}

/**
 * The model to ask this endpoint for: the exact mapping, else the most specific pattern (longest prefix and suffix) with
 * `*` filled in, else the model unchanged; undefined when the endpoint does not support it.
 */
export function mapModel(endpoint: ModelRules, model: string): string | undefined {
  if (!supportsModel(endpoint, model)) return undefined;
  if (Object.hasOwn(endpoint.modelMap, model)) return endpoint.modelMap[model];
  let best: { readonly length: number; readonly target: string } | undefined;
  for (const [pattern, target] of Object.entries(endpoint.modelMap)) {
    const captured = capture(pattern, model);
    if (captured === undefined || pattern.length <= (best?.length ?? -1)) continue;
    best = { length: pattern.length, target: target.replace('*', () => captured) };
  }
  return best?.target ?? model;
}
