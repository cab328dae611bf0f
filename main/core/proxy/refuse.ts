import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Protocol } from '../../../shared/domain/protocol.js';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorBody, type RelayError } from '../protocols/synthetic-events.js';
import type { ProxyDeps } from './proxy-deps.js';

/** A client that is still sending when it is refused may go on for this long, so that it comes to read why. */
const LINGER_MS = 10_000;

/** The error a client may be told of; anything that is not one of ours is logged as a bug. */
export function asKnown(error: unknown, deps: ProxyDeps, where: string): SwitchyardError {
  if (isSwitchyardError(error)) return error;
  const fastifyError = error as { code?: string; statusCode?: number; message?: string };
  if (fastifyError.code?.startsWith('FST_') === true && (fastifyError.statusCode ?? 500) < 500) {
    return new SwitchyardError('INGRESS_BAD_REQUEST', fastifyError.message);
  }
  deps.logger.error('unexpected error', {
    where,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new SwitchyardError('BUG_UNEXPECTED');
}

/** The same error as the protocols say it. */
export function errorOf(error: SwitchyardError, turnId: string, deps: ProxyDeps): RelayError {
  return { code: error.code, message: error.message, turnId, nowMs: deps.clock.now() };
}

/** Answers a request that never became a turn, or whose turn hit a bug. */
export function refuseRequest(
  deps: ProxyDeps,
  response: ServerResponse,
  request: IncomingMessage,
  protocol: Protocol,
  error: unknown,
): void {
  const turnId = deps.random.uuid();
  const known = asKnown(error, deps, turnId);
  deps.logger.info('request refused', { code: known.code, path: request.url?.split('?', 1)[0], turnId });
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(errorBody(protocol, errorOf(known, turnId, deps), known.status));
  response.writeHead(known.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-switchyard-turn': turnId,
    ...(request.complete ? {} : { connection: 'close' }),
  });
  if (request.complete) response.end(body);
  else endAfterBody(deps, response, request, body);
}

/** Closing on a client that is sending would reset the connection and lose the answer (RFC 9112, 9.6). */
function endAfterBody(deps: ProxyDeps, response: ServerResponse, request: IncomingMessage, body: string): void {
  const end = (): void => {
    cancel();
    response.end();
  };
  const cancel = deps.clock.after(LINGER_MS, end);
  request.once('end', end);
  request.once('close', end);
  response.write(body);
  request.resume();
}

/** Answers what is no HTTP request; nothing is said in the middle of another answer. */
export function refuseGarbage(deps: ProxyDeps, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const turnId = deps.random.uuid();
  deps.logger.info('request refused', { code: 'INGRESS_BAD_REQUEST', reason: error.code, turnId });
  const known = new SwitchyardError('INGRESS_BAD_REQUEST', garbageMessage(error.code));
  const body = JSON.stringify(errorBody('responses', errorOf(known, turnId, deps), known.status));
  socket.end(
    `HTTP/1.1 ${garbageStatus(error.code)}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `x-switchyard-turn: ${turnId}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroySoon(),
  );
}

function garbageStatus(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
}

function garbageMessage(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'The headers of the request are too large.';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'The request took too long to arrive.' : 'This is not an HTTP request.';
}
