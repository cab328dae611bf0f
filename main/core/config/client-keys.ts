import type { Config } from '../../../shared/config/schema.js';

/** One of `[server] client_keys` with its value; undefined where its variable or secret is missing. */
export interface ResolvedClientKey {
  readonly name: string;
  readonly key: string | undefined;
}

/** Where the values of client keys are looked up. */
export interface ClientKeySources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secret: (name: string) => string | undefined;
}

/** Resolves the client keys of an unmasked config. */
export function resolveClientKeys(config: Config, sources: ClientKeySources): readonly ResolvedClientKey[] {
  return config.server.client_keys.map((entry) => {
    const fromEnv = entry.key_env === undefined ? undefined : sources.env[entry.key_env];
    const fromSecret = entry.secret === undefined ? undefined : sources.secret(entry.secret);
    const key = (entry.key ?? fromEnv ?? fromSecret)?.trim();
    return { name: entry.name, key: key === '' ? undefined : key };
  });
}
