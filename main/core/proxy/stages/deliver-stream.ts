import { errorEvent, keepaliveEvent } from '../../protocols/synthetic-events.js';
import { createStreamTap, type StreamSummary, type StreamTap } from '../../protocols/stream-tap.js';
import { cutError, idleError, type Delivery, type DeliverInput, type FinishDelivery } from './delivery.js';
import { createResponseWriter } from './response-writer.js';
import type { WatchedStream } from './stream-watch.js';

/** Sends a stream of events as it comes; what ends early ends in the protocol's own error event, never in silence. */
export function deliverStream(input: DeliverInput, finish: FinishDelivery): void {
  const { turn, answer, watch } = input;
  const tap = createStreamTap(turn.facts.protocol, answer.earlyUsage());
  const writer = createResponseWriter(turn.response, answer, (written) => tap.push(written));
  let bytes = 0;
  let done = false;
  const end = (how: Delivery['end'], error: Delivery['error'] = cutError): void => {
    if (done) return;
    done = true;
    unwatch();
    unsubscribe();
    writer.flush();
    const summary = tap.summary();
    const settled = settleEnd(how, summary.closing);
    const failed = settled === 'cut' || settled === 'idle' ? error : undefined;
    if (how === 'aborted') answer.discard();
    else closeResponse(input, tap, failed);
    finish({ end: settled, bytes, usage: summary.usage, failureEvent: summary.failure, error: failed });
  };
  const stream = watchedStream(input, tap, (error) => {
    answer.discard();
    end('idle', error);
  });
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    watch.touch(stream);
    writer.write(chunk);
  };
  const unwatch = watch.add(stream);
  const unsubscribe = turn.abort.onAbort(() => end('aborted'));
  for (const chunk of answer.held) take(chunk);
  if (answer.ended) end('completed');
  else answer.attach({ onData: take, onEnd: () => end('completed'), onError: () => end('cut') });
}

function watchedStream(
  input: DeliverInput,
  tap: StreamTap,
  onIdle: (error: NonNullable<Delivery['error']>) => void,
): WatchedStream {
  const { response, snapshot, facts } = input.turn;
  const { keepalive_s: keepaliveSeconds, stream_idle_timeout_s: idleSeconds } = snapshot.config.server;
  return {
    idleLimitMs: idleSeconds * 1000,
    keepaliveMs: keepaliveSeconds * 1000,
    // A client that does not read has paused the upstream; that is not the upstream's silence.
    isPaused: () => response.writableNeedDrain,
    keepalive: () => {
      if (tap.atBoundary()) response.write(keepaliveEvent(facts.protocol));
    },
    idle: () => onIdle(idleError(idleSeconds)),
    lastMs: 0,
    lastKeepaliveMs: 0,
  };
}

function closeResponse(input: DeliverInput, tap: StreamTap, failed: Delivery['error']): void {
  const { response, facts, id } = input.turn;
  if (failed !== undefined) {
    const event = errorEvent(facts.protocol, { ...failed, turnId: id, nowMs: input.clock.now() });
    // An event of ours must begin on a new line.
    response.write(tap.atBoundary() ? event : `\n\n${event}`);
  }
  response.end();
}

/** The closing event decides, whatever the connection did after it. */
function settleEnd(how: Delivery['end'], closing: StreamSummary['closing']): Delivery['end'] {
  if (closing !== undefined) return closing === 'failed' ? 'failed' : 'completed';
  return how === 'completed' ? 'cut' : how;
}
