import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { SwitchyardError } from '../../../../shared/errors/switchyard-error.js';
import { bodyTooLarge } from './body-too-large.js';
import { decodeZstd } from './decode-zstd.js';

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
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw bodyTooLarge('decoded', limitBytes);
    throw new SwitchyardError('INGRESS_BAD_ENCODING', `The body is not valid ${layer}.`, {}, { cause: error });
  }
}

/** `deflate` means zlib by the standard and raw deflate by custom; both are taken. */
async function decodeDeflate(body: Buffer, limitBytes: number): Promise<Buffer> {
  const looksZlib = body.length >= 2 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
  return looksZlib ? inflate(body, { maxOutputLength: limitBytes }) : inflateRaw(body, { maxOutputLength: limitBytes });
}
