import type { Usage } from '../../../../shared/domain/turn-record.js';
import type { ErrorCode } from '../../../../shared/errors/codes.js';
import type { Clock } from '../../ports.js';
import type { Turn } from '../turn.js';
import type { Answer } from './attempt.js';
import type { StreamWatch } from './stream-watch.js';

/** How a delivery ended. */
export interface Delivery {
  readonly end: 'completed' | 'failed' | 'cut' | 'idle' | 'aborted';
  readonly bytes: number;
  readonly usage: Usage | undefined;
  /** The failure event the upstream sent after the commit point. */
  readonly failureEvent: unknown;
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined;
  /** Monotonic milliseconds when the first byte went to the client. */
  readonly firstByteAtMs: number;
}

/** What delivery works with. */
export interface DeliverInput {
  readonly turn: Turn;
  readonly answer: Answer;
  /** Set when the model was mapped. */
  readonly clientModel: string | undefined;
  readonly ownHeaders: readonly string[];
  readonly clock: Clock;
  readonly watch: StreamWatch;
}

/** Called once, when the last byte is on its way. */
export type FinishDelivery = (ending: Omit<Delivery, 'firstByteAtMs'>) => void;

/** What is said of a stream that ended without its closing event. */
export const cutError = {
  code: 'UPSTREAM_STREAM_CUT',
  message: 'The upstream ended the stream before its closing event.',
} as const satisfies Delivery['error'];

/** What is said of an upstream that stopped talking. */
export function idleError(limitSeconds: number): NonNullable<Delivery['error']> {
  return { code: 'UPSTREAM_STREAM_IDLE', message: `The upstream sent nothing for ${limitSeconds} s.` };
}
