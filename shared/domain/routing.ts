import type { FailureClass } from '../config/schema.js';
import type { Endpoint, EndpointKey } from './endpoint.js';
import type { Protocol } from './protocol.js';

/** What is known of a turn before it is routed. */
export interface TurnFacts {
  readonly protocol: Protocol;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** As the client asked; undefined when the body names none. */
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly session: SessionKey | undefined;
  /** Working folder of the session, where known. */
  readonly project: string | undefined;
  /** Name of the client key that was used. */
  readonly clientKey: string | undefined;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** True when the body carries state only its issuer understands: previous_response_id, encrypted_content, a compaction item. */
  readonly stateBound: boolean;
}

/** Who a request belongs to, and where that was read. */
export interface SessionKey {
  readonly id: string;
  readonly source: 'header' | 'body' | 'prompt_cache_key' | 'metadata';
}

/** Why an endpoint rests, and until when. */
export interface Cooldown {
  readonly untilMs: number;
  readonly sinceMs: number;
  readonly class: FailureClass | 'rule';
  /** For people; no secrets. */
  readonly reason: string;
  /** True when the upstream itself named the time; such a cooldown is never cut short. */
  readonly named: boolean;
}

/** What routing remembers of one endpoint. Plain data; changed only through the functions of routing/endpoint-state. */
export interface EndpointState {
  readonly consecutiveFailures: number;
  /** How many cooldowns in a row; drives the backoff. Reset by a success. */
  readonly streak: number;
  readonly cooldown: Cooldown | undefined;
  readonly modelCooldowns: Readonly<Record<string, Cooldown>>;
  readonly exhausted: { readonly reason: string; readonly untilMs: number | undefined } | undefined;
  /** Requests in flight. */
  readonly leases: number;
  /** A cooldown has passed and no success has been seen since: one probe at a time. */
  readonly halfOpen: boolean;
  /** The one request allowed while half open or cooling is under way. */
  readonly probing?: boolean;
  readonly healthySinceMs: number | undefined;
  readonly lastSuccessAtMs: number | undefined;
  readonly lastFailureAtMs: number | undefined;
  readonly lastError: string | undefined;
  /** Running median-like estimate, for faces only. */
  readonly firstByteMs: number | undefined;
}

/** Why an endpoint is not tried now. */
export type SkipReason =
  | { readonly code: 'disabled' }
  | { readonly code: 'protocol_mismatch'; readonly protocol: Protocol }
  | { readonly code: 'unsupported_model'; readonly model: string }
  | { readonly code: 'no_credential'; readonly source: string }
  | { readonly code: 'cooldown'; readonly untilMs: number; readonly reason: string; readonly model?: string }
  | { readonly code: 'probing' }
  | { readonly code: 'exhausted'; readonly untilMs: number | undefined; readonly reason: string }
  | { readonly code: 'saturated'; readonly active: number; readonly limit: number }
  | { readonly code: 'not_in_route'; readonly route: string }
  | { readonly code: 'not_pinned'; readonly pinned: string }
  | { readonly code: 'state_bound'; readonly owner: EndpointKey };

/** An endpoint left out of a plan. */
export interface Skip {
  readonly endpoint: EndpointKey;
  readonly level: number;
  readonly reason: SkipReason;
}

/** An endpoint to try, in order. */
export interface Candidate {
  readonly endpoint: Endpoint;
  /** The model to ask for, after mapping. */
  readonly model: string | undefined;
  /** Why it stands where it stands. */
  readonly why: 'pinned' | 'affinity' | 'active' | 'strategy' | 'probe' | 'last-resort';
}

/** The ordered endpoints of one turn, and what was left out. */
export interface Plan {
  readonly route: string | undefined;
  /** Pinned: no failover to another provider. */
  readonly pinned: string | undefined;
  readonly candidates: readonly Candidate[];
  readonly skipped: readonly Skip[];
  /** When the soonest skipped endpoint becomes eligible; undefined when none will by itself. */
  readonly nextEligibleAtMs: number | undefined;
}

/** How one attempt ended. */
export type AttemptOutcome =
  | { readonly kind: 'success'; readonly status: number }
  /** The client went away; neutral to the endpoint. */
  | { readonly kind: 'aborted' }
  /** No slot was free; neutral to the endpoint. */
  | { readonly kind: 'busy' }
  | AttemptFailure;

/** An attempt that did not give an answer the client should have. */
export interface AttemptFailure {
  readonly kind: 'failure';
  readonly class: FailureClass;
  /** Undefined when no status line arrived. */
  readonly status: number | undefined;
  /** For people and logs; no secrets. */
  readonly message: string;
  /** Error code named in the body, where there is one. */
  readonly code: string | undefined;
  /** What the upstream asked us to wait. */
  readonly retryAfterMs: number | undefined;
  /** Set when the error concerns one model only. */
  readonly model: string | undefined;
  /** False when nothing can have been processed upstream: the request never reached it. */
  readonly reached: boolean;
  /** First bytes of the body, for error rules; empty when there is none. */
  readonly bodyHead: string;
  readonly cfRay: string | undefined;
}

/** Session -> endpoint binding. */
export interface AffinityRecord {
  readonly endpoint: EndpointKey;
  readonly boundAtMs: number;
  readonly lastUsedAtMs: number;
  readonly reason: string;
}
