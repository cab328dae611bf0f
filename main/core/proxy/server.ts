import type { IncomingMessage } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import type { TurnFacts } from '../../../shared/domain/routing.js';
import type { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorBody } from '../protocols/synthetic-events.js';
import { modelListPaths, modelPaths } from './model-paths.js';
import { listModels } from './models-list.js';
import { registerPassthrough } from './passthrough.js';
import { createPipeline } from './pipeline.js';
import { admit } from './admit.js';
import type { ProxyDeps } from './proxy-deps.js';
import { asKnown, errorOf, refuseGarbage, refuseRequest } from './refuse.js';
import { createStreamWatch } from './stages/stream-watch.js';

/** Bodies are read by the pipeline, which knows the limit of the day; fastify only needs one that is never smaller. */
const BODY_LIMIT_BYTES = 1024 * 1024 * 1024;

/** Makes the HTTP server of the relay: model paths, model lists, and everything else to the active provider. */
export function createProxyServer(deps: ProxyDeps): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    exposeHeadRoutes: false,
    // A request without Host is answered by our own guard, with a code.
    http: { requireHostHeader: false },
    clientErrorHandler: (error, socket) => refuseGarbage(deps, error, socket),
  });
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
          .catch((error: unknown) => refuseRequest(deps, reply.raw, request.raw, kind.protocol, error));
      });
    }
    done();
  });
  for (const url of modelListPaths) {
    app.get(url, async (request) => {
      const caller = admit(deps, request.raw);
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

function upgradeHeader(error: SwitchyardError): Record<string, string> {
  return error.code === 'INGRESS_WEBSOCKET_UNSUPPORTED' ? { connection: 'close' } : {};
}
