import httpProxy from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { requestHeaders } from '../upstream/headers.js';
import { targetOf } from '../upstream/target-url.js';
import type { ProxyDeps } from './proxy-deps.js';
import { authenticate } from './stages/authenticate.js';

const HEADERS_TIMEOUT_MS = 600_000;
const MIB = 1024 * 1024;

/** Sends every path we do not model to the active provider, streaming both ways; there is no failover here. */
export function registerPassthrough(app: FastifyInstance, deps: ProxyDeps): void {
  void app.register(httpProxy, {
    upstream: '',
    prefix: '/',
    undici: { connections: 128, pipelining: 1, headersTimeout: HEADERS_TIMEOUT_MS, bodyTimeout: 0 },
    preHandler: (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void) => {
      try {
        guard(deps, request);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    handler: (request: FastifyRequest, reply: FastifyReply) => forward(deps, request, reply),
    replyOptions: {
      // Asked for checking the path only; the handler names the upstream of each request itself.
      getUpstream: () => originOf(deps),
      onError: (reply, { error }) => {
        const failure = new SwitchyardError('UPSTREAM_UNREACHABLE', error.message);
        void reply.status(failure.status).send({ error: { code: failure.code, message: failure.message } });
      },
    },
  });
}

function guard(deps: ProxyDeps, request: FastifyRequest): void {
  const { server } = deps.snapshot().config;
  authenticate({ request: request.raw, allowedHosts: [server.host, ...server.allowed_hosts], clientKeys: deps.clientKeys() });
  if (request.headers.upgrade !== undefined) throw new SwitchyardError('INGRESS_WEBSOCKET_UNSUPPORTED');
  if (Number(request.headers['content-length'] ?? 0) > server.max_body_mb * MIB)
    throw new SwitchyardError('INGRESS_BODY_TOO_LARGE');
  if (activeEndpoint(deps) === undefined)
    throw new SwitchyardError('ROUTE_NO_PROVIDERS', 'No enabled provider can take this request.');
}

/** The pinned, else the active, else the first enabled provider's first endpoint. */
function activeEndpoint(deps: ProxyDeps): Endpoint | undefined {
  const { config, endpoints } = deps.snapshot();
  const enabled = endpoints.filter((endpoint) => endpoint.enabled && deps.credential(endpoint).state !== 'missing');
  const wanted = config.routing.pinned ?? config.routing.active;
  return enabled.find((endpoint) => endpoint.provider === wanted) ?? enabled[0];
}

function originOf(deps: ProxyDeps): string {
  const endpoint = activeEndpoint(deps);
  if (endpoint === undefined) throw new SwitchyardError('ROUTE_NO_PROVIDERS');
  return targetOf(endpoint.baseUrl, '/').origin;
}

function forward(deps: ProxyDeps, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const endpoint = activeEndpoint(deps);
  if (endpoint === undefined) throw new SwitchyardError('ROUTE_NO_PROVIDERS');
  const target = targetOf(endpoint.baseUrl, request.raw.url ?? '/');
  const credential = deps.credential(endpoint);
  return reply.from(target.path, {
    getUpstream: () => target.origin,
    rewriteRequestHeaders: (_request, headers) => {
      const list = requestHeaders({
        raw: request.raw.rawHeaders,
        endpoint,
        credential,
        clientUsedOurKey: deps.clientKeys().size > 0,
        bodyLength: 0,
        decoded: false,
        identity: false,
      }).slice(0, -2);
      const out: Record<string, string> = {};
      for (let index = 0; index + 1 < list.length; index += 2) out[(list[index] ?? '').toLowerCase()] = list[index + 1] ?? '';
      const length = headers['content-length'];
      return { ...out, host: new URL(target.origin).host, ...(length === undefined ? {} : { 'content-length': length }) };
    },
  });
}
