import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { bodyTooLarge } from './body-too-large.js';
import { readZstdFrames, type ZstdFrame } from './zstd-frames.js';

/** A frame may ask the decoder for a window of this size at most. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
/** The decoder in JavaScript moves its whole window at every block; honest bodies stay far below this. */
const MAX_MOVED_BYTES = 8 * 1024 * 1024 * 1024;
const INPUT_STEP_BYTES = 64 * 1024;

type NativeZstd = (
  body: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, result: Buffer) => void,
) => void;

/** Decodes a zstd body of any number of frames. What its headers promise is checked before anything is reserved for it. */
export async function decodeZstd(body: Buffer, limitBytes: number): Promise<Buffer> {
  const frames = readZstdFrames(body);
  if (frames.length === 0) throw new Error('no zstd frame');
  checkPromises(frames, limitBytes);
  const native = (zlib as { zstdDecompress?: NativeZstd }).zstdDecompress;
  if (native !== undefined) return promisify(native)(body, { maxOutputLength: limitBytes });
  const { Decompress, decompress } = await import('fzstd');
  const parts: Uint8Array[] = [];
  let size = 0;
  const take = (part: Uint8Array): void => {
    size += part.length;
    if (size > limitBytes) throw bodyTooLarge('decoded', limitBytes);
    parts.push(part);
  };
  for (const frame of frames) {
    if (frame.contentBytes === 0) continue;
    const bytes = body.subarray(frame.start, frame.end);
    // A frame that says its size is decoded in place, without a moving window.
    if (frame.contentBytes !== undefined) take(decompress(bytes));
    else stream(new Decompress(take), bytes);
  }
  return Buffer.concat(parts, size);
}

function stream(decoder: { push(chunk: Uint8Array, final?: boolean): void }, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at += INPUT_STEP_BYTES) {
    decoder.push(bytes.subarray(at, at + INPUT_STEP_BYTES), at + INPUT_STEP_BYTES >= bytes.length);
  }
}

function checkPromises(frames: readonly ZstdFrame[], limitBytes: number): void {
  let promisedBytes = 0;
  let movedBytes = 0;
  for (const { contentBytes, leastBytes, windowBytes, blocks } of frames) {
    promisedBytes += Math.max(contentBytes ?? 0, leastBytes);
    movedBytes += contentBytes === undefined ? windowBytes * blocks : 0;
    const tooWide = contentBytes === undefined && windowBytes > MAX_WINDOW_BYTES;
    if (promisedBytes > limitBytes || movedBytes > MAX_MOVED_BYTES || tooWide) throw bodyTooLarge('decoded', limitBytes);
  }
}
