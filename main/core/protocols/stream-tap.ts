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
/** Kept in front of the last line: usage and closing come in the last few events of every protocol. */
const KEPT_BYTES = 8 * 1024;
/** An unfinished or giant last line is kept up to this size. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
/** Lines read at the end. */
const KEPT_LINES = 24;

/** Makes a tap for one stream; `early` is usage already seen in the held events. */
export function createStreamTap(protocol: Protocol, early?: Usage): StreamTap {
  let pieces: Uint8Array[] = [];
  let size = 0;
  /** Bytes from the start of the last line that holds anything to the end. */
  let lastLine = 0;
  let lineEnded = true;

  /** Drops what nobody will read, in bulk, so that it costs nothing per event. */
  const forget = (): void => {
    const needed = Math.min(lastLine + KEPT_BYTES, MAX_KEPT_BYTES);
    if (size <= needed * 2) return;
    let first = 0;
    for (let piece = pieces[first]; piece !== undefined && size - piece.length >= needed; piece = pieces[++first]) {
      size -= piece.length;
    }
    pieces = pieces.slice(first);
  };

  return {
    push(chunk) {
      const { length } = chunk;
      if (length === 0) return;
      pieces.push(chunk);
      size += length;
      const content = lastContent(chunk);
      const newline = content <= 0 ? -1 : chunk.lastIndexOf(LF, content);
      if (newline >= 0) lastLine = length - newline - 1;
      else lastLine = (lineEnded && content >= 0 ? 0 : lastLine) + length;
      lineEnded = chunk[length - 1] === LF;
      forget();
    },
    summary: () => summarise(protocol, join(pieces), early),
    atBoundary: () => isBoundary(lastBytes(pieces)),
  };
}

/** Index of the last byte that is no line ending; -1 when there is none. */
function lastContent(chunk: Uint8Array): number {
  let index = chunk.length - 1;
  while (index >= 0 && (chunk[index] === LF || chunk[index] === CR)) index--;
  return index;
}

/** The last three bytes; before the first of them there is a line end, so to speak. */
function lastBytes(pieces: readonly Uint8Array[]): readonly [number, number, number] {
  const found: number[] = [];
  for (let index = pieces.length - 1; index >= 0 && found.length < 3; index--) {
    const piece = pieces[index];
    for (let at = (piece?.length ?? 0) - 1; at >= 0 && found.length < 3; at--) found.push(piece?.[at] ?? LF);
  }
  return [found[2] ?? LF, found[1] ?? LF, found[0] ?? LF];
}

function isBoundary([third, second, last]: readonly [number, number, number]): boolean {
  return last === LF && (second === LF || (second === CR && third === LF));
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
