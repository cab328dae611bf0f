/** Who may call, by the headers a browser cannot forge. */
export interface HostGuardInput {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Names besides loopback by which this relay may be called, with or without a port. */
  readonly allowedHosts: readonly string[];
}

/** Undefined when the call may go on, else why not: a foreign Host is DNS rebinding, a foreign Origin is another web page. */
export function refuseForeign(input: HostGuardInput): string | undefined {
  const { host, origin } = input;
  if (host === undefined || host === '') return 'The request has no Host header.';
  if (!isOwnHost(host, input.allowedHosts)) return 'The Host header names another machine than this relay.';
  if (origin !== undefined && !isSameOrigin(origin, host)) return 'The Origin header names another site than this relay.';
  return undefined;
}

function isOwnHost(host: string, allowedHosts: readonly string[]): boolean {
  const name = hostName(host);
  if (name === undefined) return false;
  const loopback = name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
  return loopback || allowedHosts.some((allowed) => allowed.toLowerCase() === host.toLowerCase() || hostName(allowed) === name);
}

function isSameOrigin(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  const scheme = url.protocol === 'http:' || url.protocol === 'https:';
  // Through URL, so that a default port and letter case do not matter.
  return scheme && URL.canParse(`${url.protocol}//${host}`) && new URL(`${url.protocol}//${host}`).host === url.host;
}

/** The name of a Host value without its port, as a URL would hold it; undefined when it is not one. */
function hostName(host: string): string | undefined {
  const bare = /^[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*$/i.test(host) ? `[${host}]` : host;
  if (/[/?#@\\\s]/.test(bare) || !URL.canParse(`http://${bare}`)) return undefined;
  return new URL(`http://${bare}`).hostname.replace(/\.$/, '');
}
