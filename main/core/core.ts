import type { FastifyInstance } from 'fastify';
import type { Control, CoreStatus } from '../../shared/control/contract.js';
import type { CoreEvent } from '../../shared/control/events.js';
import type { RouterFace } from '../../shared/domain/router-face.js';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';
import { createCodexPatcher, type CodexPatcher } from './clients/codex.js';
import { bootstrapConfig } from './config/bootstrap.js';
import { createConfigStore, type ConfigStore } from './config/config-store.js';
import { importConfig } from './config/import-config.js';
import { loadControlToken } from './control/control-token.js';
import { runDoctor } from './control/doctor.js';
import { createHandlers } from './control/handlers.js';
import { registerControlRoutes } from './control/http-routes.js';
import { createEventHub, type EventHub } from './event-hub.js';
import { buildHttpDebug } from './ledger/http-debug.js';
import { createLedger, type Ledger } from './ledger/ledger.js';
import { isSecretHeader, redactTurn } from './ledger/redact.js';
import type { Ports } from './ports.js';
import { createAffinityTable } from './proxy/affinity-table.js';
import { createEndpointRegistry } from './proxy/endpoint-registry.js';
import type { HttpDebug } from './proxy/http-debug.js';
import { createLiveTurns } from './proxy/live-turns.js';
import type { ProxyDeps } from './proxy/proxy-deps.js';
import { createRouter } from './proxy/router.js';
import { createProxyServer } from './proxy/server.js';
import { createSessionPins } from './proxy/session-pins.js';
import { createAffinityFile } from './state/affinity-file.js';
import { createDispatchers } from './upstream/dispatchers.js';

/** How a host wants the core to run. */
export interface CoreOptions {
  readonly version: string;
  readonly host: 'daemon' | 'electron' | 'offline';
  /** Overrides `[server]` of the config. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** Called when a face asks the host to stop. */
  readonly onStopRequested: (options: { readonly keepCodex: boolean }) => void;
}

/** The relay: configuration, routing, proxy, ledger and control behind one object. */
export interface Core {
  /** Reads the config and repairs what a crash left; control calls work from here on, without listening. */
  open(): Promise<void>;
  /** Opens the listener. @throws SwitchyardError HOST_PORT_IN_USE */
  listen(): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /** Ends listeners and streams (2 s grace) and writes what is pending. Does not touch the Codex patch. */
  close(): Promise<void>;
  readonly control: Control;
  onEvent(listener: (event: CoreEvent) => void): () => void;
}

type Address = NonNullable<CoreStatus['address']>;

/** Turns still running are given this long when the core closes. */
const CLOSE_GRACE_MS = 2_000;

/** Where the listener stands once it does. */
interface Listening {
  address: Address | null;
  server: FastifyInstance | undefined;
}

/** Wires the parts together; the only place that knows them all. */
export function createCore(ports: Ports, options: CoreOptions): Core {
  const listening: Listening = { address: null, server: undefined };
  const parts = createParts(ports, options, listening);
  const { config, codex, proxy, ledger, affinityFile, control, events } = parts;
  const { paths, clock, logger, env, secrets } = ports;
  return {
    control,
    onEvent: events.on,
    async open() {
      await codex.repair();
      await config.start();
      if (options.host === 'offline') return;
      await bootstrapConfig({ store: config, paths, logger, env, secrets });
      await ledger.start();
      await affinityFile.start();
    },
    async listen() {
      const server = await createServer(ports, options, parts);
      listening.server = server;
      const address = await openListener(server, config, options);
      listening.address = address;
      await config.reload();
      await followPort(codex, address, logger);
      return address;
    },
    async close() {
      events.emit({ type: 'stopping' });
      if (listening.server !== undefined) await closeServer(listening.server, proxy, clock);
      listening.address = null;
      await config.stop();
      if (options.host === 'offline') return;
      await affinityFile.stop();
      await ledger.stop();
      await proxy.dispatchers.close();
    },
  };
}

type Parts = ReturnType<typeof createParts>;

function createParts(ports: Ports, options: CoreOptions, listening: Listening) {
  const { paths, clock, logger, env, secrets } = ports;
  const events = createEventHub(logger);
  const address = (): Address | null => listening.address;
  const config = createConfigStore({ paths, clock, logger, secrets, env, ownAddress: () => address() ?? undefined });
  const codex = createCodexPatcher({ paths, clock, logger, env });
  const proxy = createProxyParts(ports, config, events, (turn) => ledger.record(turn));
  const router = createRouter(proxy);
  const ledger = createLedger({
    paths,
    clock,
    logger,
    config: () => config.snapshot().config.log,
    endpoints: () => gauges(router),
  });
  const affinityFile = createAffinityFile({ paths, clock, logger, table: proxy.affinity });
  const control = createHandlers({
    ...{ config, codex, ledger, router, clock, paths, secrets, address },
    identity: { version: options.version, host: options.host, pid: process.pid, startedAtMs: clock.now() },
    importConfig: (input) => importConfig(input, { store: config, paths, secrets, env }),
    doctor: () => runDoctor({ paths, env, clock, config, codex, router, address, platform: process.platform }),
    requestStop: options.onStopRequested,
    emit: events.emit,
  });
  const follow = followActive(config, proxy);
  config.onChange((status) => {
    follow();
    events.emit({ type: 'config-changed', status });
  });
  return { events, config, codex, proxy, router, ledger, affinityFile, control };
}

async function createServer({ paths, clock, logger }: Ports, options: CoreOptions, parts: Parts): Promise<FastifyInstance> {
  const { config, control, events, ledger, proxy, router } = parts;
  const server = createProxyServer(proxy);
  registerControlRoutes(server, {
    control,
    token: await loadControlToken(paths),
    version: options.version,
    onEvent: events.on,
    allowedHosts: () => [config.snapshot().config.server.host, ...config.snapshot().config.server.allowed_hosts],
    ledger,
    ready: () => router.endpoints().some((each) => each.usable),
    clock,
    logger,
  });
  return server;
}

function createProxyParts(ports: Ports, config: ConfigStore, events: EventHub, record: Ledger['record']): ProxyDeps {
  // Messages of upstreams may quote a key; what leaves the core is redacted, and only when somebody listens.
  const emit = (event: CoreEvent): void => {
    if (!events.listening()) return;
    events.emit(event.type === 'turn-end' ? { ...event, record: redactTurn(event.record) } : event);
  };
  const debug: HttpDebug = (capture, bodyLimitBytes) =>
    buildHttpDebug({
      bodyLimitBytes,
      secrets: debugSecrets(config, capture.clientHeaders),
      clientUri: capture.clientUri,
      clientHeaders: capture.clientHeaders,
      clientBody: capture.clientBody,
      targetUrl: capture.upstreamUrl,
      upstreamRequestHeaders: capture.upstreamHeaders,
      upstreamRequestBody: capture.upstreamBody,
      upstreamStatus: capture.answerStatus,
      upstreamResponseHeaders: capture.answerHeaders,
      upstreamResponseBody: capture.answerBody,
      upstreamError: capture.error,
    });
  return {
    clock: ports.clock,
    random: ports.random,
    logger: ports.logger,
    snapshot: () => config.snapshot(),
    credential: config.credential,
    dispatchers: createDispatchers(ports.env),
    registry: createEndpointRegistry((endpoint, state) => emit({ type: 'endpoint-state', endpoint, state })),
    affinity: createAffinityTable(),
    pins: createSessionPins(),
    live: createLiveTurns(events),
    debug,
    record,
    emit,
    clientKeys: clientKeysOf(config),
    configError: () => config.status().problems.find((problem) => problem.severity === 'error')?.message,
  };
}

/** The client keys by name, gathered again only when the configuration changes. */
function clientKeysOf(config: ConfigStore): ProxyDeps['clientKeys'] {
  let keys: ReadonlyMap<string, string | undefined> | undefined;
  config.onChange(() => {
    keys = undefined;
  });
  return () => (keys ??= new Map(config.clientKeys().map(({ name, key }) => [name, key])));
}

/** Shorter values of the user's own headers would take ordinary words out of a capture. */
const SHORTEST_HEADER_SECRET = 8;

/** Everything a captured exchange may quote: credentials, own headers, the login of the client. */
function debugSecrets(config: ConfigStore, clientHeaders: readonly string[]): readonly string[] {
  const sent = config.snapshot().endpoints.flatMap((endpoint) => {
    const credential = config.credential(endpoint);
    const own = Object.values(endpoint.headers).filter((value) => value.length >= SHORTEST_HEADER_SECRET);
    return credential.state === 'value' ? [credential.value, ...own] : own;
  });
  const logins = clientHeaders.filter((_, index) => index % 2 === 1 && isSecretHeader(clientHeaders[index - 1] ?? ''));
  return [...sent, ...logins.map((value) => value.replace(/^(?:Bearer|Basic)\s+/i, ''))];
}

/** A switch of the active provider holds from the next turn on, also for sessions bound elsewhere; hard affinity keeps its owners. */
function followActive(config: ConfigStore, proxy: ProxyDeps): () => void {
  let known: string | undefined;
  let first = true;
  return () => {
    const { active, affinity } = config.snapshot().config.routing;
    if (!first && active !== known && affinity !== 'hard') proxy.affinity.clear();
    first = false;
    known = active;
  };
}

function gauges(router: RouterFace) {
  return router.endpoints().map(({ endpoint, state, usable }) => ({
    endpoint: endpoint.key,
    provider: endpoint.provider,
    usable,
    cooling: state.cooldown !== undefined,
    leases: state.leases,
  }));
}

async function openListener(server: FastifyInstance, config: ConfigStore, options: CoreOptions): Promise<Address> {
  const wanted = config.snapshot().config.server;
  const host = options.listen?.host ?? wanted.host;
  const port = options.listen?.port ?? wanted.port;
  try {
    await server.listen({ host, port, backlog: 2048 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new SwitchyardError('HOST_PORT_IN_USE', `Port ${port} on ${host} is taken.`, { host, port }, { cause: error });
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
      throw new SwitchyardError(
        'HOST_PORT_IN_USE',
        `Port ${port} on ${host} cannot be opened: ${code}.`,
        { host, port },
        { cause: error },
      );
    }
    throw error;
  }
  const bound = server.server.address();
  const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
  return { host, port: actual, url: `http://${reachable(host)}:${actual}` };
}

/** The name under which this machine itself reaches a listener. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** A patch that names another port of ours would lock Codex out, so it is written anew. */
async function followPort(codex: CodexPatcher, address: Address, logger: Ports['logger']): Promise<void> {
  try {
    const status = await codex.status();
    if (status.state !== 'on' || status.form === null || status.baseUrl?.startsWith(address.url) === true) return;
    await codex.on({ form: status.form, baseUrl: address.url });
    logger.info('the Codex patch follows the port', { url: address.url });
  } catch (error) {
    logger.warn('the Codex patch could not follow the port', { reason: error instanceof Error ? error.message : String(error) });
  }
}

async function closeServer(server: FastifyInstance, proxy: ProxyDeps, clock: Ports['clock']): Promise<void> {
  const grace = proxy.live.all().length === 0 ? 0 : CLOSE_GRACE_MS;
  const cancel = clock.after(grace, () => server.server.closeAllConnections());
  await server.close();
  cancel();
}
