import { Pool, ProxyAgent, type Dispatcher } from 'undici';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import { resolveProxy } from './resolve-proxy.js';

/** Connection pools, one for each origin, outbound proxy and connect timeout; made on first use. */
export interface Dispatchers {
  /** The pool for an endpoint's origin; another proxy setting gives another pool, so the next turn follows it. */
  for(endpoint: Pick<Endpoint, 'proxy' | 'connectTimeoutMs'>, origin: string): Promise<Dispatcher> | Dispatcher;
  /** Destroys every connection. */
  close(): Promise<void>;
}

/** Sockets to one upstream at most; streams hold one each. */
const MAX_CONNECTIONS = 512;
const KEEP_ALIVE_MS = 30_000;

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
            : proxiedPool(origin, proxy, endpoint.connectTimeoutMs);
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

async function proxiedPool(origin: string, proxy: string, connectTimeoutMs: number): Promise<Dispatcher> {
  const url = new URL(proxy);
  if (!url.protocol.startsWith('socks')) {
    return new ProxyAgent({ uri: proxy, bodyTimeout: 0, headersTimeout: 0, connectTimeout: connectTimeoutMs, proxyTunnel: true });
  }
  const { socksConnector } = await import('fetch-socks');
  const connect = socksConnector(
    {
      type: 5,
      host: url.hostname,
      port: Number(url.port || 1080),
      ...(url.username === '' ? {} : { userId: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
    },
    { timeout: connectTimeoutMs },
  );
  return new Pool(origin, { ...poolOptions(connectTimeoutMs), connect });
}
