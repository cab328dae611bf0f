import type { TurnRecord } from '../../../shared/domain/turn-record.js';

/** The newest turns in memory, without captured bodies. */
export interface RecentTurns {
  /** Takes the log line of a turn: one string is far cheaper to keep than the objects it was made of. */
  add(line: string): void;
  /** Newest last. */
  newest(limit: number, accept: (turn: TurnRecord) => boolean): readonly TurnRecord[];
  /** Ids of all turns in memory. */
  ids(): ReadonlySet<string>;
}

/** Remembers the newest `capacity` turns at least, twice as many at most. */
export function createRecentTurns(capacity: number): RecentTurns {
  let lines: string[] = [];
  return {
    add(line) {
      lines.push(line);
      if (lines.length >= 2 * capacity) lines = lines.slice(-capacity);
    },
    newest(limit, accept) {
      const found: TurnRecord[] = [];
      for (let index = lines.length - 1; index >= 0 && found.length < limit; index--) {
        const turn = parse(lines[index]);
        if (turn !== undefined && accept(turn)) found.push(turn);
      }
      return found.reverse();
    },
    ids: () => new Set(lines.flatMap((line) => parse(line)?.turn_id ?? [])),
  };
}

/** Our own line, written by this process. */
function parse(line: string | undefined): TurnRecord | undefined {
  return line === undefined ? undefined : (JSON.parse(line) as TurnRecord);
}

/** True for a turn that `[log] requests = "errors"` keeps. */
export function isErrorTurn(turn: TurnRecord): boolean {
  return turn.error !== undefined || turn.status_code >= 400 || (turn.end !== 'completed' && turn.end !== 'aborted');
}
