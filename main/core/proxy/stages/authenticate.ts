import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { SwitchyardError } from '../../../../shared/errors/switchyard-error.js';
import { isLoopback } from '../../upstream/resolve-proxy.js';

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
  if (headers.origin !== undefined && !isOwnOrigin(headers.origin, headers.host, input.allowedHosts)) {
    throw new SwitchyardError(
      'INGRESS_HOST_REFUSED',
      `Requests from the web page ${JSON.stringify(headers.origin)} are refused.`,
    );
  }
  if (input.clientKeys.size === 0) return anyone;
  const given = presentedKeys(input.request);
  for (const [name, key] of input.clientKeys) {
    if (key !== undefined && given.some((each) => sameText(each, key))) return { clientKey: name };
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

/** A page of this machine, of a configured name, or of the very address it calls; any other address is a foreign page. */
function isOwnOrigin(origin: string, host: string | undefined, allowed: readonly string[]): boolean {
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  if (page.protocol !== 'http:' && page.protocol !== 'https:') return false;
  return (
    isLoopback(page.hostname) ||
    page.host === host?.toLowerCase() ||
    allowed.some((each) => hostname(each) === hostname(page.host))
  );
}

function hostname(host: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase();
}

/** A client may send its own login as one and our key as the other. */
function presentedKeys(request: IncomingMessage): readonly string[] {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  const plain = request.headers['x-api-key'];
  return [bearer, plain].filter((key) => typeof key === 'string' && key !== '') as string[];
}

function sameText(left: string, right: string): boolean {
  const a = Buffer.from(left);
  const b = Buffer.from(right);
  return a.length === b.length && timingSafeEqual(a, b);
}
