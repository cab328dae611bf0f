import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { controlInputs, type Control, type ControlCall } from '../../../shared/control/contract.js';
import type { CoreEvent } from '../../../shared/control/events.js';
import { CONTROL_PREFIX } from '../../../shared/control/host-record.js';
import { errorCodes } from '../../../shared/errors/codes.js';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { isLoopback } from '../config/self-loop.js';
import type { Ledger } from '../ledger/ledger.js';
import { redactText } from '../ledger/redact.js';
import type { Clock, Logger } from '../ports.js';
import { createEventStreams } from './event-stream.js';
import { refuseForeign } from './host-guard.js';

/** What the control routes need. */
export interface ControlRouteDeps {
  readonly control: Control;
  readonly token: string;
  readonly version: string;
  readonly onEvent: (listener: (event: CoreEvent) => void) => () => void;
  /** Names besides loopback by which this relay may be called: its own host and `[server] allowed_hosts`. */
  readonly allowedHosts: () => readonly string[];
  readonly ledger: Pick<Ledger, 'metrics'>;
  /** True when a turn could be served. */
  readonly ready: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const BODY_LIMIT_BYTES = 1024 * 1024;

/** Adds `/_switchyard/*` to a server: control calls, live events, health, readiness and metrics, apart from the model paths' hooks. */
export function registerControlRoutes(app: FastifyInstance, deps: ControlRouteDeps): void {
  void app.register(
    (scope, _options, done) => {
      acceptJsonOnly(scope);
      scope.setErrorHandler((error, _request, reply) => sendError(reply, error, deps.logger));
      addOpenRoutes(scope, deps);
      addGuardedRoutes(scope, deps);
      // Nothing below our prefix may fall through to the model paths and leave the machine.
      scope.all('/*', () => {
        throw new SwitchyardError('CONTROL_NOT_FOUND', 'There is nothing at this path.');
      });
      done();
    },
    { prefix: CONTROL_PREFIX },
  );
  // Where monitors look first; nothing here may reach an upstream.
  void app.register((scope, _options, done) => {
    scope.setErrorHandler((error, _request, reply) => sendError(reply, error, deps.logger));
    addOpenRoutes(scope, deps);
    addMetrics(scope, deps);
    done();
  });
}

function acceptJsonOnly(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES }, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)));
    } catch {
      done(new SwitchyardError('INGRESS_BAD_JSON'));
    }
  });
}

/** Answers without a token; what they say is no secret. */
function addOpenRoutes(scope: FastifyInstance, deps: ControlRouteDeps): void {
  scope.get('/health', (_request, reply) => reply.send({ status: 'ok', product: 'switchyard', version: deps.version }));
  scope.get('/ready', (_request, reply) => {
    const ready = deps.ready();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
}

function createGuards(deps: ControlRouteDeps) {
  const isToken = tokenCheck(deps.token);
  const guardHost = (request: FastifyRequest) => {
    const { host, origin } = request.headers;
    const why = refuseForeign({ host, origin, allowedHosts: deps.allowedHosts() });
    if (why !== undefined) throw new SwitchyardError('INGRESS_HOST_REFUSED', why);
  };
  const guard = (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
    guardHost(request);
    if (!isToken(request.headers.authorization)) throw new SwitchyardError('CONTROL_UNAUTHORIZED');
    done();
  };
  return { guard, guardHost };
}

function addMetrics(scope: FastifyInstance, deps: ControlRouteDeps): void {
  const { guard, guardHost } = createGuards(deps);
  const guardMetrics = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    if (!isLoopback(request.socket.remoteAddress ?? '')) return guard(request, reply, done);
    guardHost(request);
    done();
  };
  scope.get('/metrics', { onRequest: guardMetrics }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await deps.ledger.metrics()),
  );
}

function addGuardedRoutes(scope: FastifyInstance, deps: ControlRouteDeps): void {
  const streams = createEventStreams(deps);
  const { guard } = createGuards(deps);

  scope.post<{ Params: { call: string } }>(
    '/control/:call',
    { onRequest: guard, bodyLimit: BODY_LIMIT_BYTES },
    async (request, reply) => {
      const { call } = request.params;
      if (!isControlCall(call))
        throw new SwitchyardError('CONTROL_NOT_FOUND', `There is no control call named ${JSON.stringify(call)}.`);
      // The handlers check the input themselves; until then it is whatever the body held.
      const answer = await deps.control.call(call, request.body ?? {});
      return reply.header('cache-control', 'no-store').send(answer);
    },
  );
  scope.get('/events', { onRequest: guard, exposeHeadRoute: false }, (_request, reply) => {
    reply.hijack();
    streams.open(reply.raw);
  });
  addMetrics(scope, deps);
  scope.addHook('preClose', (done) => {
    streams.closeAll();
    done();
  });
}

function isControlCall(name: string): name is ControlCall {
  return Object.hasOwn(controlInputs, name);
}

/** Compares in constant time, whatever the lengths. */
function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(token);
  return (authorization) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    return given !== undefined && timingSafeEqual(digest(given), expected);
  };
}

function sendError(reply: FastifyReply, error: unknown, logger: Logger): FastifyReply {
  const { failure, status } = describeError(error, logger);
  const { code, message, details } = failure;
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .send({
      error: { code, message, remedy: errorCodes[code].remedy, details },
    });
}

function describeError(error: unknown, logger: Logger): { readonly failure: SwitchyardError; readonly status: number } {
  if (isSwitchyardError(error)) return { failure: error, status: new SwitchyardError(error.code).status };
  const status = error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status === 413) {
    return { failure: new SwitchyardError('INGRESS_BODY_TOO_LARGE', 'A control call may hold 1 MiB at most.'), status };
  }
  if (status === 415) return { failure: new SwitchyardError('CONTROL_BAD_REQUEST', 'Send application/json.'), status };
  if (status < 500) return { failure: new SwitchyardError('CONTROL_BAD_REQUEST'), status };
  logger.error('control call failed unexpectedly', {
    error: redactText(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  });
  return { failure: new SwitchyardError('BUG_UNEXPECTED'), status: 500 };
}
