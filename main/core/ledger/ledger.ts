import type { TurnRecord } from '../../../shared/domain/turn-record.js';

/** The request log and what is counted from it. */
export interface Ledger {
  start(): Promise<void>;
  /** Writes what is pending. */
  stop(): Promise<void>;
  /** Queues one line; returns at once and never throws. */
  record(turn: TurnRecord): void;
  /** Newest last. Reads the file behind the in-memory tail when more is asked than memory holds. */
  tail(limit: number, filter?: { readonly errorsOnly?: boolean }): Promise<readonly TurnRecord[]>;
  totals(): { readonly turns: number; readonly failovers: number; readonly errors: number };
  last(): TurnRecord | null;
  /** Prometheus text exposition. */
  metrics(): Promise<string>;
}
