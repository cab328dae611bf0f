import type { Protocol } from '../../../shared/domain/protocol.js';
import type { Usage } from '../../../shared/domain/turn-record.js';
import { closingMarkers, meaningOf } from './stream-events.js';
import { dataOf, join, parseData } from './sse-lines.js';
import { mergeUsage, readUsage } from './usage.js';

/** Bytes with the native search a Buffer has. */
export interface Bytes extends Uint8Array {
  indexOf(needle: number | string | Uint8Array, from?: number): number;
  lastIndexOf(needle: number | string | Uint8Array, from?: number): number;
}

/** What a stream said about its own end. */
export interface StreamSummary {
  /** Undefined: the closing event never came. */
  readonly closing: 'completed' | 'failed' | 'incomplete' | undefined;
  readonly usage: Usage | undefined;
  /** The parsed failure event, for classification. */
  readonly failure: unknown;
}

/** Watches a stream that is being delivered; reads only what closes it and never changes or delays a byte. */
export interface StreamTap {
  push(chunk: Bytes): void;
  end(): StreamSummary;
  /** True while the last byte seen ends a line, so that an event of ours may be put in between. */
  atBoundary(): boolean;
  closed(): boolean;
}

const LF = 0x0a;
const MAX_LINE_BYTES = 8 * 1024 * 1024;

/** Makes a tap for one stream. */
export function createStreamTap(protocol: Protocol): StreamTap {
  const markers = closingMarkers[protocol];
  let open: Uint8Array[] = [];
  let openSize = 0;
  let boundary = true;
  let closing: StreamSummary['closing'];
  let usage: Usage | undefined;
  let failure: unknown;

  const judge = (line: Uint8Array): void => {
    const data = dataOf(line);
    if (data === undefined) return;
    if (data.length >= 6 && data.length <= 8 && data[0] === 0x5b && data[1] === 0x44) {
      closing ??= 'completed';
      return;
    }
    const event = parseData(data);
    if (event === undefined) return;
    usage = mergeUsage(usage, usageOf(event));
    const meaning = meaningOf(protocol, event);
    if (meaning === 'failure') {
      closing = 'failed';
      failure = event;
    } else if (meaning === 'completed' || meaning === 'incomplete') closing = meaning;
    else if (protocol === 'chat' && finished(event)) closing ??= 'completed';
  };

  const judgeMarked = (bytes: Bytes): void => {
    let done = 0;
    for (;;) {
      const at = earliest(bytes, markers, done);
      if (at < 0) return;
      const start = at === 0 ? 0 : bytes.lastIndexOf(LF, at) + 1;
      const end = bytes.indexOf(LF, at);
      const stop = end < 0 ? bytes.length : end;
      judge(bytes.subarray(start, stop));
      done = stop;
    }
  };

  return {
    push(chunk) {
      if (chunk.length === 0) return;
      let rest = chunk;
      if (openSize > 0) {
        const end = chunk.indexOf(LF);
        const piece = end < 0 ? chunk : chunk.subarray(0, end);
        openSize += piece.length;
        if (openSize <= MAX_LINE_BYTES) open.push(piece);
        else open = [];
        if (end < 0) {
          boundary = false;
          return;
        }
        if (open.length > 0) judge(join(open));
        open = [];
        openSize = 0;
        rest = chunk.subarray(end + 1) as Bytes;
      }
      const last = rest.lastIndexOf(LF);
      const whole = rest.subarray(0, last + 1) as Bytes;
      if (last >= 0) judgeMarked(whole);
      if (last + 1 < rest.length) {
        open = [rest.subarray(last + 1)];
        openSize = rest.length - last - 1;
      }
      boundary = openSize === 0;
    },
    end() {
      if (open.length > 0) judge(join(open));
      return { closing, usage, failure };
    },
    atBoundary: () => boundary,
    closed: () => closing !== undefined,
  };
}

function earliest(bytes: Bytes, markers: readonly string[], from: number): number {
  let first = -1;
  for (const marker of markers) {
    const at = bytes.indexOf(marker, from);
    if (at >= 0 && (first < 0 || at < first)) first = at;
  }
  return first;
}

function usageOf(event: unknown): Usage | undefined {
  const fields = (event ?? {}) as { usage?: unknown; response?: { usage?: unknown } | null; message?: { usage?: unknown } | null };
  return readUsage(fields.response?.usage) ?? readUsage(fields.message?.usage) ?? readUsage(fields.usage);
}

function finished(event: unknown): boolean {
  const choices = (event as { choices?: unknown }).choices;
  return Array.isArray(choices) && choices.some((choice: { finish_reason?: unknown } | null) => typeof choice?.finish_reason === 'string');
}
