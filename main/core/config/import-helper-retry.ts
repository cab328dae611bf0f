import { failureClasses, type FailureClass } from '../../../shared/config/schema.js';
import type { TomlValue } from '../../../shared/control/contract.js';
import { isTable, numberOf, stringsOf, tableOf, textOf, type ForeignTable } from './foreign-values.js';
import type { DraftTable, ImportDraft } from './import-draft.js';

const classNames: Readonly<Record<string, FailureClass>> = {
  upstream_transport_error: 'transport',
  upstream_rate_limited: 'rate_limited',
  upstream_overloaded: 'overloaded',
  routing_mismatch_capability: 'capability_mismatch',
  client_error_non_retryable: 'client_error',
};

const profiles: readonly string[] = ['balanced', 'same-upstream', 'aggressive-failover', 'cost-primary'];
const layerKeys: readonly string[] = [
  'max_attempts',
  'backoff_ms',
  'backoff_max_ms',
  'jitter_ms',
  'on_status',
  'on_class',
  'strategy',
];
const layers = {
  upstream: { to: 'endpoint', strategy: 'same_upstream' },
  provider: { to: 'failover', strategy: 'failover' },
} as const;

/** Clamps of ours for the number keys, as [low, high]. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  max_attempts: [1, 8],
  backoff_ms: [0, 60_000],
  backoff_max_ms: [0, 600_000],
  jitter_ms: [0, 60_000],
};

const topNumbers: Readonly<Record<string, { readonly to: string; readonly range: readonly [number, number] }>> = {
  cloudflare_challenge_cooldown_secs: { to: 'cloudflare_challenge_cooldown_s', range: [0, 86_400] },
  cloudflare_timeout_cooldown_secs: { to: 'cloudflare_timeout_cooldown_s', range: [0, 86_400] },
  transport_cooldown_secs: { to: 'transport_cooldown_s', range: [0, 86_400] },
  cooldown_backoff_factor: { to: 'cooldown_backoff_factor', range: [1, 16] },
  cooldown_backoff_max_secs: { to: 'cooldown_backoff_max_s', range: [0, 86_400] },
};

/** Reads `[retry]` of every version, the flat keys of the oldest included. */
export function importHelperRetry(written: unknown): Pick<ImportDraft, 'settings' | 'warnings'> {
  const retry = tableOf(written);
  const warnings: string[] = [];
  const ours: DraftTable = {};
  const profile = textOf(retry['profile']);
  if (profile !== undefined && profiles.includes(profile)) ours['profile'] = profile;
  else if (profile !== undefined) warnings.push(`retry.profile: "${profile}" is not known and was left out.`);
  for (const [name, { to, strategy }] of Object.entries(layers)) {
    const source = isTable(retry[name]) ? retry[name] : name === 'upstream' ? flatLayer(retry) : {};
    const layer = readLayer(source, `retry.${name}`, warnings);
    const wanted = textOf(source['strategy']);
    if (wanted !== undefined && wanted !== strategy)
      warnings.push(`retry.${name}.strategy = "${wanted}" has no counterpart and was left out.`);
    if (Object.keys(layer).length > 0) ours[to] = layer;
  }
  if (retry['never_on_status'] !== undefined) ours['never_on_status'] = readStatuses(retry['never_on_status']);
  if (retry['never_on_class'] !== undefined)
    ours['never_on_class'] = readClasses(retry['never_on_class'], 'retry.never_on_class', warnings);
  for (const [name, { to, range }] of Object.entries(topNumbers)) {
    const value = numberOf(retry[name]);
    if (value !== undefined) ours[to] = clamp(value, range);
  }
  warnings.push(...lossesOf(retry));
  return { settings: Object.entries(ours).map(([key, value]) => ({ path: ['retry', key], value })), warnings };
}

function flatLayer(retry: ForeignTable): ForeignTable {
  return Object.fromEntries(Object.entries(retry).filter(([key]) => layerKeys.includes(key)));
}

function readLayer(source: ForeignTable, where: string, warnings: string[]): DraftTable {
  const layer: DraftTable = {};
  for (const [key, range] of Object.entries(ranges)) {
    const value = numberOf(source[key]);
    if (value !== undefined) layer[key] = Math.round(clamp(value, range));
  }
  if (source['on_status'] !== undefined) layer['on_status'] = readStatuses(source['on_status']);
  if (source['on_class'] !== undefined) layer['on_class'] = readClasses(source['on_class'], `${where}.on_class`, warnings);
  return layer;
}

/** Ranges the wrong way round are turned, and what is no status is dropped, as codex-helper does. */
function readStatuses(written: unknown): string {
  const parts = (textOf(written) ?? '').split(',').flatMap((part) => {
    const found = /^\s*(\d{3})(?:\s*-\s*(\d{3}))?\s*$/.exec(part);
    if (!found) return [];
    const [from = '', to] = found.slice(1);
    if (to === undefined) return [from];
    return [from <= to ? `${from}-${to}` : `${to}-${from}`];
  });
  return parts.join(',');
}

function readClasses(written: unknown, where: string, warnings: string[]): TomlValue {
  const known = new Set<string>(failureClasses);
  const classes = stringsOf(written).flatMap((name) => {
    const mapped = Object.hasOwn(classNames, name) ? classNames[name] : known.has(name) ? name : undefined;
    if (mapped === undefined) warnings.push(`${where}: the class "${name}" has no counterpart and was left out.`);
    return mapped === undefined ? [] : [mapped];
  });
  return [...new Set(classes)];
}

function clamp(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, value));
}

function lossesOf(retry: ForeignTable): readonly string[] {
  const known = new Set([
    'profile',
    'upstream',
    'provider',
    'never_on_status',
    'never_on_class',
    ...layerKeys,
    ...Object.keys(topNumbers),
  ]);
  return Object.keys(retry)
    .filter((key) => !known.has(key))
    .map((key) => `retry.${key} has no counterpart and was left out.`);
}
