import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { requestHeaders } from '../upstream/headers.js';
import { targetOf } from '../upstream/target-url.js';
import { createOutlet, type Outlet } from './passthrough-outlet.js';
import { admit } from './admit.js';
import type { ProxyDeps } from './proxy-deps.js';

type ReplyOptions = NonNullable<FastifyHttpProxyOptions['replyOptions']>;

const MIB = 1024 * 1024;

/** Sends every path we do not model to the active provider, streaming both ways; nothing is retried and there is no failover here. */
export function registerPassthrough(app: FastifyInstance, deps: ProxyDeps): void {
  const outlet = createOutlet(deps.dispatchers);
  void app.register((scope, _options, done) => {
    // Fastify reads text/plain as text, which would change bytes that are none.
    scope.removeAllContentTypeParsers();
    void scope.register(httpProxy, {
      upstream: '',
      prefix: '/',
      undici: { request: outlet.request },
      preHandler: (request: FastifyRequest, _reply: FastifyReply, next: (error?: Error) => void) => {
        try {
          guard(deps, request);
          next();
        } catch (error) {
          next(error as Error);
        }
      },
      handler: (request: FastifyRequest, reply: FastifyReply, _path: string, options: ReplyOptions) =>
        forward(deps, outlet, request, reply, options),
      // Asked for checking the path only; the handler names the upstream of each request itself.
      replyOptions: { getUpstream: () => originOf(deps), retryDelay: () => null, onError: answerUnreachable },
    });
    done();
  });
}

const answerUnreachable: ReplyOptions['onError'] = (reply, { error }) => {
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  const failure = new SwitchyardError('UPSTREAM_UNREACHABLE', cause === '' ? undefined : cause);
  void reply.status(failure.status).send({ error: { code: failure.code, message: failure.message } });
};

function guard(deps: ProxyDeps, request: FastifyRequest): void {
  const { server } = deps.snapshot().config;
  admit(deps, request.raw);
  // Other upgrades, such as to h2c, may be ignored (RFC 9110, 7.8).
  if (request.headers.upgrade?.toLowerCase() === 'websocket') throw new SwitchyardError('INGRESS_WEBSOCKET_UNSUPPORTED');
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

function forward(
  deps: ProxyDeps,
  outlet: Outlet,
  request: FastifyRequest,
  reply: FastifyReply,
  options: ReplyOptions,
): FastifyReply {
  const endpoint = activeEndpoint(deps);
  if (endpoint === undefined) throw new SwitchyardError('ROUTE_NO_PROVIDERS');
  const target = targetOf(endpoint.baseUrl, request.raw.url ?? '/');
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return outlet.through({ endpoint, signal: gone.signal }, () =>
    reply.from(target.path, {
      ...options,
      getUpstream: () => target.origin,
      rewriteRequestHeaders: (_request, headers) => headersFor(deps, request, endpoint, target.origin, headers['content-length']),
    }),
  );
}

function headersFor(
  deps: ProxyDeps,
  request: FastifyRequest,
  endpoint: Endpoint,
  origin: string,
  length: string | undefined,
): Record<string, string> {
  const list = requestHeaders({
    raw: request.raw.rawHeaders,
    endpoint,
    credential: deps.credential(endpoint),
    clientUsedOurKey: deps.clientKeys().size > 0,
    bodyLength: 0,
    decoded: false,
    identity: false,
  }).slice(0, -2);
  const out: Record<string, string> = {};
  for (let index = 0; index + 1 < list.length; index += 2) out[(list[index] ?? '').toLowerCase()] = list[index + 1] ?? '';
  return { ...out, host: new URL(origin).host, ...(length === undefined ? {} : { 'content-length': length }) };
}
