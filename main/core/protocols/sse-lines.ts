const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const decoder = new TextDecoder();

/** Splits a byte stream into lines wherever chunks are cut; a line is handed over without its line ending. */
export interface LineSplitter {
  /** Calls back for each complete line in `chunk`. */
  push(chunk: Uint8Array, onLine: (line: Uint8Array) => void): void;
  /** The bytes of an unfinished last line. */
  rest(): Uint8Array;
}

/** Makes a splitter that remembers at most `maxLineBytes` of one line; a longer line is dropped whole. */
export function createLineSplitter(maxLineBytes: number): LineSplitter {
  let parts: Uint8Array[] = [];
  let size = 0;
  const keep = (part: Uint8Array): void => {
    if (part.length === 0) return;
    size += part.length;
    if (size <= maxLineBytes) parts.push(part);
    else parts = [];
  };
  const take = (last: Uint8Array): Uint8Array | undefined => {
    if (size === 0) return last.length <= maxLineBytes ? last : undefined;
    keep(last);
    const line = size <= maxLineBytes ? join(parts) : undefined;
    parts = [];
    size = 0;
    return line;
  };
  return {
    push(chunk, onLine) {
      let start = 0;
      let end = chunk.indexOf(LF, start);
      while (end >= 0) {
        const line = take(chunk.subarray(start, end));
        if (line !== undefined) onLine(line[line.length - 1] === CR ? line.subarray(0, -1) : line);
        start = end + 1;
        end = chunk.indexOf(LF, start);
      }
      keep(chunk.subarray(start));
    },
    rest: () => join(parts),
  };
}

/** The payload of a `data:` line; undefined for every other line. */
export function dataOf(line: Uint8Array): Uint8Array | undefined {
  if (line.length < 5 || line[0] !== 0x64 || line[1] !== 0x61 || line[2] !== 0x74 || line[3] !== 0x61 || line[4] !== 0x3a)
    return undefined;
  return line.subarray(line[5] === SPACE ? 6 : 5);
}

/** Parses the JSON of a data payload; undefined when it is not JSON. */
export function parseData(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
}

/** Joins byte pieces; one piece is returned as it is. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
