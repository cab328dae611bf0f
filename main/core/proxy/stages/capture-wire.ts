import { headerOf } from '../../upstream/headers.js';
import type { SentLast } from '../attempt-loop.js';
import type { BodyHead, HttpDebug } from '../http-debug.js';
import type { Turn, TurnEnd } from '../turn.js';
import type { Answer } from './attempt.js';

/** Builds the `http_debug` object of a turn where `[log] http_debug` asks for one; the common case costs nothing. */
export function captureWire(debug: HttpDebug, turn: Turn, end: TurnEnd, sent: SentLast): unknown {
  const { http_debug: mode, http_debug_body_kb: bodyKb } = turn.snapshot.config.log;
  if (mode === 'off' || (mode === 'errors' && end.end === 'completed')) return undefined;
  const { answer } = sent;
  return debug(
    {
      clientUri: turn.request.url ?? turn.facts.path,
      clientHeaders: turn.request.rawHeaders,
      clientBody: { head: turn.body.bytes, totalBytes: turn.body.bytes.length, contentType: 'application/json' },
      upstreamUrl: sent.url,
      upstreamHeaders: sent.headers,
      upstreamBody: sent.body === undefined ? undefined : { head: sent.body.bytes, totalBytes: sent.body.bytes.length },
      answerStatus: answer?.status,
      answerHeaders: answer?.headers,
      answerBody: answer === undefined ? undefined : headOf(answer, end),
      error: end.error?.message,
    },
    bodyKb * 1024,
  );
}

function headOf(answer: Answer, end: TurnEnd): BodyHead {
  const head = Buffer.concat(answer.held);
  const contentType = headerOf(answer.headers, 'content-type');
  return { head, totalBytes: Math.max(head.length, end.responseBytes), ...(contentType === undefined ? {} : { contentType }) };
}
