import type { Protocol } from '../../../shared/domain/protocol.js';
import { meaningOf } from './stream-events.js';
import type { Usage } from '../../../shared/domain/turn-record.js';
import { createLineSplitter, dataOf, parseData } from './sse-lines.js';
import { usageOf } from './stream-tap.js';
import { mergeUsage } from './usage.js';

/** What the first bytes of a 200 turned out to be. */
export type HoldVerdict =
  /** Nothing meaningful yet. */
  | { readonly kind: 'waiting' }
  /** The answer has begun: deliver. */
  | { readonly kind: 'meaningful' }
  /** An error inside the 200. */
  | { readonly kind: 'failure'; readonly event: unknown }
  /** Not a stream of this protocol at all. */
  | { readonly kind: 'not-sse'; readonly looksLike: 'json' | 'html' | 'other' };

/** Reads the beginning of a stream until it is known whether the turn works. */
export interface StreamHold {
  push(chunk: Uint8Array): HoldVerdict;
  /** Usage that came with the held events; Messages reports its input there. */
  usage(): Usage | undefined;
}

const MAX_LINE_BYTES = 8 * 1024 * 1024;
const waiting: HoldVerdict = { kind: 'waiting' };
const meaningful: HoldVerdict = { kind: 'meaningful' };

/** Makes a hold for one stream; bytes are only looked at, the caller keeps them. */
export function createStreamHold(protocol: Protocol): StreamHold {
  const lines = createLineSplitter(MAX_LINE_BYTES);
  let begun = false;
  let usage: Usage | undefined;
  const judgeLine = (line: Uint8Array): HoldVerdict => {
    const data = dataOf(line);
    if (data === undefined || data.length === 0) return waiting;
    const event = parseData(data);
    if (event === undefined) return waiting;
    usage = mergeUsage(usage, usageOf(event));
    const meaning = meaningOf(protocol, event);
    if (meaning === 'failure') return { kind: 'failure', event };
    return meaning === 'handshake' ? waiting : meaningful;
  };
  return {
    usage: () => usage,
    push(chunk) {
      let bytes = chunk;
      if (!begun) {
        const start = chunk.findIndex(isBeginning);
        if (start < 0) return waiting;
        begun = true;
        bytes = chunk.subarray(start);
        const first = bytes[0];
        if (first === 0x7b || first === 0x5b) return { kind: 'not-sse', looksLike: 'json' };
        if (first === 0x3c) return { kind: 'not-sse', looksLike: 'html' };
      }
      let verdict: HoldVerdict = waiting;
      lines.push(bytes, (line) => {
        if (verdict.kind === 'waiting') verdict = judgeLine(line);
      });
      return verdict;
    },
  };
}

/** Neither white space nor part of a byte order mark. */
function isBeginning(byte: number): boolean {
  return byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf;
}
