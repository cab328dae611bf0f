import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protocols, type Protocol } from '../../shared/domain/protocol.js';
import { createStreamHold } from '../../main/core/protocols/stream-hold.js';
import { createStreamTap } from '../../main/core/protocols/stream-tap.js';
import { errorBody, errorEvent, keepaliveEvent, type RelayError } from '../../main/core/protocols/synthetic-events.js';

const error: RelayError = { code: 'UPSTREAM_STREAM_CUT', message: 'gone', turnId: 'turn-1', nowMs: 1_795_000_000_500 };

/** Events as a client reads them (WHATWG, 9.2.6). */
function clientEvents(text: string): readonly { readonly event: string; readonly data: string }[] {
  const events: { event: string; data: string }[] = [];
  let event = 'message';
  let data: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') {
      if (data.length > 0) events.push({ event, data: data.join('\n') });
      event = 'message';
      data = [];
    } else if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) data.push(line.slice(6));
    else expect(line).toMatch(/^:/);
  }
  expect(data).toEqual([]);
  return events;
}

/** How Codex reads the wait from a message. */
function codexWaitMs(message: string): number | undefined {
  const found = /(?:please )?try again in\s*(\d+(?:\.\d+)?)\s*(s|ms|seconds?)/i.exec(message);
  if (found === null) return undefined;
  return Number(found[1]) * (found[2] === 'ms' ? 1 : 1000);
}

describe.each(protocols)('events of ours in %s', (protocol: Protocol) => {
  it('are whole SSE events of valid JSON, whatever the message holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.option(fc.nat(1e8), { nil: undefined }), (message, wait) => {
        const text = errorEvent(protocol, { ...error, message, ...(wait === undefined ? {} : { retryAfterMs: wait }) });
        const events = clientEvents(text).filter(({ data }) => data !== '[DONE]');
        expect(events).toHaveLength(1);
        expect(JSON.stringify(JSON.parse(events[0]?.data ?? ''))).toContain(JSON.stringify(message).slice(1, -1));
      }),
    );
  });

  it('are understood by our own reading of the protocol as a failure', () => {
    const bytes = Buffer.from(errorEvent(protocol, error));
    expect(createStreamHold(protocol).push(bytes).kind).toBe('failure');
    const tap = createStreamTap(protocol);
    tap.push(bytes);
    expect(tap.summary().closing).toBe('failed');
    expect(tap.atBoundary()).toBe(true);
  });

  it('keep a stream alive without being part of the answer', () => {
    const hold = createStreamHold(protocol);
    expect(hold.push(Buffer.from(keepaliveEvent(protocol))).kind).toBe('waiting');
    clientEvents(keepaliveEvent(protocol));
  });

  it('carry the turn and the code in the JSON body', () => {
    const text = JSON.stringify(errorBody(protocol, error, 502));
    expect(text).toContain('turn-1');
    expect(text).toContain('UPSTREAM_STREAM_CUT');
    expect(text).toContain('gone');
  });
});

describe('what Codex is told', () => {
  const failed = (message: string, retryAfterMs?: number) => {
    const text = errorEvent('responses', { ...error, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    const [event] = clientEvents(text);
    expect(event?.event).toBe('response.failed');
    return JSON.parse(event?.data ?? '') as {
      type: string;
      response: { status: string; error: { code: string; message: string } };
    };
  };

  it.each([
    [200, 200],
    [0, 200],
    [1, 200],
    [1_000, 1_000],
    [1_234, 1_300],
    [59_950, 60_000],
    [60_000, 60_000],
  ])('a wait of %d ms is rate_limit_exceeded with words that Codex reads as %d ms', (wait, read) => {
    const { response, type } = failed('All endpoints rest.', wait);
    expect(type).toBe('response.failed');
    expect(response.status).toBe('failed');
    expect(response.error.code).toBe('rate_limit_exceeded');
    expect(codexWaitMs(response.error.message)).toBeCloseTo(read);
  });

  it('is our wait also when the upstream named another one in its own words', () => {
    const { response } = failed('relay/default: Rate limit reached. Please try again in 1800s. Visit the site.', 5_000);
    expect(codexWaitMs(response.error.message)).toBe(5_000);
    expect(response.error.message).toContain('Rate limit reached');
  });

  it('never ends a turn for good: without a wait the code is one that Codex retries with its own backoff', () => {
    expect(failed('cut').response.error.code).toBe('server_error');
    expect(codexWaitMs(failed('cut').response.error.message)).toBeUndefined();
  });

  it('keep-alives are data events, since Codex does not count comments', () => {
    expect(clientEvents(keepaliveEvent('responses'))).toEqual([{ event: 'message', data: '{"type":"keepalive"}' }]);
  });

  it('chat streams that fail still end in [DONE]', () => {
    expect(clientEvents(errorEvent('chat', error)).at(-1)?.data).toBe('[DONE]');
  });
});

describe('error types by status', () => {
  it.each([
    [400, 'invalid_request_error', 'invalid_request_error'],
    [401, 'authentication_error', 'authentication_error'],
    [403, 'invalid_request_error', 'permission_error'],
    [404, 'invalid_request_error', 'not_found_error'],
    [413, 'invalid_request_error', 'request_too_large'],
    [429, 'rate_limit_error', 'rate_limit_error'],
    [502, 'server_error', 'api_error'],
    [503, 'server_error', 'overloaded_error'],
  ])('%d', (status, openAi, anthropic) => {
    expect(errorBody('responses', error, status)).toMatchObject({ error: { type: openAi } });
    expect(errorBody('chat', error, status)).toMatchObject({ error: { type: openAi } });
    expect(errorBody('messages', error, status)).toMatchObject({ type: 'error', error: { type: anthropic } });
  });
});
