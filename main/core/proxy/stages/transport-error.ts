import { OUTBOUND_PROXY_FAILED } from '../../upstream/dispatchers.js';

/** The code of a connection error, its own or its cause's. */
export function errorCode(error: Error): { readonly code?: string } {
  const own = (error as NodeJS.ErrnoException).code;
  const cause = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  const code = own ?? cause;
  return code === undefined ? {} : { code };
}

const connectCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_PRX_TLS',
  // What undici calls a tunnel that an outbound proxy refuses; our own aborts are never reported.
  'UND_ERR_ABORTED',
  OUTBOUND_PROXY_FAILED,
]);

/** How far an exchange had come when it broke before any answer. */
export function phaseOf(error: Error): 'connect' | 'headers' {
  const { code } = errorCode(error);
  return code !== undefined && (connectCodes.has(code) || code.startsWith('ERR_TLS') || code.startsWith('CERT_'))
    ? 'connect'
    : 'headers';
}
