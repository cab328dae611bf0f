import { responseHeaders } from '../../upstream/headers.js';
import { deliverDocument } from './deliver-document.js';
import { deliverStream } from './deliver-stream.js';
import type { Delivery, DeliverInput, FinishDelivery } from './delivery.js';

/** The commit point: sends the held bytes, then everything that follows, and watches how it ends. Never retries. */
export function deliver(input: DeliverInput): Promise<Delivery> {
  return new Promise((resolve) => {
    const { turn, answer } = input;
    const { response } = turn;
    const isStream = answer.isStream && answer.status < 300;
    const whole = isStream || !answer.ended ? undefined : Buffer.concat(answer.held);
    const headers = responseHeaders({
      upstream: answer.headers,
      decoded: answer.decoded,
      keepLength: !isStream && whole === undefined,
      clientModel: input.clientModel,
      own: whole === undefined ? input.ownHeaders : [...input.ownHeaders, 'content-length', String(whole.length)],
    });
    response.writeHead(answer.status, headers);
    const firstByteAtMs = input.clock.monotonicMs();
    const finish: FinishDelivery = (ending) => resolve({ ...ending, firstByteAtMs });
    if (whole !== undefined) {
      // One string joins the head in one write; latin1 keeps every byte.
      response.end(whole.toString('latin1'), 'latin1');
      finish({ end: 'completed', bytes: whole.length, usage: answer.earlyUsage(), failureEvent: undefined, error: undefined });
    } else if (isStream) deliverStream(input, finish);
    else deliverDocument(input, finish);
  });
}
