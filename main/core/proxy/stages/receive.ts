import type { IncomingMessage } from 'node:http';
import { SwitchyardError } from '../../../../shared/errors/switchyard-error.js';
import type { ReceivedBody } from '../turn.js';
import { bodyTooLarge } from './body-too-large.js';
import { decodeBody } from './decode-body.js';

const MIB = 1024 * 1024;

/** Reads a whole request body into one buffer, refusing early what is too long. @throws SwitchyardError INGRESS_BODY_TOO_LARGE, INGRESS_BAD_REQUEST */
export function collectBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
      reject(bodyTooLarge('request', limitBytes));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limitBytes) {
        chunks.push(chunk);
        return;
      }
      request.off('data', onData);
      reject(bodyTooLarge('request', limitBytes));
    };
    request.on('data', onData);
    request.once('end', () => {
      const only = chunks[0];
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size));
    });
    request.once('error', () =>
      reject(new SwitchyardError('INGRESS_BAD_REQUEST', 'The request ended before its body was complete.')),
    );
    request.once('aborted', () =>
      reject(new SwitchyardError('INGRESS_BAD_REQUEST', 'The client went away before its body was complete.')),
    );
  });
}

/** Decodes a body for reading and decides what goes upstream. @throws SwitchyardError INGRESS_* */
export async function receive(
  request: IncomingMessage,
  bytes: Buffer,
  options: { readonly maxBodyMb: number; readonly encoding: 'decode' | 'passthrough' },
): Promise<ReceivedBody> {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity' || bytes.length === 0) return { bytes, wire: bytes, decoded: false };
  const decoded = await decodeBody(bytes, encoding, options.maxBodyMb * MIB);
  return options.encoding === 'passthrough'
    ? { bytes: decoded, wire: bytes, decoded: false }
    : { bytes: decoded, wire: decoded, decoded: true };
}
