import type { Config } from '../../../shared/config/schema.js';
import type { Logger, SecretStore } from '../ports.js';

/** The values of every secret a config names; one that cannot be read is left out and logged by name. */
export async function loadSecrets(config: Config, store: SecretStore, logger: Logger): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const name of secretNames(config)) {
    try {
      const value = await store.get(name);
      if (value !== undefined) values.set(name, value);
    } catch (error) {
      logger.warn('a secret cannot be read', { name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return values;
}

function secretNames(config: Config): ReadonlySet<string> {
  const providers = Object.values(config.providers);
  const endpoints = providers.flatMap((provider) => Object.values(provider.endpoints ?? {}));
  const named = [...providers, ...endpoints, ...config.server.client_keys].map(({ secret }) => secret);
  return new Set(named.filter((name) => name !== undefined));
}
