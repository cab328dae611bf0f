import type { ServerResponse } from 'node:http';
import type { Answer } from './attempt.js';

/** Writes an answer's chunks to the client. */
export interface ResponseWriter {
  write(chunk: Buffer): void;
  /** Sends what waits for the end of the tick. */
  flush(): void;
}

/** Joins what one socket read brought into one write: fewer system calls, same bytes. */
export function createResponseWriter(
  response: ServerResponse,
  answer: Answer,
  onWritten?: (bytes: Buffer) => void,
): ResponseWriter {
  let pending: Buffer[] = [];
  const flush = (): void => {
    const only = pending[0];
    if (only === undefined) return;
    const bytes = pending.length === 1 ? only : Buffer.concat(pending);
    pending = [];
    if (!response.write(bytes)) answer.pause();
    onWritten?.(bytes);
  };
  response.on('drain', () => answer.resume());
  return {
    write(chunk) {
      if (pending.push(chunk) === 1) process.nextTick(flush);
    },
    flush,
  };
}
