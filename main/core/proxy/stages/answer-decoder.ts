import type { Duplex } from 'node:stream';
import zlib from 'node:zlib';

/** Undoes the compression of an upstream answer, so that it can be read on its way; undefined where there is none we know. */
export function decoderFor(encoding: string | undefined): Duplex | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    default:
      return undefined;
  }
}
