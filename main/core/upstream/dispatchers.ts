import { Pool, ProxyAgent, type Dispatcher } from 'undici';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import { resolveProxy } from './resolve-proxy.js';

/** Connection pools, one for each origin, outbound proxy and connect timeout; made on first use. */
export interface Dispatchers {
  /** The pool for an endpoint's origin; fails where the outbound proxy has no usable address. Another proxy setting gives another pool, so the next turn follows it. */
  for(endpoint: Pick<Endpoint, 'proxy' | 'connectTimeoutMs'>, origin: string): Promise<Dispatcher> | Dispatcher;
  /** Destroys every connection. */
  close(): Promise<void>;
}

/** Sockets to one upstream at most; streams hold one each. */
const MAX_CONNECTIONS = 512;
const KEEP_ALIVE_MS = 30_000;
/** Code of errors that come from an outbound proxy, not from the upstream behind it. */
export const OUTBOUND_PROXY_FAILED = 'OUTBOUND_PROXY_FAILED';

/** Makes the pools; `env` is the environment the process was started with. */
export function createDispatchers(env: Readonly<Record<string, string | undefined>>): Dispatchers {
  const pools = new Map<string, Promise<Dispatcher> | Dispatcher>();
  return {
    for(endpoint, origin) {
      const key = `${origin} ${endpoint.proxy} ${endpoint.connectTimeoutMs}`;
      let pool = pools.get(key);
      if (pool === undefined) {
        const proxy = resolveProxy(endpoint.proxy, origin, env);
        pool =
          proxy === undefined
            ? directPool(origin, endpoint.connectTimeoutMs)
            : proxiedPool(origin, proxyUrl(proxy), endpoint.connectTimeoutMs);
        pools.set(key, pool);
      }
      return pool;
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map(async (pool) => (await pool).destroy()));
    },
  };
}

function poolOptions(connectTimeoutMs: number): Pool.Options {
  return {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    bodyTimeout: 0,
    headersTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: { timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
  };
}

function directPool(origin: string, connectTimeoutMs: number): Dispatcher {
  return new Pool(origin, poolOptions(connectTimeoutMs));
}

const proxyProtocols: ReadonlySet<string> = new Set(['http:', 'https:', 'socks:', 'socks5:', 'socks5h:']);

/** The value may come from the environment, which nobody checked; it may hold a password, so it is not quoted. */
function proxyUrl(proxy: string): URL {
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url === undefined || !proxyProtocols.has(url.protocol))
    throw proxyFailure('its address is not an http, https or socks5 URL');
  return url;
}

/** Such an error proves that the upstream was not reached. */
function proxyFailure(message: string): Error {
  return Object.assign(new Error(`outbound proxy: ${message}`), { code: OUTBOUND_PROXY_FAILED });
}

async function proxiedPool(origin: string, url: URL, connectTimeoutMs: number): Promise<Dispatcher> {
  if (!url.protocol.startsWith('socks')) {
    return new ProxyAgent({
      uri: url.href,
      bodyTimeout: 0,
      headersTimeout: 0,
      connectTimeout: connectTimeoutMs,
      proxyTunnel: true,
    });
  }
  const { socksConnector } = await import('fetch-socks');
  const connectThrough = socksConnector(
    {
      type: 5,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 1080),
      ...(url.username === '' ? {} : { userId: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
    },
    { timeout: connectTimeoutMs },
  );
  const connect: typeof connectThrough = (options, done) =>
    connectThrough(options, (...[error, socket]) =>
      error === null ? done(null, socket) : done(proxyFailure(error.message), null),
    );
  return new Pool(origin, { ...poolOptions(connectTimeoutMs), connect });
}
