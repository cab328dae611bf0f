import type { ServerResponse } from 'node:http';
import type { Usage } from '../../../../shared/domain/turn-record.js';
import type { ErrorCode } from '../../../../shared/errors/codes.js';
import { createStreamTap, type StreamSummary, type StreamTap } from '../../protocols/stream-tap.js';
import { errorEvent, keepaliveEvent } from '../../protocols/synthetic-events.js';
import { parseRange, topLevelValues } from '../../protocols/json-walk.js';
import { readUsage } from '../../protocols/usage.js';
import type { Clock } from '../../ports.js';
import { responseHeaders } from '../../upstream/headers.js';
import type { Turn } from '../turn.js';
import type { Answer } from './attempt.js';
import type { StreamWatch } from './stream-watch.js';

/** How a delivery ended. */
export interface Delivery {
  readonly end: 'completed' | 'failed' | 'cut' | 'idle' | 'aborted';
  readonly bytes: number;
  readonly usage: Usage | undefined;
  /** The failure event the upstream sent after the commit point. */
  readonly failureEvent: unknown;
  readonly error: { readonly code: ErrorCode; readonly message: string } | undefined;
  /** Monotonic milliseconds when the first byte went to the client. */
  readonly firstByteAtMs: number;
}

/** What delivery works with. */
export interface DeliverInput {
  readonly turn: Turn;
  readonly answer: Answer;
  /** Set when the model was mapped. */
  readonly clientModel: string | undefined;
  readonly ownHeaders: readonly string[];
  readonly clock: Clock;
  readonly watch: StreamWatch;
}

/** JSON answers are kept for reading their usage up to this size. */
const MAX_JSON_TAP_BYTES = 1024 * 1024;

/** The commit point: sends the held bytes, then everything that follows, and watches how it ends. Never retries. */
export function deliver(input: DeliverInput): Promise<Delivery> {
  return new Promise((resolve) => {
    const { turn, answer } = input;
    const { response } = turn;
    const isStream = answer.isStream && answer.status < 300;
    const whole = isStream || !answer.ended ? undefined : Buffer.concat(answer.held);
    const headers = responseHeaders({
      upstream: answer.headers,
      decoded: answer.decoded,
      keepLength: !isStream && whole === undefined,
      clientModel: input.clientModel,
      own: whole === undefined ? input.ownHeaders : [...input.ownHeaders, 'content-length', String(whole.length)],
    });
    response.writeHead(answer.status, headers as unknown as Record<string, string>);
    const firstByteAtMs = input.clock.monotonicMs();
    const finish = (ending: Omit<Delivery, 'firstByteAtMs'>): void => resolve({ ...ending, firstByteAtMs });
    if (whole !== undefined) {
      // One string joins the head in one write; latin1 keeps every byte.
      response.end(whole.toString('latin1'), 'latin1');
      finish({ end: 'completed', bytes: whole.length, usage: answer.earlyUsage, failureEvent: undefined, error: undefined });
    } else if (isStream) deliverStream(input, finish);
    else deliverDocument(input, finish);
  });
}

type Finish = (ending: Omit<Delivery, 'firstByteAtMs'>) => void;

/** Joins what one socket read brought into one write: fewer system calls, same bytes. */
function createWriter(
  response: ServerResponse,
  answer: Answer,
  onWritten?: (bytes: Buffer) => void,
): { write(chunk: Buffer): void; flush(): void } {
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

function deliverStream(input: DeliverInput, finish: Finish): void {
  const { turn, answer, watch } = input;
  const { response } = turn;
  const protocol = turn.facts.protocol;
  const tap = createStreamTap(protocol, answer.earlyUsage);
  const writer = createWriter(response, answer, (written) => tap.push(written));
  let bytes = 0;
  let done = false;
  const end = (how: Delivery['end'], error?: Delivery['error']): void => {
    if (done) return;
    done = true;
    unwatch();
    unsubscribe();
    writer.flush();
    const summary = tap.summary();
    const settled = settleEnd(how, summary.closing);
    const failed = settled === 'cut' || settled === 'idle' ? (error ?? cutError) : undefined;
    if (how === 'aborted') answer.discard();
    else {
      if (failed !== undefined)
        response.write(ending(tap, errorEvent(protocol, { ...failed, turnId: turn.id, nowMs: input.clock.now() })));
      response.end();
    }
    finish({ end: settled, bytes, usage: summary.usage, failureEvent: summary.failure, error: failed });
  };
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    watch.touch(entry);
    writer.write(chunk);
  };
  const { config } = turn.snapshot;
  const entry = {
    idleLimitMs: config.server.stream_idle_timeout_s * 1000,
    keepaliveMs: config.server.keepalive_s * 1000,
    keepalive: () => {
      if (tap.atBoundary() && !response.writableNeedDrain) response.write(keepaliveEvent(protocol));
    },
    idle: () => {
      answer.discard();
      end('idle', {
        code: 'UPSTREAM_STREAM_IDLE',
        message: `The upstream sent nothing for ${config.server.stream_idle_timeout_s} s.`,
      });
    },
    lastMs: 0,
    lastKeepaliveMs: 0,
  };
  const unwatch = watch.add(entry);
  const unsubscribe = turn.abort.onAbort(() => end('aborted'));
  for (const chunk of answer.held) take(chunk);
  if (answer.ended) end('completed');
  else answer.attach({ onData: take, onEnd: () => end('completed'), onError: () => end('cut') });
}

const cutError = { code: 'UPSTREAM_STREAM_CUT', message: 'The upstream ended the stream before its closing event.' } as const;

/** The closing event decides, whatever the connection did after it. */
function settleEnd(how: Delivery['end'], closing: StreamSummary['closing']): Delivery['end'] {
  if (closing !== undefined) return closing === 'failed' ? 'failed' : 'completed';
  return how === 'completed' ? 'cut' : how;
}

/** An event of ours must begin on a new line. */
function ending(tap: StreamTap, event: string): string {
  return tap.atBoundary() ? event : `\n\n${event}`;
}

function deliverDocument(input: DeliverInput, finish: Finish): void {
  const { turn, answer } = input;
  const { response } = turn;
  const writer = createWriter(response, answer);
  const parts: Buffer[] = [];
  let bytes = 0;
  let done = false;
  const end = (how: Delivery['end']): void => {
    if (done) return;
    done = true;
    unsubscribe();
    if (how === 'aborted') answer.discard();
    else if (how === 'cut') response.destroy();
    else {
      writer.flush();
      response.end();
    }
    finish({
      end: how,
      bytes,
      usage: bytes <= MAX_JSON_TAP_BYTES ? usageOf(parts) : undefined,
      failureEvent: undefined,
      error: how === 'cut' ? cutError : undefined,
    });
  };
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= MAX_JSON_TAP_BYTES) parts.push(chunk);
    else parts.length = 0;
    writer.write(chunk);
  };
  const unsubscribe = turn.abort.onAbort(() => end('aborted'));
  for (const chunk of answer.held) take(chunk);
  if (answer.ended) end('completed');
  else answer.attach({ onData: take, onEnd: () => end('completed'), onError: () => end('cut') });
}

function usageOf(parts: readonly Buffer[]): Usage | undefined {
  const only = parts[0];
  if (only === undefined) return undefined;
  const body = parts.length === 1 ? only : Buffer.concat(parts);
  const at = topLevelValues(body, ['usage']);
  return at?.usage === undefined ? undefined : readUsage(parseRange(body, at.usage));
}
