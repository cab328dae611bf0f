import type { CoreEvent, LiveTurn, TurnStage } from '../../../shared/control/events.js';

/** Turns in flight, for faces. */
export interface LiveTurns {
  open(turn: LiveTurn): void;
  stage(turnId: string, stage: TurnStage, change?: Partial<Pick<LiveTurn, 'endpoint' | 'attempts'>>): void;
  close(turnId: string): void;
  all(): readonly LiveTurn[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Makes an empty list; every change is also an event, as long as somebody listens. */
export function createLiveTurns(events: {
  readonly emit: (event: CoreEvent) => void;
  readonly listening: () => boolean;
}): LiveTurns {
  const turns = new Map<string, Writable<LiveTurn>>();
  return {
    open(turn) {
      turns.set(turn.turnId, { ...turn });
      if (events.listening()) events.emit({ type: 'turn-start', turn });
    },
    stage(turnId, stage, change) {
      const turn = turns.get(turnId);
      if (turn === undefined) return;
      turn.stage = stage;
      if (change?.endpoint !== undefined) turn.endpoint = change.endpoint;
      if (change?.attempts !== undefined) turn.attempts = change.attempts;
      if (events.listening()) events.emit({ type: 'turn-stage', turn: { ...turn } });
    },
    close: (turnId) => void turns.delete(turnId),
    all: () => [...turns.values()].map((turn) => ({ ...turn })),
  };
}
