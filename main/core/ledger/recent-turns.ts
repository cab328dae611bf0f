import type { TurnRecord } from '../../../shared/domain/turn-record.js';

/** The newest turns in memory, without captured bodies. */
export interface RecentTurns {
  add(turn: TurnRecord): void;
  /** Newest last. */
  all(): readonly TurnRecord[];
  last(): TurnRecord | null;
  totals(): { readonly turns: number; readonly failovers: number; readonly errors: number };
}

/** Remembers the newest `capacity` turns at least, twice as many at most, and counts all. */
export function createRecentTurns(capacity: number): RecentTurns {
  const totals = { turns: 0, failovers: 0, errors: 0 };
  let turns: TurnRecord[] = [];
  return {
    add(turn) {
      turns.push(turn);
      if (turns.length >= 2 * capacity) turns = turns.slice(-capacity);
      totals.turns += 1;
      if (isErrorTurn(turn)) totals.errors += 1;
      for (const attempt of turn.attempts) if (attempt.next === 'next') totals.failovers += 1;
    },
    all: () => turns,
    last: () => turns.at(-1) ?? null,
    totals: () => ({ ...totals }),
  };
}

/** True for a turn that `[log] requests = "errors"` keeps. */
export function isErrorTurn(turn: TurnRecord): boolean {
  return turn.error !== undefined || turn.status_code >= 400 || (turn.end !== 'completed' && turn.end !== 'aborted');
}
