import type { ServerResponse } from 'node:http';
import type { TurnAbort } from './turn.js';

/** Watches a response for a client that goes away before its answer was complete. */
export function watchAbort(response: ServerResponse): TurnAbort {
  const callbacks = new Set<() => void>();
  let aborted = response.destroyed;
  response.once('close', () => {
    if (response.writableFinished) return;
    aborted = true;
    for (const callback of [...callbacks]) callback();
    callbacks.clear();
  });
  return {
    isAborted: () => aborted,
    onAbort(callback) {
      if (aborted) queueMicrotask(callback);
      else callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
  };
}
