import type { Config } from '../../../shared/config/schema.js';
import { resolveRetry } from '../../../shared/config/retry.js';
import type { ConfigSnapshot } from '../../../shared/domain/config-snapshot.js';
import type { ResolvedEndpoint } from './resolve-endpoints.js';

/** What stands in a snapshot in place of a key the file holds. */
export const maskedKey = '***';

/** Builds the frozen snapshot of a valid config; it holds no key. */
export function makeSnapshot(
  reading: { readonly config: Config; readonly endpoints: readonly ResolvedEndpoint[] },
  revision: string,
  loadedAtMs: number,
): ConfigSnapshot {
  const config = maskKeys(reading.config);
  return deepFreeze({
    revision,
    loadedAtMs,
    config,
    endpoints: reading.endpoints.map(({ endpoint }) => endpoint),
    retry: resolveRetry(config.retry),
    filters: config.filters,
  });
}

function maskKeys(config: Config): Config {
  const providers = mapValues(config.providers, (provider) => ({
    ...maskKey(provider),
    ...(provider.endpoints && { endpoints: mapValues(provider.endpoints, maskKey) }),
  }));
  // A masked client key would be a key that everybody knows, so it goes altogether.
  const clientKeys = config.server.client_keys.map((entry) => ({ ...entry, key: undefined }));
  return { ...config, providers, server: { ...config.server, client_keys: clientKeys } };
}

function maskKey<T extends { api_key?: string | undefined }>(target: T): T {
  return target.api_key === undefined ? target : { ...target, api_key: maskedKey };
}

function mapValues<T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
  return value;
}
