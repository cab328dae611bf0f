import type { Usage } from '../../../../shared/domain/turn-record.js';
import { parseRange, topLevelValues } from '../../protocols/json-walk.js';
import { readUsage } from '../../protocols/usage.js';
import { cutError, type Delivery, type DeliverInput, type FinishDelivery } from './delivery.js';
import { createResponseWriter } from './response-writer.js';

/** JSON answers are kept for reading their usage up to this size. */
const MAX_JSON_TAP_BYTES = 1024 * 1024;

/** Sends a document that is still arriving; a cut shows in the closed connection, since no event could say it. */
export function deliverDocument(input: DeliverInput, finish: FinishDelivery): void {
  const { turn, answer } = input;
  const { response } = turn;
  const writer = createResponseWriter(response, answer);
  const parts: Buffer[] = [];
  let bytes = 0;
  let done = false;
  const end = (how: Delivery['end']): void => {
    if (done) return;
    done = true;
    unsubscribe();
    if (how === 'aborted') answer.discard();
    else if (how === 'cut') response.destroy();
    else {
      writer.flush();
      response.end();
    }
    finish({
      end: how,
      bytes,
      usage: bytes <= MAX_JSON_TAP_BYTES ? usageOf(parts) : undefined,
      failureEvent: undefined,
      error: how === 'cut' ? cutError : undefined,
    });
  };
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= MAX_JSON_TAP_BYTES) parts.push(chunk);
    else parts.length = 0;
    writer.write(chunk);
  };
  const unsubscribe = turn.abort.onAbort(() => end('aborted'));
  for (const chunk of answer.held) take(chunk);
  if (answer.ended) end('completed');
  else answer.attach({ onData: take, onEnd: () => end('completed'), onError: () => end('cut') });
}

function usageOf(parts: readonly Buffer[]): Usage | undefined {
  const only = parts[0];
  if (only === undefined) return undefined;
  const body = parts.length === 1 ? only : Buffer.concat(parts);
  const at = topLevelValues(body, ['usage']);
  return at?.usage === undefined ? undefined : readUsage(parseRange(body, at.usage));
}
