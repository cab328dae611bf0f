import type { Clock } from '../../main/core/ports.js';

/** A clock that only moves when told. */
export interface ManualClock extends Clock {
  /** Moves time on, running due callbacks in order of their time; each sees the clock at its own due time. */
  advance(byMs: number): void;
  /** Timers not yet due. */
  readonly pending: number;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let elapsedMs = 0;
  let order = 0;
  const timers = new Set<Timer>();
  const nextDue = (untilMs: number): Timer | undefined =>
    [...timers].filter((timer) => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
  return {
    now: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    after: (delayMs, callback) => {
      const timer: Timer = { dueMs: elapsedMs + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: (byMs) => {
      const untilMs = elapsedMs + byMs;
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        timers.delete(timer);
        elapsedMs = Math.max(elapsedMs, timer.dueMs);
        timer.callback();
      }
      elapsedMs = untilMs;
    },
    get pending() {
      return timers.size;
    },
  };
}
