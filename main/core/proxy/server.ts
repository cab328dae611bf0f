import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import type { Protocol } from '../../../shared/domain/protocol.js';
import type { TurnFacts } from '../../../shared/domain/routing.js';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorBody } from '../protocols/synthetic-events.js';
import { modelListPaths, modelPaths } from './model-paths.js';
import { listModels } from './models-list.js';
import { registerPassthrough } from './passthrough.js';
import { createPipeline } from './pipeline.js';
import type { ProxyDeps } from './proxy-deps.js';
import { authenticate } from './stages/authenticate.js';
import { createStreamWatch } from './stages/stream-watch.js';

/** Bodies are read by the pipeline, which knows the limit of the day; fastify only needs one that is never smaller. */
const BODY_LIMIT_BYTES = 1024 * 1024 * 1024;

/** Makes the HTTP server of the relay: model paths, model lists, and everything else to the active provider. */
export function createProxyServer(deps: ProxyDeps): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: BODY_LIMIT_BYTES, exposeHeadRoutes: false });
  app.setErrorHandler((error, request, reply) => {
    const known = asKnown(error, deps, request.id);
    void reply
      .status(known.status)
      .headers(upgradeHeader(known))
      .send(errorBody('responses', errorOf(known, request.id, deps), known.status));
  });
  const pipeline = createPipeline(deps, createStreamWatch(deps.clock));
  void app.register((scope, _options, done) => {
    leaveBodiesAlone(scope);
    for (const [url, kind] of Object.entries(modelPaths)) {
      scope.post(url, (request, reply) => {
        reply.hijack();
        pipeline
          .run(request.raw, reply.raw, kind)
          .catch((error: unknown) => answerError(deps, reply.raw, request.raw, kind.protocol, error));
      });
    }
    done();
  });
  for (const url of modelListPaths) {
    app.get(url, async (request) => {
      const { server } = deps.snapshot().config;
      const caller = authenticate({
        request: request.raw,
        allowedHosts: [server.host, ...server.allowed_hosts],
        clientKeys: deps.clientKeys(),
      });
      return listModels(
        deps,
        listFacts(url, request.raw, caller.clientKey),
        request.raw.rawHeaders,
        request.raw.url ?? url,
        caller.clientKey !== undefined,
      );
    });
  }
  registerPassthrough(app, deps);
  return app;
}

function leaveBodiesAlone(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

function listFacts(path: string, request: IncomingMessage, clientKey: string | undefined): TurnFacts {
  return {
    protocol: 'responses',
    method: 'GET',
    path,
    model: undefined,
    stream: false,
    session: undefined,
    project: undefined,
    clientKey,
    headers: request.headers as TurnFacts['headers'],
    stateBound: false,
  };
}

function asKnown(error: unknown, deps: ProxyDeps, where: string): SwitchyardError {
  if (isSwitchyardError(error)) return error;
  const fastifyError = error as { code?: string; statusCode?: number; message?: string };
  if (fastifyError.code?.startsWith('FST_') === true && (fastifyError.statusCode ?? 500) < 500) {
    return new SwitchyardError('INGRESS_BAD_REQUEST', fastifyError.message);
  }
  deps.logger.error('unexpected error', {
    where,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new SwitchyardError('BUG_UNEXPECTED');
}

function errorOf(error: SwitchyardError, turnId: string, deps: ProxyDeps) {
  return { code: error.code, message: error.message, turnId, nowMs: deps.clock.now() };
}

function upgradeHeader(error: SwitchyardError): Record<string, string> {
  return error.code === 'INGRESS_WEBSOCKET_UNSUPPORTED' ? { connection: 'close' } : {};
}

/** Answers a request that never became a turn, or whose turn hit a bug. */
function answerError(
  deps: ProxyDeps,
  response: ServerResponse,
  request: IncomingMessage,
  protocol: Protocol,
  error: unknown,
): void {
  const turnId = deps.random.uuid();
  const known = asKnown(error, deps, turnId);
  deps.logger.info('request refused', { code: known.code, path: request.url, turnId });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(errorBody(protocol, errorOf(known, turnId, deps), known.status));
  const closes = !request.complete;
  response.writeHead(known.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-switchyard-turn': turnId,
    ...(closes ? { connection: 'close' } : {}),
  });
  response.end(body);
  if (closes) request.resume();
}
