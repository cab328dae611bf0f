import type { ConfigStatus } from '../domain/config-snapshot.js';
import type { EndpointKey } from '../domain/endpoint.js';
import type { EndpointState } from '../domain/routing.js';
import type { AttemptRecord, TurnRecord } from '../domain/turn-record.js';

/** Stage a live turn is in. */
export type TurnStage = 'planning' | 'dispatching' | 'waiting' | 'streaming' | 'retrying';

/** A turn that has not ended. */
export interface LiveTurn {
  readonly turnId: string;
  readonly startedAtMs: number;
  readonly stage: TurnStage;
  readonly sessionId: string | undefined;
  readonly model: string | undefined;
  readonly endpoint: EndpointKey | undefined;
  readonly attempts: number;
  readonly path: string;
}

/** Everything the core tells its faces; sent over IPC and SSE as JSON. */
export type CoreEvent =
  | { readonly type: 'turn-start'; readonly turn: LiveTurn }
  | { readonly type: 'turn-stage'; readonly turn: LiveTurn }
  | { readonly type: 'attempt-end'; readonly turnId: string; readonly attempt: AttemptRecord }
  | { readonly type: 'turn-end'; readonly record: TurnRecord }
  | { readonly type: 'endpoint-state'; readonly endpoint: EndpointKey; readonly state: EndpointState }
  | { readonly type: 'config-changed'; readonly status: ConfigStatus }
  | { readonly type: 'codex-patch-changed' }
  | { readonly type: 'stopping' };
