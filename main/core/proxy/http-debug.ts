import type { AnswerHeaders } from '../upstream/headers.js';

/** What one turn looked like on the wire, before redaction. */
export interface WireCapture {
  readonly clientHeaders: readonly string[];
  readonly clientBody: Buffer;
  readonly upstreamUrl: string | undefined;
  readonly upstreamHeaders: readonly string[] | undefined;
  readonly upstreamBody: Buffer | undefined;
  readonly answerStatus: number | undefined;
  readonly answerHeaders: AnswerHeaders | undefined;
  readonly answerBody: Buffer | undefined;
}

/** Turns a capture into the redacted `http_debug` object of a log line. */
export interface HttpDebug {
  (capture: WireCapture, maxBodyBytes: number): unknown;
}
