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
import { createAnswerJudge, type AnswerJudge, type Judgement } from './judge-answer.js';
import { decoderFor } from './answer-decoder.js';
import { errorCode, phaseOf } from './transport-error.js';
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
  earlyUsage(): Usage | undefined;
  /** Hands everything that follows to `sink`; must be called at most once. */
  attach(sink: Omit<ExchangeSink, 'onHead'>): void;
  /** Drops the answer and closes its connection. */
  discard(): void;
  pause(): void;
  resume(): void;
}

/** What came of one dispatch. */
export type AttemptVerdict =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failure'; readonly failure: AttemptFailure; readonly answer: Answer | undefined }
  | { readonly kind: 'aborted' };

/** How one dispatch turned out, and when. */
export interface AttemptResult {
  readonly verdict: AttemptVerdict;
  /** Milliseconds from the dispatch to the status line. */
  readonly headersMs: number | undefined;
  /** Milliseconds from the dispatch to the first byte of the body. */
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
    const run: Run = {
      input,
      resolve,
      startedMs: input.clock.monotonicMs(),
      headersMs: undefined,
      firstByteMs: undefined,
      answer: undefined,
      judge: undefined,
      decoder: undefined,
      rest: undefined,
      lateError: undefined,
      settled: false,
      stopWaiting: undefined,
      unsubscribe: undefined,
    };
    open(run);
  });
}

interface HeldAnswer extends Answer {
  readonly held: Buffer[];
  ended: boolean;
}

/** One dispatch while it runs. */
interface Run {
  readonly input: AttemptInput;
  readonly resolve: (result: AttemptResult) => void;
  readonly startedMs: number;
  headersMs: number | undefined;
  firstByteMs: number | undefined;
  answer: HeldAnswer | undefined;
  judge: AnswerJudge | undefined;
  decoder: Duplex | undefined;
  /** Takes over after the answer was attached. */
  rest: Omit<ExchangeSink, 'onHead'> | undefined;
  /** An error that came between judgement and attachment. */
  lateError: Error | undefined;
  settled: boolean;
  /** Cancels whichever wait is running: for the headers, then for the first meaningful event. */
  stopWaiting: (() => void) | undefined;
  unsubscribe: (() => void) | undefined;
}

function open(run: Run): void {
  const { turn, candidate, credential, body, dispatcher, clock, onSent } = run.input;
  const target = targetOf(candidate.endpoint.baseUrl, turn.request.url ?? turn.facts.path);
  const headers = requestHeaders({
    raw: turn.request.rawHeaders,
    endpoint: candidate.endpoint,
    credential,
    clientUsedOurKey: turn.usedOurKey,
    bodyLength: body.bytes.length,
    decoded: body.decoded,
    identity: true,
  });
  onSent?.(target.origin + target.path, headers);
  const exchange: Exchange = openExchange(
    dispatcher,
    {
      method: turn.facts.method,
      origin: target.origin,
      path: target.path,
      headers,
      body: body.bytes,
    },
    {
      onHead: (status, answerHeaders) => onHead(run, exchange, status, answerHeaders),
      onData: (chunk) => {
        if (run.decoder === undefined) onData(run, chunk);
        else if (!run.decoder.write(chunk)) exchange.pause();
      },
      onEnd: () => {
        if (run.decoder === undefined) onEnd(run);
        else run.decoder.end();
      },
      onError: (error) => onError(run, error),
    },
  );
  const limitMs = candidate.endpoint.headersTimeoutMs;
  if (limitMs > 0) run.stopWaiting = clock.after(limitMs, () => onHeadersTimeout(run, exchange));
  run.unsubscribe = turn.abort.onAbort(() => {
    exchange.abort();
    settle(run, { kind: 'aborted' });
  });
}

function onHeadersTimeout(run: Run, exchange: Exchange): void {
  exchange.abort();
  const failure = classifyTransport({ code: 'UND_ERR_HEADERS_TIMEOUT', message: 'headers timeout', phase: 'headers' });
  settle(run, { kind: 'failure', failure, answer: undefined });
}

function onHead(run: Run, exchange: Exchange, status: number, headers: AnswerHeaders): void {
  const { turn, candidate, clock } = run.input;
  run.headersMs = clock.monotonicMs() - run.startedMs;
  run.stopWaiting?.();
  const decoder = decoderFor(headerOf(headers, 'content-encoding'));
  if (decoder !== undefined) readDecoded(run, exchange, decoder);
  const judge = createAnswerJudge({ turn, status, headers, nowMs: clock.now(), model: candidate.model });
  run.judge = judge;
  run.answer = {
    status,
    headers,
    isStream: judge.isStream,
    decoded: decoder !== undefined,
    held: [],
    ended: false,
    earlyUsage: () => judge.usage(),
    attach(sink) {
      run.rest = sink;
      if (run.lateError !== undefined) sink.onError(run.lateError);
    },
    discard() {
      exchange.abort();
      decoder?.destroy();
    },
    pause: () => (decoder ?? exchange).pause(),
    resume: () => (decoder ?? exchange).resume(),
  };
  const { expire } = judge;
  if (expire === undefined) return;
  const limitMs = turn.snapshot.config.server.keepalive_s * 1000 || DEFAULT_HOLD_MS;
  run.stopWaiting = clock.after(limitMs, () => {
    const judgement = expire();
    if (judgement.kind !== 'failure') return conclude(run, judgement);
    exchange.abort();
    endHere(run, judgement);
  });
}

/** Judges an answer by what came of it: its rest is not waited for, or never comes. */
function endHere(run: Run, judgement: Judgement): void {
  if (run.answer !== undefined) run.answer.ended = true;
  conclude(run, judgement);
}

function onData(run: Run, chunk: Buffer): void {
  if (run.rest !== undefined) {
    run.rest.onData(chunk);
    return;
  }
  if (run.answer === undefined || chunk.length === 0) return;
  run.firstByteMs ??= run.input.clock.monotonicMs() - run.startedMs;
  run.answer.held.push(chunk);
  if (!run.settled && run.judge !== undefined) conclude(run, run.judge.push(chunk));
}

function onEnd(run: Run): void {
  if (run.answer !== undefined) run.answer.ended = true;
  if (run.rest !== undefined) run.rest.onEnd();
  else if (!run.settled && run.judge !== undefined) conclude(run, run.judge.end());
}

function onError(run: Run, error: Error): void {
  if (run.rest !== undefined) {
    run.rest.onError(error);
    return;
  }
  if (run.settled) {
    run.lateError = error;
    return;
  }
  // A refusal says enough by its status and headers, however its body ends.
  if (run.judge !== undefined && run.answer !== undefined && run.answer.status >= 300) {
    endHere(run, run.judge.end());
    return;
  }
  const phase = run.answer === undefined ? phaseOf(error) : 'body';
  const failure = classifyTransport({ ...errorCode(error), message: error.message, phase });
  settle(run, { kind: 'failure', failure, answer: undefined });
}

function conclude(run: Run, judgement: Judgement): void {
  if (run.answer === undefined || judgement.kind === 'waiting') return;
  if (judgement.kind === 'good') settle(run, { kind: 'answer', answer: run.answer });
  else settle(run, { kind: 'failure', failure: judgement.failure, answer: run.answer });
}

function settle(run: Run, verdict: AttemptVerdict): void {
  if (run.settled) return;
  run.settled = true;
  run.stopWaiting?.();
  run.unsubscribe?.();
  run.resolve({ verdict, headersMs: run.headersMs, firstByteMs: run.firstByteMs });
}

function readDecoded(run: Run, exchange: Exchange, decoder: Duplex): void {
  run.decoder = decoder;
  decoder.on('data', (chunk: Buffer) => onData(run, chunk));
  decoder.on('end', () => onEnd(run));
  decoder.on('error', (error: Error) => {
    exchange.abort();
    onError(run, error);
  });
  decoder.on('drain', () => exchange.resume());
}
