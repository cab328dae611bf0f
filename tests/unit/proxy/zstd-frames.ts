/** Builds zstd frames by hand (RFC 8878), honest or not; no compressor is needed for raw and repeated blocks. */

/** One block: bytes as they are, or one byte many times. */
export type ZstdBlock = Uint8Array | { readonly byte: number; readonly times: number };

/** What the frame says of itself. */
export interface FrameHeader {
  /** Exponent of the window, 10 to 41; without it the frame is a single segment of `contentBytes`. */
  readonly windowLog?: number;
  readonly contentBytes?: number | bigint;
  readonly checksum?: boolean;
  readonly dictionaryId?: number;
}

/** A frame of these blocks. */
export function zstdFrame(header: FrameHeader, blocks: readonly ZstdBlock[]): Buffer {
  const single = header.windowLog === undefined;
  const sized = header.contentBytes !== undefined;
  const descriptor =
    (sized ? 0xc0 : 0) | (single ? 0x20 : 0) | (header.checksum === true ? 4 : 0) | (header.dictionaryId ? 3 : 0);
  const head = [0x28, 0xb5, 0x2f, 0xfd, descriptor];
  if (header.windowLog !== undefined) head.push((header.windowLog - 10) << 3);
  const id = Buffer.alloc(header.dictionaryId ? 4 : 0);
  if (header.dictionaryId) id.writeUInt32LE(header.dictionaryId);
  const size = Buffer.alloc(sized ? 8 : 0);
  if (sized) size.writeBigUInt64LE(BigInt(header.contentBytes ?? 0));
  const last = blocks.length - 1;
  const body = blocks.map((block, index) => zstdBlock(block, index === last));
  return Buffer.concat([Buffer.from(head), id, size, ...body, Buffer.alloc(header.checksum === true ? 4 : 0)]);
}

function zstdBlock(block: ZstdBlock, last: boolean): Buffer {
  const repeated = 'times' in block;
  const size = repeated ? block.times : block.length;
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (repeated ? 2 : 0) | (last ? 1 : 0), 0, 3);
  return Buffer.concat([header, repeated ? Buffer.from([block.byte]) : block]);
}

/** A frame decoders pass over. */
export function skippableFrame(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a53);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}
