import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ConfigSnapshot } from '../../../shared/domain/config-snapshot.js';
import type { TurnFacts } from '../../../shared/domain/routing.js';
import type { AttemptRecord } from '../../../shared/domain/turn-record.js';
import type { BodyFacts } from '../protocols/body-facts.js';

/** The kind of model call a path stands for. */
export interface ModelPath {
  readonly protocol: TurnFacts['protocol'];
  /** False for calls whose answer is always one JSON document. */
  readonly mayStream: boolean;
}

/** A request body as received. */
export interface ReceivedBody {
  /** Decoded, unless the configuration passes bodies through. */
  readonly bytes: Buffer;
  /** What goes upstream when no rule changes the body. */
  readonly wire: Buffer;
  /** True when `wire` no longer has the content-encoding the client named. */
  readonly decoded: boolean;
}

/** One client request on its way through the stages. */
export interface Turn {
  readonly id: string;
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
  /** The configuration this turn lives by. */
  readonly snapshot: ConfigSnapshot;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly kind: ModelPath;
  readonly body: ReceivedBody;
  readonly bodyFacts: BodyFacts | undefined;
  readonly facts: TurnFacts;
  readonly isCodex: boolean;
  /** The client's Authorization is one of our own keys. */
  readonly usedOurKey: boolean;
  readonly abort: TurnAbort;
  /** In the order they were made. */
  readonly attempts: AttemptRecord[];
  /** Milliseconds spent waiting for upstreams so far. */
  upstreamMs: number;
}

/** Tells the running stage that the client has gone. */
export interface TurnAbort {
  isAborted(): boolean;
  /** Calls back once, at once when it has already happened; the returned function unsubscribes. */
  onAbort(callback: () => void): () => void;
}

/** How a turn ended, for the record. */
export interface TurnEnd {
  readonly status: number;
  readonly end: 'completed' | 'failed' | 'cut' | 'idle' | 'aborted' | 'refused';
  readonly responseBytes: number;
  readonly error?: {
    /** One of ours, or the upstream's own. */
    readonly code: string;
    readonly message: string;
  };
}
