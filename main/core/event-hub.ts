import type { CoreEvent } from '../../shared/control/events.js';
import type { Logger } from './ports.js';

/** Hands every event to every listener; a listener that throws does not stop the others. */
export interface EventHub {
  readonly emit: (event: CoreEvent) => void;
  /** True when emitting would reach anybody. */
  readonly listening: () => boolean;
  readonly on: (listener: (event: CoreEvent) => void) => () => void;
}

/** Makes a hub without listeners. */
export function createEventHub(logger: Logger): EventHub {
  const listeners = new Set<(event: CoreEvent) => void>();
  return {
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          logger.error('an event listener failed', { event: event.type, reason: String(error) });
        }
      }
    },
    listening: () => listeners.size > 0,
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
