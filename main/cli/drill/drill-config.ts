import type { PracticeUpstream } from './practice-upstreams.js';

const levels = { exhausted: 1, cut: 1, slow: 2, flaky: 2, healthy: 3 } as const;

/** The configuration of the drill's throwaway home: short cooldowns, so that a few seconds show what takes minutes otherwise. */
export function drillConfig(upstreams: readonly PracticeUpstream[]): string {
  const providers = upstreams.map(({ kind, baseUrl }) =>
    [
      `[providers.${kind}]`,
      `base_url = "${baseUrl}"`,
      `level = ${levels[kind]}`,
      'api_key_env = "SWITCHYARD_PRACTICE_KEY"',
      'proxy = "direct"',
      ...(kind === 'slow' ? ['headers_timeout_s = 1'] : []),
    ].join('\n'),
  );
  return `version = 1

[retry]
endpoint = { max_attempts = 1 }
failover = { max_attempts = 8, backoff_ms = 0 }
transport_cooldown_s = 2
cooldown_backoff_factor = 1

${providers.join('\n\n')}
`;
}

/** The environment of the drill's relay: nothing of the user's own set-up may reach it, or be reached by it. */
export function drillEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  homes: { readonly home: string; readonly codexHome: string },
): Readonly<Record<string, string | undefined>> {
  const foreign = /^(?:(?:https?|all|no)_proxy|openai_.*|codex_.*|switchyard_.*|node_options)$/i;
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name))),
    SWITCHYARD_HOME: homes.home,
    CODEX_HOME: homes.codexHome,
    SWITCHYARD_KEYRING: 'off',
    SWITCHYARD_PRACTICE_KEY: 'practice',
  };
}
