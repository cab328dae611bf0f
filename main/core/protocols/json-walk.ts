/** A half-open range of byte offsets. */
export type ByteRange = readonly [start: number, end: number];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MAX_DEPTH = 512;
const decoder = new TextDecoder();

/** Index after the closing quote of the string that opens at `at`; -1 when it never closes. */
function skipString(bytes: Uint8Array, at: number): number {
  let from = at + 1;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote < 0) return -1;
    let slashes = quote - 1;
    while (bytes[slashes] === BACKSLASH) slashes--;
    if ((quote - slashes) % 2 === 1) return quote + 1;
    from = quote + 1;
  }
}

function skipSpace(bytes: Uint8Array, at: number): number {
  let index = at;
  let byte = bytes[index];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++index];
  return index;
}

/** Index after an object or array; -1 when brackets do not pair. */
function skipContainer(bytes: Uint8Array, at: number): number {
  const closers: number[] = [];
  const end = bytes.length;
  let index = at;
  while (index < end) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      index = skipString(bytes, index);
      if (index < 0) return -1;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (closers.length === MAX_DEPTH) return -1;
      closers.push(byte + 2);
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (closers.pop() !== byte) return -1;
      if (closers.length === 0) return index + 1;
    }
    index++;
  }
  return -1;
}

function skipValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipContainer(bytes, at);
  let index = at;
  let byte = bytes[index];
  while (byte !== undefined && byte > 0x20 && byte !== COMMA && byte !== CLOSE_BRACE && byte !== CLOSE_BRACKET)
    byte = bytes[++index];
  return index === at ? -1 : index;
}

/**
 * Finds values of top-level keys of a JSON object by walking its bytes once, without building anything.
 * The structure is checked (strings close, brackets pair, nothing follows); scalar values are not.
 * The last of two equal keys wins, as in JSON.parse. Undefined when the bytes are not one JSON object.
 */
export function topLevelValues<K extends string>(
  bytes: Uint8Array,
  wanted: readonly K[],
): Partial<Record<K, ByteRange>> | undefined {
  const found: Partial<Record<K, ByteRange>> = {};
  let index = skipSpace(bytes, 0);
  if (bytes[index] !== OPEN_BRACE) return undefined;
  index = skipSpace(bytes, index + 1);
  if (bytes[index] === CLOSE_BRACE) return skipSpace(bytes, index + 1) === bytes.length ? found : undefined;
  for (;;) {
    if (bytes[index] !== QUOTE) return undefined;
    const keyEnd = skipString(bytes, index);
    if (keyEnd < 0) return undefined;
    const key = matchKey(bytes, index + 1, keyEnd - 1, wanted);
    index = skipSpace(bytes, keyEnd);
    if (bytes[index] !== COLON) return undefined;
    index = skipSpace(bytes, index + 1);
    const end = skipValue(bytes, index);
    if (end < 0) return undefined;
    if (key !== undefined) found[key] = [index, end];
    index = skipSpace(bytes, end);
    const next = bytes[index];
    if (next === CLOSE_BRACE) return skipSpace(bytes, index + 1) === bytes.length ? found : undefined;
    if (next !== COMMA) return undefined;
    index = skipSpace(bytes, index + 1);
  }
}

function matchKey<K extends string>(bytes: Uint8Array, start: number, end: number, wanted: readonly K[]): K | undefined {
  for (const key of wanted) {
    if (key.length !== end - start) continue;
    let same = true;
    for (let offset = 0; same && offset < key.length; offset++) same = bytes[start + offset] === key.charCodeAt(offset);
    if (same) return key;
  }
  return hasEscape(bytes, start, end) ? wanted.find((key) => key === parseRange(bytes, [start - 1, end + 1])) : undefined;
}

/** A key may be spelt with escapes; what an upstream reads as the model must be what we take for it. */
function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (bytes[index] === BACKSLASH) return true;
  return false;
}

/** Parses the JSON value in a range; undefined when it is not valid. */
export function parseRange(bytes: Uint8Array, range: ByteRange): unknown {
  try {
    return JSON.parse(decoder.decode(bytes.subarray(range[0], range[1])));
  } catch {
    return undefined;
  }
}

/** Strings up to this length are read byte by byte, which beats the decoder for them. */
const SHORT_STRING_BYTES = 96;

/** The string in a range; undefined when the value is absent or not a string. */
export function stringIn(bytes: Uint8Array, range: ByteRange | undefined): string | undefined {
  if (range === undefined || bytes[range[0]] !== QUOTE) return undefined;
  if (range[1] - range[0] <= SHORT_STRING_BYTES) {
    const plain = plainText(bytes, range[0] + 1, range[1] - 1);
    if (plain !== undefined) return plain;
  }
  const value = parseRange(bytes, range);
  return typeof value === 'string' ? value : undefined;
}

/** Where the bytes are a Buffer, it makes the string in one step. */
interface Latin1Bytes extends Uint8Array {
  latin1Slice?(start: number, end: number): string;
}

/** Text of printable ASCII without escapes; undefined when there is anything else in it. */
function plainText(bytes: Latin1Bytes, start: number, end: number): string | undefined {
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined;
  }
  return bytes.latin1Slice?.(start, end) ?? String.fromCharCode(...bytes.subarray(start, end));
}

/** True when the range holds the literal `true`. */
export function isTrue(bytes: Uint8Array, range: ByteRange | undefined): boolean {
  return range !== undefined && range[1] - range[0] === 4 && bytes[range[0]] === 0x74;
}
