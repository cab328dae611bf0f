import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { answer, type Step } from './upstream-steps.js';
import type { Dialect } from './wire-events.js';

export * from './upstream-steps.js';
export * from './wire-events.js';

/** One request as the scripted upstream received it. */
export interface RecordedRequest {
  /** Position among all requests, from 0. */
  readonly index: number;
  readonly method: string;
  /** As on the request line, query included. */
  readonly path: string;
  /** Names and values as received, in order. */
  readonly rawHeaders: readonly string[];
  /** Lower-case names; repeated headers are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as JSON, undefined when it is none (or compressed). */
  readonly json: unknown;
  readonly wantsStream: boolean;
  readonly startedAtMs: number;
  /** Name of the step that answered. */
  readonly step: string;
  /** True once the other side closed the connection before the answer was complete. */
  readonly aborted: boolean;
  /** Resolves when the answer is complete or the connection is gone. */
  readonly finished: Promise<'answered' | 'aborted'>;
}

/** Steps used one after the other, or a function that picks one per request. */
export type UpstreamScript = readonly Step[] | ((request: RecordedRequest, index: number) => Step);

/** A vendor's server as the tests want it to behave. */
export interface ScriptedUpstream {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** `http://127.0.0.1:<port>/v1`: what goes into `base_url`. */
  readonly baseUrl: string;
  /** Everything received, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** The POST requests among them: what a vendor would bill. */
  readonly turns: readonly RecordedRequest[];
  /** WebSocket upgrades refused with 426, by path. */
  readonly upgrades: readonly string[];
  /** Replaces what is left of the script; when a queue is used up, healthy answers follow. */
  script(script: UpstreamScript): void;
  /** Forgets recorded requests. */
  forget(): void;
  /** Resolves when so many requests have arrived in all. */
  waitForRequests(count: number): Promise<void>;
  close(): Promise<void>;
}

interface Mutable {
  index: number;
  aborted: boolean;
  step: string;
}

/** Starts a server on a free loopback port; without a script every request is answered well. */
export async function startScriptedUpstream(initial: UpstreamScript = []): Promise<ScriptedUpstream> {
  const requests: RecordedRequest[] = [];
  const upgrades: string[] = [];
  const sockets = new Set<Socket>();
  const waiting: { count: number; resolve: () => void }[] = [];
  const pick = scriptPicker(initial);

  const server = createServer((incoming, response) => {
    void receive(incoming, response, requests, pick.next, () => {
      for (const waiter of waiting) if (requests.length >= waiter.count) waiter.resolve();
    });
  });
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Socket) => {
    upgrades.push(incoming.url ?? '');
    socket.end('HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    get turns() {
      return requests.filter((request) => request.method === 'POST');
    },
    upgrades,
    script: (script) => pick.replace(script),
    forget: () => requests.splice(0),
    waitForRequests: (count) =>
      new Promise((resolve) => (requests.length >= count ? resolve() : waiting.push({ count, resolve }))),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function scriptPicker(initial: UpstreamScript): {
  readonly next: (request: RecordedRequest) => Step;
  readonly replace: (script: UpstreamScript) => void;
} {
  let script: UpstreamScript = initial;
  let used = 0;
  return {
    next: (request) => (typeof script === 'function' ? script(request, used++) : (script[used++] ?? answer())),
    replace: (next) => {
      script = next;
      used = 0;
    },
  };
}

async function receive(
  incoming: IncomingMessage,
  response: ServerResponse,
  requests: RecordedRequest[],
  pick: (request: RecordedRequest) => Step,
  arrived: () => void,
): Promise<void> {
  const abort = new AbortController();
  const state: Mutable = { index: -1, aborted: false, step: '' };
  const finished = new Promise<'answered' | 'aborted'>((resolve) => {
    response.on('close', () => {
      state.aborted = !response.writableFinished;
      abort.abort();
      resolve(state.aborted ? 'aborted' : 'answered');
    });
  });
  response.on('error', () => undefined);
  const startedAtMs = Date.now();
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    return; // the client left while sending; there is no request to record
  }
  state.index = requests.length;
  const request = recordOf(incoming, Buffer.concat(chunks), startedAtMs, state, finished);
  requests.push(request);
  const step = pick(request);
  state.step = step.name;
  arrived();
  await step.run({ request, dialect: dialectOf(request.path), response, signal: abort.signal });
}

function recordOf(
  incoming: IncomingMessage,
  body: Buffer,
  startedAtMs: number,
  state: Mutable,
  finished: Promise<'answered' | 'aborted'>,
): RecordedRequest {
  const parsed = parseJson(body);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  return {
    index: state.index,
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    rawHeaders: incoming.rawHeaders,
    headers,
    body,
    json: parsed,
    wantsStream: isObject(parsed) ? parsed['stream'] === true : (headers['accept'] ?? '').includes('text/event-stream'),
    startedAtMs,
    get step() {
      return state.step;
    },
    get aborted() {
      return state.aborted;
    },
    finished,
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function dialectOf(path: string): Dialect {
  if (path.includes('/chat/completions')) return 'chat';
  return path.includes('/messages') ? 'messages' : 'responses';
}

/** A port nobody listens on: connecting is refused. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
