import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { SwitchyardError } from '../../../../shared/errors/switchyard-error.js';

const gunzip = promisify(zlib.gunzip);
const inflate = promisify(zlib.inflate);
const inflateRaw = promisify(zlib.inflateRaw);
const brotli = promisify(zlib.brotliDecompress);

type Decode = (body: Buffer, limitBytes: number) => Promise<Buffer>;

const decoders: Readonly<Record<string, Decode>> = {
  identity: (body) => Promise.resolve(body),
  gzip: (body, limit) => gunzip(body, { maxOutputLength: limit }),
  'x-gzip': (body, limit) => gunzip(body, { maxOutputLength: limit }),
  deflate: decodeDeflate,
  br: (body, limit) => brotli(body, { maxOutputLength: limit }),
  zstd: decodeZstd,
  zst: decodeZstd,
};

/** Layers beyond this are not honest traffic. */
const MAX_LAYERS = 4;
/** A zstd frame may ask the decoder for a window of this size at most. */
const MAX_ZSTD_WINDOW_BYTES = 128 * 1024 * 1024;
const ZSTD_INPUT_STEP_BYTES = 64 * 1024;

/**
 * Undoes the layers of a Content-Encoding header, last one first, never producing more than `limitBytes`.
 * @throws SwitchyardError INGRESS_UNSUPPORTED_ENCODING, INGRESS_BAD_ENCODING, INGRESS_BODY_TOO_LARGE
 */
export async function decodeBody(body: Buffer, contentEncoding: string, limitBytes: number): Promise<Buffer> {
  const layers = contentEncoding
    .split(',')
    .map((layer) => layer.trim().toLowerCase())
    .filter((layer) => layer !== '');
  if (layers.length > MAX_LAYERS)
    throw new SwitchyardError('INGRESS_BAD_ENCODING', `More than ${MAX_LAYERS} layers of content-encoding.`);
  let bytes = body;
  for (const layer of layers.reverse()) bytes = await decodeLayer(bytes, layer, limitBytes);
  return bytes;
}

async function decodeLayer(body: Buffer, layer: string, limitBytes: number): Promise<Buffer> {
  const decode = Object.hasOwn(decoders, layer) ? decoders[layer] : undefined;
  if (decode === undefined)
    throw new SwitchyardError('INGRESS_UNSUPPORTED_ENCODING', `Content-encoding ${JSON.stringify(layer)} is not supported.`);
  try {
    return await decode(body, limitBytes);
  } catch (error) {
    if (error instanceof SwitchyardError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limitBytes);
    throw new SwitchyardError('INGRESS_BAD_ENCODING', `The body is not valid ${layer}.`, {}, { cause: error });
  }
}

function tooLarge(limitBytes: number): SwitchyardError {
  return new SwitchyardError(
    'INGRESS_BODY_TOO_LARGE',
    `The decoded body is larger than ${Math.floor(limitBytes / 1024 / 1024)} MiB.`,
  );
}

/** `deflate` means zlib by the standard and raw deflate by custom; both are taken. */
async function decodeDeflate(body: Buffer, limitBytes: number): Promise<Buffer> {
  const looksZlib = body.length >= 2 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
  return looksZlib ? inflate(body, { maxOutputLength: limitBytes }) : inflateRaw(body, { maxOutputLength: limitBytes });
}

type NativeZstd = (
  body: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, result: Buffer) => void,
) => void;

async function decodeZstd(body: Buffer, limitBytes: number): Promise<Buffer> {
  const native = (zlib as { zstdDecompress?: NativeZstd }).zstdDecompress;
  if (native !== undefined) return promisify(native)(body, { maxOutputLength: limitBytes });
  checkZstdWindow(body);
  const { Decompress } = await import('fzstd');
  const parts: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((chunk) => {
    size += chunk.length;
    if (size > limitBytes) throw tooLarge(limitBytes);
    parts.push(chunk);
  });
  for (let at = 0; at < body.length; at += ZSTD_INPUT_STEP_BYTES) {
    stream.push(body.subarray(at, at + ZSTD_INPUT_STEP_BYTES), at + ZSTD_INPUT_STEP_BYTES >= body.length);
  }
  if (size === 0) throw new Error('no complete zstd frame');
  return Buffer.concat(parts);
}

/** Reads the window size of the first frame (RFC 8878, 3.1.1.1.2): the decoder reserves it before the first byte. */
function checkZstdWindow(body: Buffer): void {
  if (body.length < 6 || body.readUInt32LE(0) !== 0xfd2fb528) throw new Error('not a zstd frame');
  const descriptor = body.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  if (singleSegment) return;
  const window = body.readUInt8(5);
  const base = 2 ** (10 + (window >> 3));
  if (base + (base / 8) * (window & 7) > MAX_ZSTD_WINDOW_BYTES) {
    throw new SwitchyardError('INGRESS_BODY_TOO_LARGE', 'The zstd frame asks for a larger window than is allowed.');
  }
}
