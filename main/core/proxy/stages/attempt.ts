import zlib from 'node:zlib';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Credential } from '../../../../shared/domain/endpoint.js';
import type { AttemptFailure, Candidate } from '../../../../shared/domain/routing.js';
import { classifyTransport } from '../../routing/classify-transport.js';
import type { Usage } from '../../../../shared/domain/turn-record.js';
import type { Clock } from '../../ports.js';
import { openExchange, type Exchange, type ExchangeSink } from '../../upstream/exchange.js';
import { headerOf, requestHeaders, type AnswerHeaders } from '../../upstream/headers.js';
import { targetOf } from '../../upstream/target-url.js';
import type { Turn } from '../turn.js';
import { createAnswerJudge, type Judgement } from './judge-answer.js';
import type { EncodedBody } from './encode-upstream.js';

/** An upstream answer whose beginning is held and whose rest is still to come. */
export interface Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** The body is a stream of events. */
  readonly isStream: boolean;
  /** The upstream compressed the body and we undid it. */
  readonly decoded: boolean;
  /** What came so far, in order. */
  readonly held: readonly Buffer[];
  /** Nothing more will come. */
  readonly ended: boolean;
  /** Usage that came with the held events. */
  readonly earlyUsage: Usage | undefined;
  /** Hands everything that follows to `sink`; must be called at most once. */
  attach(sink: Omit<ExchangeSink, 'onHead'>): void;
  /** Drops the answer and closes its connection. */
  discard(): void;
  pause(): void;
  resume(): void;
}

/** How one dispatch turned out. */
export type AttemptResult = AttemptTimes &
  (
    | { readonly kind: 'answer'; readonly answer: Answer }
    | { readonly kind: 'failure'; readonly failure: AttemptFailure; readonly answer: Answer | undefined }
    | { readonly kind: 'aborted' }
  );

/** Monotonic milliseconds since the dispatch. */
export interface AttemptTimes {
  readonly headersMs: number | undefined;
  readonly firstByteMs: number | undefined;
}

/** What one dispatch needs. */
export interface AttemptInput {
  readonly turn: Turn;
  readonly candidate: Candidate;
  readonly credential: Credential;
  readonly body: EncodedBody;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /** Receives the headers that were sent, for the debug log. */
  readonly onSent?: (url: string, headers: readonly string[]) => void;
}

/** After this long without a meaningful event the answer is delivered as it is: the client must hear from us. */
const DEFAULT_HOLD_MS = 15_000;

/** Sends a turn to one endpoint and holds its answer back until it is known to be good. Never throws, never retries. */
export function attempt(input: AttemptInput): Promise<AttemptResult> {
  return new Promise((resolve) => {
    runAttempt(input, resolve);
  });
}

interface MutableAnswer extends Answer {
  held: Buffer[];
  ended: boolean;
}

function runAttempt(input: AttemptInput, resolve: (result: AttemptResult) => void): void {
  const { turn, candidate, clock } = input;
  const target = targetOf(candidate.endpoint.baseUrl, turn.request.url ?? turn.facts.path);
  const headers = requestHeaders({
    raw: turn.request.rawHeaders,
    endpoint: candidate.endpoint,
    credential: input.credential,
    clientUsedOurKey: turn.usedOurKey,
    bodyLength: input.body.bytes.length,
    decoded: input.body.decoded,
    identity: true,
  });
  input.onSent?.(target.origin + target.path, headers);
  const startedMs = clock.monotonicMs();
  const since = (): number => clock.monotonicMs() - startedMs;
  let headersMs: number | undefined;
  let firstByteMs: number | undefined;
  let answer: MutableAnswer | undefined;
  let judge: ReturnType<typeof createAnswerJudge> | undefined;
  let decoder: Duplex | undefined;
  let rest: Omit<ExchangeSink, 'onHead'> | undefined;
  let settled = false;
  let stopHold: (() => void) | undefined;

  const settle = (
    result:
      | Omit<Extract<AttemptResult, { kind: 'answer' }>, keyof AttemptTimes>
      | { kind: 'failure'; failure: AttemptFailure; answer: Answer | undefined }
      | { kind: 'aborted' },
  ): void => {
    if (settled) return;
    settled = true;
    stopHold?.();
    unsubscribe();
    resolve({ ...result, headersMs, firstByteMs });
  };
  const conclude = (judgement: Judgement): void => {
    if (answer === undefined || judgement.kind === 'waiting') return;
    if (judgement.kind === 'good') settle({ kind: 'answer', answer });
    else settle({ kind: 'failure', failure: judgement.failure, answer });
  };
  const fail = (error: Error, phase: 'connect' | 'headers' | 'body'): void => {
    settle({
      kind: 'failure',
      failure: classifyTransport({ ...errorCode(error), message: error.message, phase }),
      answer: undefined,
    });
  };
  const onData = (chunk: Buffer): void => {
    if (rest !== undefined) return rest.onData(chunk);
    if (answer === undefined || chunk.length === 0) return;
    firstByteMs ??= since();
    answer.held.push(chunk);
    if (!settled && judge !== undefined) conclude(judge.push(chunk));
  };
  const onEnd = (): void => {
    if (answer !== undefined) answer.ended = true;
    if (rest !== undefined) rest.onEnd();
    else if (!settled && judge !== undefined) conclude(judge.end());
  };
  const onError = (error: Error): void => {
    if (rest !== undefined) rest.onError(error);
    else if (!settled) fail(error, answer === undefined ? phaseOf(error) : 'body');
    else lateError = error;
  };
  let lateError: Error | undefined;

  const exchange: Exchange = openExchange(
    input.dispatcher,
    {
      method: turn.facts.method,
      origin: target.origin,
      path: target.path,
      headers,
      body: input.body.bytes,
      headersTimeoutMs: candidate.endpoint.headersTimeoutMs,
    },
    {
      onHead(status, answerHeaders) {
        headersMs = since();
        decoder = decoderFor(headerOf(answerHeaders, 'content-encoding'));
        if (decoder !== undefined) wire(decoder, exchange, { onData, onEnd, onError });
        judge = createAnswerJudge({ turn, status, headers: answerHeaders, nowMs: clock.now() });
        answer = {
          status,
          headers: answerHeaders,
          isStream: judge.isStream,
          decoded: decoder !== undefined,
          held: [],
          ended: false,
          get earlyUsage() {
            return judge?.usage();
          },
          attach(sink) {
            rest = sink;
            if (lateError !== undefined) sink.onError(lateError);
          },
          discard: () => exchange.abort(),
          pause: () => (decoder === undefined ? exchange.pause() : void decoder.pause()),
          resume: () => (decoder === undefined ? exchange.resume() : void decoder.resume()),
        };
        if (judge.isStream) {
          const limitMs = turn.snapshot.config.server.keepalive_s * 1000 || DEFAULT_HOLD_MS;
          stopHold = clock.after(limitMs, () => conclude({ kind: 'good' }));
        }
      },
      onData: (chunk) => {
        if (decoder === undefined) onData(chunk);
        else if (!decoder.write(chunk)) exchange.pause();
      },
      onEnd: () => (decoder === undefined ? onEnd() : void decoder.end()),
      onError,
    },
  );
  const unsubscribe = turn.abort.onAbort(() => {
    exchange.abort();
    settle({ kind: 'aborted' });
  });
}

function wire(decoder: Duplex, exchange: Exchange, sink: Omit<ExchangeSink, 'onHead'>): void {
  decoder.on('data', (chunk: Buffer) => sink.onData(chunk));
  decoder.on('end', () => sink.onEnd());
  decoder.on('error', (error: Error) => {
    exchange.abort();
    sink.onError(error);
  });
  decoder.on('drain', () => exchange.resume());
}

function decoderFor(encoding: string | undefined): Duplex | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    default:
      return undefined;
  }
}

function errorCode(error: Error): { readonly code?: string } {
  const own = (error as NodeJS.ErrnoException).code;
  const cause = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  const code = own ?? cause;
  return code === undefined ? {} : { code };
}

const connectCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_PRX_TLS',
]);

function phaseOf(error: Error): 'connect' | 'headers' {
  const { code } = errorCode(error);
  return code !== undefined && (connectCodes.has(code) || code.startsWith('ERR_TLS') || code.startsWith('CERT_'))
    ? 'connect'
    : 'headers';
}
