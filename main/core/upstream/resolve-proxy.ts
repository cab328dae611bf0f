type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The outbound proxy for one origin: undefined means direct. `setting` is `direct`, `environment` or a proxy URL.
 * The environment follows curl: http_proxy, HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case; loopback is always direct.
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

function either(env: Environment, name: string): string | undefined {
  const value = env[name.toLowerCase()] ?? env[name];
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

function bypassed(url: URL, list: string | undefined): boolean {
  if (list === undefined) return false;
  return list.split(/[\s,]+/).some((entry) => entry !== '' && matchesEntry(url, entry.toLowerCase()));
}

function matchesEntry(url: URL, entry: string): boolean {
  if (entry === '*') return true;
  const [, host = entry, port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (port !== undefined && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false;
  const suffix = host.replace(/^\*?\./, '');
  const name = url.hostname.toLowerCase();
  return name === suffix || name.endsWith(`.${suffix}`);
}
