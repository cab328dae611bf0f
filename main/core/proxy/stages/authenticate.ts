import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { SwitchyardError } from '../../../../shared/errors/switchyard-error.js';

/** Who may call. */
export interface AuthenticateInput {
  readonly request: IncomingMessage;
  readonly allowedHosts: readonly string[];
  /** By name; a key that does not resolve admits nobody. */
  readonly clientKeys: ReadonlyMap<string, string | undefined>;
}

/** Who called. */
export interface Caller {
  /** Name of the client key; undefined where none is set up. */
  readonly clientKey: string | undefined;
}

const anyone: Caller = { clientKey: undefined };

/**
 * Lets a request in. A Host that is a foreign name is refused, because a web page could have bound that name to
 * this machine; so is every foreign Origin. @throws SwitchyardError INGRESS_HOST_REFUSED, INGRESS_UNAUTHORIZED
 */
export function authenticate(input: AuthenticateInput): Caller {
  const { headers } = input.request;
  if (!isOwnHost(headers.host, input.allowedHosts)) {
    throw new SwitchyardError(
      'INGRESS_HOST_REFUSED',
      `The Host header ${JSON.stringify(headers.host ?? '')} is not a name of this relay.`,
    );
  }
  if (headers.origin !== undefined && !isOwnOrigin(headers.origin, input.allowedHosts)) {
    throw new SwitchyardError(
      'INGRESS_HOST_REFUSED',
      `Requests from the web page ${JSON.stringify(headers.origin)} are refused.`,
    );
  }
  if (input.clientKeys.size === 0) return anyone;
  const given = presentedKey(input.request);
  for (const [name, key] of input.clientKeys) {
    if (given !== undefined && key !== undefined && sameText(given, key)) return { clientKey: name };
  }
  throw new SwitchyardError('INGRESS_UNAUTHORIZED');
}

/** True for IP addresses, localhost and the configured names; the port does not matter. */
export function isOwnHost(host: string | undefined, allowed: readonly string[]): boolean {
  if (host === undefined) return false;
  if (host.startsWith('127.0.0.1:')) return true;
  const name = hostname(host);
  return (
    name === 'localhost' || name.endsWith('.localhost') || isIP(name) !== 0 || allowed.some((each) => hostname(each) === name)
  );
}

function isOwnOrigin(origin: string, allowed: readonly string[]): boolean {
  return URL.canParse(origin) && isOwnHost(new URL(origin).host, allowed);
}

function hostname(host: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}

function presentedKey(request: IncomingMessage): string | undefined {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '');
  const plain = request.headers['x-api-key'];
  return bearer?.[1] ?? (typeof plain === 'string' ? plain : undefined);
}

function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}
