import type { Dispatcher } from 'undici';
import type { AnswerHeaders } from './headers.js';

/** Where the answer of one exchange goes. Calls come in order; `onError` and `onEnd` exclude each other and come once. */
export interface ExchangeSink {
  onHead(status: number, headers: AnswerHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onError(error: Error): void;
}

/** One running HTTP exchange. */
export interface Exchange {
  /** Closes the upstream connection; no call reaches the sink afterwards. */
  abort(): void;
  pause(): void;
  resume(): void;
}

/** What is sent. */
export interface ExchangeRequest {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | null;
}

class ExchangeAborted extends Error {}

/** Sends one request and reports its answer; never retries and never throws. */
export function openExchange(dispatcher: Dispatcher, request: ExchangeRequest, sink: ExchangeSink): Exchange {
  let controller: Dispatcher.DispatchController | undefined;
  let aborted = false;
  const options = {
    origin: request.origin,
    path: request.path,
    method: request.method,
    headers: request.headers,
    body: request.body,
    // Timed by the caller: undici's own timers live on for a second and cost the collector more than the request.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  dispatcher.dispatch(options, {
    onRequestStart(started) {
      controller = started;
      if (aborted) started.abort(new ExchangeAborted());
    },
    onResponseStart(_controller, status, headers) {
      if (!aborted && status >= 200) sink.onHead(status, headers);
    },
    onResponseData(_controller, chunk) {
      if (!aborted) sink.onData(chunk);
    },
    onResponseEnd() {
      if (!aborted) sink.onEnd();
    },
    onResponseError(_controller, error) {
      if (!aborted) sink.onError(error);
    },
  });
  return {
    abort() {
      if (aborted) return;
      aborted = true;
      controller?.abort(new ExchangeAborted());
    },
    pause: () => controller?.pause(),
    resume: () => controller?.resume(),
  };
}
