import type { Config, ErrorRule, FailureClass, FilterConfig } from '../config/schema.js';
import type { SourcePosition } from '../errors/switchyard-error.js';
import type { ErrorCode } from '../errors/codes.js';
import type { Credential, Endpoint } from './endpoint.js';

/** One layer of the retry settings, every field decided. */
export interface RetryLayer {
  readonly maxAttempts: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  readonly jitterMs: number;
  /** Statuses that are retried in this layer, as inclusive ranges. */
  readonly onStatus: readonly (readonly [number, number])[];
  readonly onClass: readonly FailureClass[];
}

/** `[retry]` with its profile and overrides resolved. */
export interface ResolvedRetry {
  readonly profile: string;
  /** Retries at the same endpoint. */
  readonly endpoint: RetryLayer;
  /** Moving on: maxAttempts counts the providers that may be sent one turn. */
  readonly failover: RetryLayer;
  readonly neverOnStatus: readonly (readonly [number, number])[];
  readonly neverOnClass: readonly FailureClass[];
  readonly cooldownMs: { readonly cloudflareChallenge: number; readonly cloudflareTimeout: number; readonly transport: number };
  readonly cooldownBackoffFactor: number;
  readonly cooldownBackoffMaxMs: number;
  readonly rules: readonly ErrorRule[];
}

/** Something wrong or doubtful in the config file, for people. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  /** Dotted path of the key, `providers.relay.level`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  readonly position?: SourcePosition;
}

/** One frozen reading of the configuration; a turn keeps the one it began with. */
export interface ConfigSnapshot {
  /** Changes with every change of the file's bytes. */
  readonly revision: string;
  readonly loadedAtMs: number;
  readonly config: Config;
  /** In the order of the file. */
  readonly endpoints: readonly Endpoint[];
  readonly retry: ResolvedRetry;
  readonly filters: readonly FilterConfig[];
}

/** What the config module says about the file right now. */
export interface ConfigStatus {
  readonly file: string;
  readonly revision: string;
  readonly loadedAtMs: number;
  readonly exists: boolean;
  readonly readOnly: boolean;
  /** An error here means that an older, good reading is running. */
  readonly problems: readonly ConfigProblem[];
}

/** Answers what an endpoint's credential is now; reads environment, secret store and inline keys. */
export type CredentialLookup = (endpoint: Endpoint) => Credential;
