import type { ServerResponse } from 'node:http';
import type { CoreEvent } from '../../../shared/control/events.js';
import type { Clock } from '../ports.js';

/** Sends core events to listeners as server-sent events. */
export interface EventStreams {
  /** Takes over an answer and writes events to it until either side ends. */
  open(response: ServerResponse): void;
  /** Ends all streams; needed before the server can close. */
  closeAll(): void;
}

/** What {@link createEventStreams} needs. */
export interface EventStreamDeps {
  readonly onEvent: (listener: (event: CoreEvent) => void) => () => void;
  readonly clock: Clock;
}

const KEEPALIVE_MS = 15_000;
/** A listener that lets this much pile up is dropped; it reads the status again when it comes back. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
const MAX_STREAMS = 64;

/** Event streams of one core. It listens to the core only while somebody listens to it. */
export function createEventStreams({ onEvent, clock }: EventStreamDeps): EventStreams {
  const streams = new Set<ServerResponse>();
  let unsubscribe: (() => void) | undefined;
  let cancelKeepalive: (() => void) | undefined;

  function send(text: string): void {
    for (const stream of streams) {
      stream.write(text);
      if (stream.writableLength > MAX_BUFFERED_BYTES) {
        drop(stream);
        stream.destroy();
      }
    }
  }

  function keepAlive(): void {
    cancelKeepalive = clock.after(KEEPALIVE_MS, () => {
      cancelKeepalive = undefined;
      send(': keepalive\n\n');
      if (streams.size > 0) keepAlive();
    });
  }

  function drop(stream: ServerResponse): void {
    streams.delete(stream);
    if (streams.size > 0) return;
    unsubscribe?.();
    unsubscribe = undefined;
    cancelKeepalive?.();
    cancelKeepalive = undefined;
  }

  return {
    open(response) {
      const [oldest] = streams;
      if (streams.size >= MAX_STREAMS && oldest) {
        drop(oldest);
        oldest.destroy();
      }
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      response.write(': connected\n\n');
      for (const end of ['close', 'error']) response.on(end, () => drop(response));
      streams.add(response);
      unsubscribe ??= onEvent((event) => send(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));
      if (!cancelKeepalive) keepAlive();
    },
    closeAll() {
      for (const stream of [...streams]) {
        drop(stream);
        stream.end();
      }
    },
  };
}
