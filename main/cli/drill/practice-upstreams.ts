import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answerEvents, eventText } from './practice-answer.js';

const SLOW_HEADERS_MS = 3_000;
const RESET_IN_S = 3_600;

/** How a practice upstream behaves. */
export type PracticeKind = 'exhausted' | 'cut' | 'slow' | 'flaky' | 'healthy';

/** In the order in which the drill meets them, with what each is for. */
export const practiceKinds: Readonly<Record<PracticeKind, string>> = {
  exhausted: '429 usage_limit_reached, resets in an hour',
  cut: 'opens a stream and dies before the first word',
  slow: 'sends nothing for 3 s, the limit is 1 s',
  flaky: '503 to every other request',
  healthy: 'answers',
};

/** A practice upstream on a loopback port. */
export interface PracticeUpstream {
  readonly kind: PracticeKind;
  readonly baseUrl: string;
  /** Turns it was asked to answer so far. */
  hits(): number;
  close(): Promise<void>;
}

/** Starts a practice upstream on a free loopback port. */
export async function startPracticeUpstream(kind: PracticeKind): Promise<PracticeUpstream> {
  let hits = 0;
  const closing = new AbortController();
  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    void readToEnd(request)
      .then(async () => {
        if (request.method !== 'POST')
          return sendJson(response, 404, { error: { message: 'practice upstreams only answer turns' } });
        hits += 1;
        await behave(kind, hits, response, closing.signal);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    kind,
    baseUrl: `http://127.0.0.1:${port}/v1`,
    hits: () => hits,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function behave(kind: PracticeKind, hit: number, response: ServerResponse, closing: AbortSignal): Promise<void> {
  switch (kind) {
    case 'exhausted':
      return sendJson(response, 429, {
        error: {
          type: 'usage_limit_reached',
          message: 'The usage limit has been reached',
          plan_type: 'practice',
          resets_at: Math.floor(Date.now() / 1000) + RESET_IN_S,
          resets_in_seconds: RESET_IN_S,
        },
      });
    case 'cut':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.write(eventText(answerEvents(kind, hit)[0]), () => response.destroy());
    case 'slow':
      await delay(SLOW_HEADERS_MS, undefined, { signal: closing });
      return sendAnswer(response, kind, hit);
    case 'flaky':
      if (hit % 2 === 1) return sendJson(response, 503, { error: { message: 'practice upstream is having a moment' } });
      return sendAnswer(response, kind, hit);
    case 'healthy':
      return sendAnswer(response, kind, hit);
  }
}

async function sendAnswer(response: ServerResponse, kind: PracticeKind, hit: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of answerEvents(kind, hit)) {
    response.write(eventText(event));
    await delay(10);
  }
  response.end();
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function readToEnd(request: IncomingMessage): Promise<void> {
  for await (const _chunk of request);
}
