/** Where this relay listens: the address of the config, of the running listener, and the machine's own names. */
export interface OwnAddress {
  readonly ports: readonly number[];
  /** Host names and addresses besides loopback that lead back to this relay. */
  readonly hosts: readonly string[];
}

/** True for the names and addresses of this machine that never leave it, and for the wildcard addresses. */
export function isLoopback(host: string): boolean {
  const name = plainHost(host);
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    /^127(\.\d{1,3}){3}$/.test(name) ||
    name === '::1' ||
    isMappedLoopback(name)
  );
}

/** True when a URL leads back to this relay. */
export function isOwnAddress(url: URL, own: OwnAddress): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (!own.ports.includes(port)) return false;
  const name = plainHost(url.hostname);
  return isLoopback(name) || isWildcard(name) || own.hosts.some((host) => plainHost(host) === name);
}

/** True for an address that stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return ['0.0.0.0', '::', '0', ''].includes(plainHost(host));
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function isMappedLoopback(name: string): boolean {
  return name.startsWith('::ffff:127.') || name.startsWith('::ffff:7f');
}
