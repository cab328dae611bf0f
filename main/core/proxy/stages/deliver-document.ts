import type { Usage } from '../../../../shared/domain/turn-record.js';
import { parseRange, topLevelValues } from '../../protocols/json-walk.js';
import { readUsage } from '../../protocols/usage.js';
import { cutError, idleError, type Delivery, type DeliverInput, type FinishDelivery } from './delivery.js';
import { createResponseWriter } from './response-writer.js';
import type { WatchedStream } from './stream-watch.js';

/** JSON answers are kept for reading their usage up to this size. */
const MAX_JSON_TAP_BYTES = 1024 * 1024;

/** Sends a document that is still arriving; a cut shows in the closed connection, since no event could say it. */
export function deliverDocument(input: DeliverInput, finish: FinishDelivery): void {
  const { turn, answer, watch } = input;
  const { response } = turn;
  const writer = createResponseWriter(response, answer);
  const parts: Buffer[] = [];
  let bytes = 0;
  let done = false;
  const end = (how: Delivery['end'], error?: Delivery['error']): void => {
    if (done) return;
    done = true;
    unwatch();
    unsubscribe();
    if (how === 'aborted') answer.discard();
    else if (error !== undefined) response.destroy();
    else {
      writer.flush();
      response.end();
    }
    finish({
      end: how,
      bytes,
      usage: bytes <= MAX_JSON_TAP_BYTES ? usageOf(parts) : undefined,
      failureEvent: undefined,
      error,
    });
  };
  const stream = watchedDocument(input, (error) => {
    answer.discard();
    end('idle', error);
  });
  const unwatch = watch.add(stream);
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    watch.touch(stream);
    if (bytes <= MAX_JSON_TAP_BYTES) parts.push(chunk);
    else parts.length = 0;
    writer.write(chunk);
  };
  const unsubscribe = turn.abort.onAbort(() => end('aborted'));
  for (const chunk of answer.held) take(chunk);
  if (answer.ended) end('completed');
  else answer.attach({ onData: take, onEnd: () => end('completed'), onError: () => end('cut', cutError) });
}

function watchedDocument({ turn }: DeliverInput, onIdle: (error: NonNullable<Delivery['error']>) => void): WatchedStream {
  const idleSeconds = turn.snapshot.config.server.stream_idle_timeout_s;
  return {
    idleLimitMs: idleSeconds * 1000,
    keepaliveMs: 0,
    isPaused: () => turn.response.writableNeedDrain,
    keepalive: () => undefined,
    idle: () => onIdle(idleError(idleSeconds)),
    lastMs: 0,
    lastKeepaliveMs: 0,
  };
}

function usageOf(parts: readonly Buffer[]): Usage | undefined {
  const only = parts[0];
  if (only === undefined) return undefined;
  const body = parts.length === 1 ? only : Buffer.concat(parts);
  const at = topLevelValues(body, ['usage']);
  return at?.usage === undefined ? undefined : readUsage(parseRange(body, at.usage));
}
