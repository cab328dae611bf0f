import { BlockList, isIP } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The outbound proxy for one origin: undefined means direct. `setting` is `direct`, `environment` or a proxy URL.
 * The environment follows curl: http_proxy, HTTPS_PROXY, ALL_PROXY and NO_PROXY (names, addresses, networks)
 * in either case; loopback is always direct.
 */
export function resolveProxy(setting: string, origin: string, env: Environment): string | undefined {
  if (setting === 'direct') return undefined;
  if (setting !== 'environment') return setting;
  const url = new URL(origin);
  if (isLoopback(url.hostname) || bypassed(url, either(env, 'NO_PROXY'))) return undefined;
  const own = either(env, url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  const value = own ?? either(env, 'ALL_PROXY');
  if (value === undefined) return undefined;
  return value.includes('://') ? value : `http://${value}`;
}

/** True for names and addresses that never leave this machine. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** As in curl an empty variable counts as none. */
function either(env: Environment, name: string): string | undefined {
  return present(env[name.toLowerCase()]) ?? present(env[name]);
}

function present(value: string | undefined): string | undefined {
  const trimmed = value?.trim() ?? '';
  return trimmed === '' ? undefined : trimmed;
}

function bypassed(url: URL, list: string | undefined): boolean {
  if (list === undefined) return false;
  return list.split(/[\s,]+/).some((entry) => entry !== '' && matchesEntry(url, entry.toLowerCase()));
}

function matchesEntry(url: URL, entry: string): boolean {
  if (entry === '*') return true;
  const name = url.hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
  if (entry.includes('/')) return inNetwork(name, entry);
  const { host, port } = splitPort(entry);
  if (port !== undefined && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false;
  const suffix = host.replace(/^\*?\./, '').replace(/\.$/, '');
  return name === suffix || (isIP(name) === 0 && name.endsWith(`.${suffix}`));
}

/** `name:port`, `[address]:port`, or an IPv6 address, whose last colon begins no port. */
function splitPort(entry: string): { readonly host: string; readonly port: string | undefined } {
  if (isIP(entry) === 6) return { host: entry, port: undefined };
  const [, host = entry, port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry) ?? [];
  return { host, port };
}

/** An address inside `10.0.0.0/8`, as curl takes it since 7.86. */
function inNetwork(name: string, entry: string): boolean {
  const [network = '', prefix = ''] = entry.replace(/[[\]]/g, '').split('/');
  const family = isIP(network);
  if (family === 0 || isIP(name) !== family || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128))
    return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), type);
  return list.check(name, type);
}
