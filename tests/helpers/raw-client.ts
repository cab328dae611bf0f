import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { eventually } from './relay-suite.js';

/** A request as it goes on the wire. */
export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A request under way, with what came of it so far; nothing is decoded. */
export interface RawCall {
  /** Undefined until the head is there. */
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  bytes(): Buffer;
  text(): string;
  /** Resolves when the head is there. */
  head(): Promise<RawCall>;
  /** Resolves when the text so far fits. */
  until(fits: (text: string) => boolean): Promise<RawCall>;
  /** Resolves when nothing more will come. */
  end(): Promise<'complete' | 'cut'>;
  /** Stops and goes on reading. */
  pause(): void;
  resume(): void;
  /** Closes the connection at once. */
  abort(): void;
}

/** Sends a request on a connection of its own and keeps what comes, byte for byte. */
export function rawCall(url: string, options: RawRequest = {}): RawCall {
  const chunks: Buffer[] = [];
  let response: IncomingMessage | undefined;
  let ended: 'complete' | 'cut' | undefined;
  const outgoing = request(url + (options.path ?? '/v1/responses'), {
    method: options.method ?? 'POST',
    agent: false,
    headers: { ...options.headers },
  });
  outgoing.on('error', () => (ended ??= 'cut'));
  outgoing.on('response', (incoming) => {
    response = incoming;
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => (ended ??= 'cut'));
    incoming.on('close', () => (ended ??= incoming.complete ? 'complete' : 'cut'));
  });
  outgoing.end(options.body);
  const call: RawCall = {
    get status() {
      return response?.statusCode;
    },
    get headers() {
      return response?.headers ?? {};
    },
    bytes: () => Buffer.concat(chunks),
    text: () => Buffer.concat(chunks).toString('utf8'),
    async head() {
      await eventually(() => response !== undefined || ended !== undefined);
      return call;
    },
    async until(fits) {
      await eventually(() => fits(call.text()) || ended !== undefined);
      return call;
    },
    async end() {
      await eventually(() => ended !== undefined);
      return ended ?? 'cut';
    },
    pause: () => void response?.pause(),
    resume: () => void response?.resume(),
    abort: () => void outgoing.destroy(),
  };
  return call;
}

/** A Codex-like streaming turn, raw. */
export function rawTurn(url: string, options: RawRequest & { readonly json?: Readonly<Record<string, unknown>> } = {}): RawCall {
  const { json, ...rest } = options;
  return rawCall(url, {
    ...rest,
    body: rest.body ?? JSON.stringify({ model: 'gpt-5.5', stream: true, input: [{ role: 'user', content: 'hi' }], ...json }),
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      originator: 'codex_exec',
      'user-agent': 'codex_exec/0.169.0',
      ...rest.headers,
    },
  });
}
