/** One zstd frame as its headers describe it (RFC 8878, 3.1.1); nothing is decoded for this. */
export interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  /** Undefined when the frame does not say. */
  readonly contentBytes: number | undefined;
  readonly windowBytes: number;
  readonly blocks: number;
  /** What its raw and repeated blocks alone will give. */
  readonly leastBytes: number;
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5;
const MAX_BLOCK_BYTES = 128 * 1024;
/** Encoders write one frame, parallel ones one for each few megabytes. */
const MAX_FRAMES = 10_000;
const dictionaryIdBytes = [0, 1, 2, 4] as const;

/** Walks the frames of a zstd body from header to header. @throws RangeError when it is cut off, Error when it is no zstd */
export function readZstdFrames(body: Buffer): readonly ZstdFrame[] {
  const frames: ZstdFrame[] = [];
  let at = 0;
  while (at < body.length) {
    const magic = body.readUInt32LE(at);
    if (magic >>> 4 === SKIPPABLE_MAGIC) {
      at += 8 + body.readUInt32LE(at + 4);
      if (at > body.length) throw new RangeError('the zstd body is cut off');
      continue;
    }
    if (magic !== MAGIC) throw new Error('not a zstd frame');
    const frame = readFrame(body, at);
    if (frames.push(frame) > MAX_FRAMES) throw new Error('too many frames');
    at = frame.end;
  }
  return frames;
}

function readFrame(body: Buffer, start: number): ZstdFrame {
  const descriptor = body.readUInt8(start + 4);
  if ((descriptor & 0x08) !== 0) throw new Error('a reserved bit is set');
  const single = (descriptor & 0x20) !== 0;
  let at = start + 5;
  const window = single ? 0 : windowOf(body.readUInt8(at++));
  const idBytes = dictionaryIdBytes[descriptor & 3] ?? 0;
  if (idBytes > 0 && body.readUIntLE(at, idBytes) !== 0) throw new Error('a dictionary is needed');
  at += idBytes;
  const flag = descriptor >> 6;
  const sizeBytes = flag === 0 ? (single ? 1 : 0) : 1 << flag;
  const contentBytes = readSize(body, at, sizeBytes);
  at += sizeBytes;
  const windowBytes = single ? (contentBytes ?? 0) : window;
  const { end, blocks, leastBytes } = walkBlocks(body, at, Math.min(MAX_BLOCK_BYTES, windowBytes));
  const frameEnd = end + ((descriptor & 0x04) === 0 ? 0 : 4);
  if (frameEnd > body.length) throw new RangeError('the zstd body is cut off');
  return { start, end: frameEnd, contentBytes, windowBytes, blocks, leastBytes };
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readSize(body: Buffer, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 0:
      return undefined;
    case 2:
      return body.readUInt16LE(at) + 256;
    case 8:
      return Number(body.readBigUInt64LE(at));
    default:
      return body.readUIntLE(at, bytes);
  }
}

function walkBlocks(body: Buffer, first: number, maxBlockBytes: number): Pick<ZstdFrame, 'end' | 'blocks' | 'leastBytes'> {
  let at = first;
  let blocks = 0;
  let leastBytes = 0;
  for (let last = false; !last; blocks++) {
    const header = body.readUIntLE(at, 3);
    last = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === 3 || size > maxBlockBytes) throw new Error('a block is not valid');
    if (type !== 2) leastBytes += size;
    at += 3 + (type === 1 ? 1 : size);
  }
  return { end: at, blocks, leastBytes };
}
