import type { ResolvedRetry, RetryLayer } from '../domain/config-snapshot.js';
import type { FailureClass, RetryConfig } from './schema.js';
import { parseStatusSet } from './status-set.js';

type LayerConfig = RetryConfig['endpoint'];
type ProfileName = RetryConfig['profile'];

interface LayerDefaults {
  readonly maxAttempts: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  readonly jitterMs: number;
  readonly onStatus: string;
  readonly onClass: readonly FailureClass[];
}

interface Profile {
  readonly endpoint: LayerDefaults;
  readonly failover: LayerDefaults;
  readonly cooldownBackoffFactor: number;
  readonly cooldownBackoffMaxS: number;
}

/** 503 and 529 are missing on purpose: they say "overloaded" and go by class. */
const endpointDefaults: LayerDefaults = {
  maxAttempts: 2,
  backoffMs: 200,
  backoffMaxMs: 2000,
  jitterMs: 100,
  onStatus: '429,500-502,504-528,530-599',
  onClass: ['transport', 'cloudflare_timeout', 'cloudflare_challenge', 'rate_limited', 'overloaded'],
};

const failoverDefaults: LayerDefaults = {
  maxAttempts: 2,
  backoffMs: 0,
  backoffMaxMs: 0,
  jitterMs: 0,
  onStatus: '401,403,404,408,429,500-599',
  onClass: [
    'transport',
    'timeout',
    'cloudflare_timeout',
    'cloudflare_challenge',
    'rate_limited',
    'overloaded',
    'auth',
    'capability_mismatch',
    'bad_answer',
    'stream_failed',
  ],
};

const balanced: Profile = {
  endpoint: endpointDefaults,
  failover: failoverDefaults,
  cooldownBackoffFactor: 1,
  cooldownBackoffMaxS: 600,
};

const profiles: Readonly<Record<ProfileName, Profile>> = {
  balanced,
  'same-upstream': {
    ...balanced,
    endpoint: { ...endpointDefaults, maxAttempts: 3 },
    failover: { ...failoverDefaults, maxAttempts: 1 },
  },
  'aggressive-failover': {
    ...balanced,
    endpoint: { ...endpointDefaults, backoffMaxMs: 2500, jitterMs: 150 },
    failover: { ...failoverDefaults, maxAttempts: 3 },
  },
  'cost-primary': { ...balanced, cooldownBackoffFactor: 2, cooldownBackoffMaxS: 900 },
};

const DEFAULT_NEVER_ON_STATUS = '413,415,422';
const DEFAULT_NEVER_ON_CLASS: readonly FailureClass[] = ['client_error'];

function resolveLayer(layer: LayerConfig, defaults: LayerDefaults): RetryLayer {
  return {
    maxAttempts: layer.max_attempts ?? defaults.maxAttempts,
    backoffMs: layer.backoff_ms ?? defaults.backoffMs,
    backoffMaxMs: layer.backoff_max_ms ?? defaults.backoffMaxMs,
    jitterMs: layer.jitter_ms ?? defaults.jitterMs,
    onStatus: parseStatusSet(layer.on_status ?? defaults.onStatus),
    onClass: layer.on_class ?? defaults.onClass,
  };
}

/** The profile's numbers with every field the file names put over them. */
export function resolveRetry(retry: RetryConfig): ResolvedRetry {
  const profile = profiles[retry.profile];
  return {
    profile: retry.profile,
    endpoint: resolveLayer(retry.endpoint, profile.endpoint),
    failover: resolveLayer(retry.failover, profile.failover),
    neverOnStatus: parseStatusSet(retry.never_on_status ?? DEFAULT_NEVER_ON_STATUS),
    neverOnClass: retry.never_on_class ?? DEFAULT_NEVER_ON_CLASS,
    cooldownMs: {
      cloudflareChallenge: (retry.cloudflare_challenge_cooldown_s ?? 300) * 1000,
      cloudflareTimeout: (retry.cloudflare_timeout_cooldown_s ?? 60) * 1000,
      transport: (retry.transport_cooldown_s ?? 30) * 1000,
    },
    cooldownBackoffFactor: retry.cooldown_backoff_factor ?? profile.cooldownBackoffFactor,
    cooldownBackoffMaxMs: (retry.cooldown_backoff_max_s ?? profile.cooldownBackoffMaxS) * 1000,
    rules: retry.rules,
  };
}
