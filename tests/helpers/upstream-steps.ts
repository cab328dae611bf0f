import type { ServerResponse } from 'node:http';
import {
  failureEvent,
  frameEvent,
  turnBody,
  turnEvents,
  type Dialect,
  type ScriptedTurn,
  type WireEvent,
} from './wire-events.js';
import type { RecordedRequest } from './scripted-upstream.js';

/** One request in the hands of a step. */
export interface Exchange {
  readonly request: RecordedRequest;
  readonly dialect: Dialect;
  readonly response: ServerResponse;
  /** Aborted when the client goes away or the upstream is closed. */
  readonly signal: AbortSignal;
}

/** How the scripted upstream answers one request. */
export interface Step {
  readonly name: string;
  run(exchange: Exchange): Promise<void> | void;
}

/** How a stream is put on the wire. */
export interface StreamOptions {
  /** Cuts the bytes into chunks of this size, each its own write; default: one write per event. */
  readonly chunkBytes?: number;
  /** Pause between two writes. */
  readonly delayMs?: number;
  readonly crlf?: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What to stream: a usual turn, a described one, or exactly these events. */
export type StreamContent = 'plain' | ScriptedTurn | readonly WireEvent[];

function eventsOf(content: StreamContent, dialect: Dialect): readonly WireEvent[] {
  if (content === 'plain') return turnEvents(dialect);
  return isEventList(content) ? content : turnEvents(dialect, content);
}

function isEventList(content: ScriptedTurn | readonly WireEvent[]): content is readonly WireEvent[] {
  return Array.isArray(content);
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, delayMs);
    signal.addEventListener('abort', done);
  });
}

/** Resolves when the bytes have been handed to the kernel, or the client is gone. */
function write(exchange: Exchange, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (exchange.signal.aborted) return resolve();
    const done = (): void => {
      exchange.signal.removeEventListener('abort', done);
      resolve();
    };
    exchange.signal.addEventListener('abort', done);
    exchange.response.write(bytes, done);
  });
}

function piecesOf(events: readonly WireEvent[], options: StreamOptions): readonly Buffer[] {
  const newline = options.crlf === true ? '\r\n' : '\n';
  const framed = events.map((event) => Buffer.from(frameEvent(event, newline)));
  if (options.chunkBytes === undefined) return framed;
  const all = Buffer.concat(framed);
  const pieces: Buffer[] = [];
  for (let at = 0; at < all.length; at += options.chunkBytes) pieces.push(all.subarray(at, at + options.chunkBytes));
  return pieces;
}

async function stream(exchange: Exchange, events: readonly WireEvent[], options: StreamOptions): Promise<void> {
  exchange.response.socket?.setNoDelay(true);
  exchange.response.writeHead(options.status ?? 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...options.headers,
  });
  exchange.response.flushHeaders();
  for (const piece of piecesOf(events, options)) {
    if (exchange.signal.aborted) return;
    await write(exchange, piece);
    if (options.delayMs !== undefined) await pause(options.delayMs, exchange.signal);
  }
}

/** A full valid stream in the dialect of the path. */
export function sse(content: StreamContent = 'plain', options: StreamOptions = {}): Step {
  return {
    name: 'sse',
    run: async (exchange) => {
      await stream(exchange, eventsOf(content, exchange.dialect), options);
      exchange.response.end();
    },
  };
}

/** Exactly these bytes, as an event stream, each buffer its own write. */
export function rawSse(pieces: readonly (string | Uint8Array)[], options: StreamOptions = {}): Step {
  return {
    name: 'rawSse',
    run: async (exchange) => {
      await stream(exchange, [], options);
      for (const piece of pieces) await write(exchange, Buffer.from(piece));
      exchange.response.end();
    },
  };
}

/** What a healthy server does: a stream when the client asks for one, else the unary answer; `/models` lists two models. */
export function answer(turn: ScriptedTurn = {}, options: StreamOptions = {}): Step {
  return {
    name: 'answer',
    run: (exchange) => {
      if (exchange.request.method === 'GET') return json(200, modelList(['gpt-5.5', 'gpt-5.5-mini'])).run(exchange);
      if (exchange.request.wantsStream) return sse(turn, options).run(exchange);
      return json(options.status ?? 200, turnBody(exchange.dialect, turn), options.headers).run(exchange);
    },
  };
}

/** A model list in the OpenAI shape. */
export function modelList(ids: readonly string[]): unknown {
  return { object: 'list', data: ids.map((id) => ({ id, object: 'model', created: 1_795_000_000, owned_by: 'scripted' })) };
}

/** A JSON answer with content-length. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Step {
  return named(`json${status}`, text(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers }));
}

/** An answer with content-length; the content type is text/plain unless given. */
export function text(status: number, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Step {
  return {
    name: `text${status}`,
    run: ({ response }) => {
      const bytes = Buffer.from(body);
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'content-length': bytes.length, ...headers });
      response.end(bytes);
    },
  };
}

function named(name: string, step: Step): Step {
  return { name, run: (exchange) => step.run(exchange) };
}

const challengeHtml =
  '<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body><h1>Just a moment...</h1>' +
  '<p>Enable JavaScript and cookies to continue</p><script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></body></html>';
const timeoutHtml =
  '<!DOCTYPE html><html lang="en-US"><head><title>relay.example | 524: A timeout occurred</title></head><body>' +
  '<h1><span>A timeout occurred</span><span>Error code 524</span></h1><p>cloudflare</p></body></html>';

/** A page of Cloudflare's: the challenge (403) or its origin timeout (524). */
export function cloudflareHtml(status: 403 | 524): Step {
  const headers: Record<string, string> = {
    'content-type': 'text/html; charset=UTF-8',
    server: 'cloudflare',
    'cf-ray': '8c0ffee0deadbeef-FRA',
  };
  if (status === 403) headers['cf-mitigated'] = 'challenge';
  return named(`cloudflare${status}`, text(status, status === 403 ? challengeHtml : timeoutHtml, headers));
}

/** 503 with an OpenAI-shaped error and no hint when to come back. */
export const status503: Step = named(
  'status503',
  json(503, { error: { message: 'Service temporarily unavailable', type: 'server_error', code: null } }),
);

/** 429 with an OpenAI-shaped rate-limit error; `retryAfter` is the header's verbatim value. */
export function status429(options: { readonly retryAfter?: string | number } = {}): Step {
  const headers: Record<string, string> = options.retryAfter === undefined ? {} : { 'retry-after': String(options.retryAfter) };
  const error = { message: 'Rate limit reached for requests', type: 'requests', code: 'rate_limit_exceeded' };
  return named('status429', json(429, { error }, headers));
}

/** 401 with an OpenAI-shaped error. */
export const status401: Step = named(
  'status401',
  json(401, { error: { message: 'Incorrect API key provided', type: 'invalid_request_error', code: 'invalid_api_key' } }),
);

/** Reads the whole request, then resets the connection (RST) without a status line. */
export const resetBeforeHeaders: Step = {
  name: 'resetBeforeHeaders',
  run: ({ response }) => {
    response.socket?.resetAndDestroy();
  },
};

/** Reads the whole request and never answers. */
export const hangBeforeHeaders: Step = { name: 'hangBeforeHeaders', run: () => undefined };

/** A 200 stream whose failure is told inside it: at once, after the handshake events, or after a first delta. */
export function inBandFailed(
  code: string,
  options: { readonly after?: 'nothing' | 'created' | 'delta'; readonly message?: string } = {},
): Step {
  const after = options.after ?? 'nothing';
  const message = options.message ?? `The scripted upstream failed with ${code}.`;
  return {
    name: `inBandFailed:${code}:${after}`,
    run: async (exchange) => {
      const before = turnEvents(exchange.dialect).slice(0, countBefore(exchange.dialect, after));
      await stream(exchange, [...before, failureEvent(exchange.dialect, code, message)], {});
      exchange.response.end();
    },
  };
}

/** How many events of a usual turn lie before the failure; `delta` includes the first piece of text. */
function countBefore(dialect: Dialect, after: 'nothing' | 'created' | 'delta'): number {
  if (after === 'nothing') return 0;
  const handshake = { responses: 2, chat: 1, messages: 1 }[dialect];
  const untilFirstDelta = { responses: 5, chat: 2, messages: 4 }[dialect];
  return after === 'created' ? handshake : untilFirstDelta;
}

/** 200 with an event-stream content type and no bytes. */
export const empty200: Step = named('empty200', text(200, '', { 'content-type': 'text/event-stream' }));

/** 200 with a web page, as captive portals and misconfigured relays send it. */
export const html200: Step = named(
  'html200',
  text(200, '<!doctype html><html><body><h1>Welcome</h1></body></html>', { 'content-type': 'text/html; charset=utf-8' }),
);

/** The unary JSON answer although a stream was asked for. */
export const jsonInsteadOfSse: Step = {
  name: 'jsonInsteadOfSse',
  run: (exchange) => json(200, turnBody(exchange.dialect)).run(exchange),
};

/** Sends the first events of a usual turn, then ends the stream cleanly or by a reset. */
export function cutAfter(eventCount: number, how: 'eof' | 'rst', content: StreamContent = 'plain'): Step {
  return {
    name: `cutAfter:${eventCount}:${how}`,
    run: async (exchange) => {
      await stream(exchange, eventsOf(content, exchange.dialect).slice(0, eventCount), {});
      if (how === 'eof') return void exchange.response.end();
      await pause(20, exchange.signal); // lets the bytes leave before the reset discards them
      exchange.response.socket?.resetAndDestroy();
    },
  };
}

/** Sends the first events of a usual turn, then nothing more with the connection open. */
export function idleAfter(eventCount: number, content: StreamContent = 'plain'): Step {
  return {
    name: `idleAfter:${eventCount}`,
    run: (exchange) => stream(exchange, eventsOf(content, exchange.dialect).slice(0, eventCount), {}),
  };
}

/** Waits before the status line, then goes on with another step. */
export function slowHeaders(delayMs: number, then: Step = answer()): Step {
  return {
    name: `slowHeaders:${delayMs}`,
    run: async (exchange) => {
      await pause(delayMs, exchange.signal);
      if (!exchange.signal.aborted) await then.run(exchange);
    },
  };
}
