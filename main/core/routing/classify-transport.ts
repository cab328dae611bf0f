import type { AttemptFailure } from '../../../shared/domain/routing.js';
import { buildFailure } from './build-failure.js';
import { maskSecrets } from './mask-secrets.js';

/** An error of the connection, as undici or Node reports it. */
export interface TransportError {
  readonly code?: string;
  readonly message: string;
  /** connect: no request was sent yet; headers: sent, no answer yet; body: the answer had begun. */
  readonly phase: 'connect' | 'headers' | 'body';
}

const timeoutCodes: ReadonlySet<string> = new Set([
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'TimeoutError',
]);

/** Codes that prove that no byte of the request was read by the upstream, in whatever phase they surface. */
const explanations: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be looked up',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'no local address free for the connection',
  UND_ERR_CONNECT_TIMEOUT: 'no connection within the connect timeout',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS certificate is for another host',
  CERT_HAS_EXPIRED: 'TLS certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS certificate chain has a self-signed certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS certificate cannot be verified',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS certificate of an unknown issuer',
};

const lateExplanations: Readonly<Record<string, string>> = {
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed while sending',
  UND_ERR_SOCKET: 'connection closed',
  UND_ERR_HEADERS_TIMEOUT: 'no answer within the time limit',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped',
  ETIMEDOUT: 'connection timed out',
};

const phases: Readonly<Record<TransportError['phase'], string>> = {
  connect: 'while connecting',
  headers: 'before an answer',
  body: 'while reading the answer',
};

/** The failure of an attempt that ended in an error of the connection. */
export function classifyTransport(error: TransportError): AttemptFailure {
  const code = error.code ?? '';
  const early = Object.hasOwn(explanations, code) ? explanations[code] : undefined;
  const late = Object.hasOwn(lateExplanations, code) ? lateExplanations[code] : undefined;
  const detail = maskSecrets(error.message).replace(/\s+/g, ' ').trim().slice(0, 300);
  const what = early ?? late ?? (detail === '' ? 'connection failed' : detail);
  return buildFailure({
    class: timeoutCodes.has(code) ? 'timeout' : 'transport',
    message: early === undefined && !timeoutCodes.has(code) ? `${what} ${phases[error.phase]}` : what,
    code: error.code,
    reached: error.phase !== 'connect' && early === undefined,
  });
}
