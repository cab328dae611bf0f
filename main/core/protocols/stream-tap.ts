import type { Protocol } from '../../../shared/domain/protocol.js';
import type { Usage } from '../../../shared/domain/turn-record.js';
import { dataOf, join, parseData } from './sse-lines.js';
import { meaningOf } from './stream-events.js';
import { mergeUsage, readUsage } from './usage.js';

/** What a stream said about its own end. */
export interface StreamSummary {
  /** Undefined: the closing event never came. */
  readonly closing: 'completed' | 'failed' | 'incomplete' | undefined;
  readonly usage: Usage | undefined;
  /** The parsed failure event, for classification. */
  readonly failure: unknown;
}

/**
 * Watches a stream that is being delivered. What closes a stream stands at its end, so only the last lines are
 * remembered and nothing is read before somebody asks.
 */
export interface StreamTap {
  push(chunk: Uint8Array): void;
  /** Reads the end of what came so far. */
  summary(): StreamSummary;
  /** True while the last event is complete, so that one of ours may follow. */
  atBoundary(): boolean;
}

const LF = 0x0a;
const CR = 0x0d;
/** Lines kept: usage and closing come in the last few events of every protocol. */
const KEPT_LINES = 24;
/** An unfinished or giant last line is kept up to this size. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

interface Piece {
  readonly bytes: Uint8Array;
  readonly lines: number;
}

/** Makes a tap for one stream; `early` is usage already seen in the held events. */
export function createStreamTap(protocol: Protocol, early?: Usage): StreamTap {
  const pieces: Piece[] = [];
  let lines = 0;
  let size = 0;
  let tail: readonly [number, number, number] = [LF, LF, LF];

  const forget = (): void => {
    for (let first = pieces[0]; first !== undefined && pieces.length > 1; first = pieces[0]) {
      if (lines - first.lines < KEPT_LINES && size <= MAX_KEPT_BYTES) return;
      pieces.shift();
      lines -= first.lines;
      size -= first.bytes.length;
    }
  };

  return {
    push(chunk) {
      const { length } = chunk;
      if (length === 0) return;
      const counted = countLines(chunk);
      pieces.push({ bytes: chunk, lines: counted });
      lines += counted;
      size += length;
      forget();
      tail = length >= 3 ? [chunk[length - 3] ?? 0, chunk[length - 2] ?? 0, chunk[length - 1] ?? 0] : lastThree(tail, chunk);
    },
    summary: () => summarise(protocol, join(pieces.map((piece) => piece.bytes)), early),
    atBoundary: () => tail[2] === LF && (tail[1] === LF || (tail[1] === CR && tail[0] === LF)),
  };
}

function lastThree(tail: readonly [number, number, number], chunk: Uint8Array): readonly [number, number, number] {
  const [a = LF, b = LF, c = LF] = [...tail, ...chunk].slice(-3);
  return [a, b, c];
}

/** Line ends in a chunk, counted from its end and no further than needed. */
function countLines(chunk: Uint8Array): number {
  let count = 0;
  let at = chunk.lastIndexOf(LF);
  while (at >= 0 && ++count < KEPT_LINES) at = at === 0 ? -1 : chunk.lastIndexOf(LF, at - 1);
  return count;
}

function summarise(protocol: Protocol, bytes: Uint8Array, early: Usage | undefined): StreamSummary {
  let closing: StreamSummary['closing'];
  let usage = early;
  let failure: unknown;
  for (const data of lastDataLines(bytes)) {
    // Other protocols have a closing event of their own, and their clients wait for it.
    if (protocol === 'chat' && isDone(data)) {
      closing ??= 'completed';
      continue;
    }
    const event = parseData(data);
    if (event === undefined) continue;
    usage = mergeUsage(usage, usageOf(event));
    const meaning = meaningOf(protocol, event);
    if (meaning === 'failure') {
      closing = 'failed';
      failure = event;
    } else if (meaning === 'completed' || meaning === 'incomplete') closing = meaning;
    else if (protocol === 'chat' && isFinished(event)) closing ??= 'completed';
  }
  return { closing, usage, failure };
}

/** The data payloads among the last lines, in order; the first line may be the rest of a longer one and is then no data line. */
function lastDataLines(bytes: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let end = bytes.length;
  for (let line = 0; end > 0 && line < KEPT_LINES; line++) {
    const start = bytes.lastIndexOf(LF, end - 1) + 1;
    const stop = bytes[end - 1] === CR ? end - 1 : end;
    const data = dataOf(bytes.subarray(start, stop));
    if (data !== undefined && data.length > 0) found.push(data);
    end = start - 1;
  }
  return found.reverse();
}

function isDone(data: Uint8Array): boolean {
  return data.length >= 6 && data.length <= 8 && data[0] === 0x5b && data[1] === 0x44;
}

/** Usage wherever an event of any protocol carries it. */
export function usageOf(event: unknown): Usage | undefined {
  const fields = (event ?? {}) as {
    usage?: unknown;
    response?: { usage?: unknown } | null;
    message?: { usage?: unknown } | null;
  };
  return readUsage(fields.response?.usage) ?? readUsage(fields.message?.usage) ?? readUsage(fields.usage);
}

function isFinished(event: unknown): boolean {
  const choices = (event as { choices?: unknown } | null)?.choices;
  return (
    Array.isArray(choices) &&
    choices.some((choice: { finish_reason?: unknown } | null) => typeof choice?.finish_reason === 'string')
  );
}
