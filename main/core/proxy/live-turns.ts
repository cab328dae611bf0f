import type { CoreEvent, LiveTurn, TurnStage } from '../../../shared/control/events.js';

/** Turns in flight, for faces. */
export interface LiveTurns {
  open(turn: LiveTurn): void;
  stage(turnId: string, stage: TurnStage, change?: Partial<Pick<LiveTurn, 'endpoint' | 'attempts'>>): void;
  close(turnId: string): void;
  all(): readonly LiveTurn[];
}

/** Makes an empty list; every change is also an event. */
export function createLiveTurns(emit: (event: CoreEvent) => void): LiveTurns {
  const turns = new Map<string, LiveTurn>();
  return {
    open(turn) {
      turns.set(turn.turnId, turn);
      emit({ type: 'turn-start', turn });
    },
    stage(turnId, stage, change) {
      const turn = turns.get(turnId);
      if (turn === undefined) return;
      const next = { ...turn, ...change, stage };
      turns.set(turnId, next);
      emit({ type: 'turn-stage', turn: next });
    },
    close: (turnId) => void turns.delete(turnId),
    all: () => [...turns.values()],
  };
}
