import type { AnswerHeaders } from '../upstream/headers.js';

/** The beginning of a body and its whole length. */
export interface BodyHead {
  readonly head: Uint8Array;
  readonly totalBytes: number;
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

/** What one turn looked like on the wire, before redaction. */
export interface WireCapture {
  readonly clientUri: string;
  readonly clientHeaders: readonly string[];
  readonly clientBody: BodyHead;
  readonly upstreamUrl: string | undefined;
  readonly upstreamHeaders: readonly string[] | undefined;
  readonly upstreamBody: BodyHead | undefined;
  readonly answerStatus: number | undefined;
  readonly answerHeaders: AnswerHeaders | undefined;
  readonly answerBody: BodyHead | undefined;
  readonly error: string | undefined;
}

/** Turns a capture into the redacted `http_debug` object of a log line. */
export interface HttpDebug {
  (capture: WireCapture, maxBodyBytes: number): unknown;
}
