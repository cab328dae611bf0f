import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Protocol } from '../../shared/domain/protocol.js';
import { createStreamHold, type HoldVerdict } from '../../main/core/protocols/stream-hold.js';
import { failureEvent, frameEvent, turnEvents, type Dialect, type WireEvent } from '../helpers/wire-events.js';
import { cutAt, everyCut, places } from './cuts.js';

const dialects: readonly Dialect[] = ['responses', 'chat', 'messages'];

/** What the hold has said when the whole stream has come, and after how many bytes it said it. */
function judge(protocol: Protocol, chunks: readonly Uint8Array[]): { verdict: HoldVerdict; afterBytes: number } {
  const hold = createStreamHold(protocol);
  let afterBytes = 0;
  for (const chunk of chunks) {
    afterBytes += chunk.length;
    const verdict = hold.push(chunk);
    if (verdict.kind !== 'waiting') return { verdict, afterBytes };
  }
  return { verdict: { kind: 'waiting' }, afterBytes };
}

function wire(events: readonly WireEvent[], newline = '\n'): Buffer {
  return Buffer.from(events.map((event) => frameEvent(event, newline)).join(''));
}

/** How many events of a usual turn say only that it has begun. */
const handshakes: Readonly<Record<Dialect, number>> = { responses: 2, chat: 0, messages: 1 };

function expectSame(protocol: Protocol, bytes: Buffer, expected: HoldVerdict): void {
  expect(judge(protocol, [bytes]).verdict).toEqual(expected);
  for (const chunks of everyCut(bytes)) expect(judge(protocol, chunks).verdict).toEqual(expected);
}

describe.each(dialects)('the beginning of a %s stream', (dialect) => {
  const events = turnEvents(dialect, { text: 'Hi ü.' });
  const before = events.slice(0, handshakes[dialect]);

  it.each(['\n', '\r\n'])('is held through the handshake and no further, with %j, wherever it is cut', (newline) => {
    const held = wire(before, newline);
    const first = wire(events.slice(0, before.length + 1), newline);
    expectSame(dialect, first, { kind: 'meaningful' });
    for (const chunks of everyCut(held)) expect(judge(dialect, chunks).verdict.kind).toBe('waiting');
    // Told as soon as the data line is complete, not only at the blank line after it.
    const byteByByte = judge(dialect, cutAt(first, [...first.keys()]));
    expect(byteByByte.afterBytes).toBe(first.length - newline.length);
  });

  it('shows an error after the handshake, or as the first thing, wherever it is cut', () => {
    const failure = failureEvent(dialect, 'server_is_overloaded', 'busy: é');
    for (const lead of [[], before]) expectSame(dialect, wire([...lead, failure]), { kind: 'failure', event: failure.data });
  });

  it('does not take an error that comes after the answer has begun', () => {
    const late = wire([...events.slice(0, before.length + 1), failureEvent(dialect, 'x', 'y')]);
    expectSame(dialect, late, { kind: 'meaningful' });
  });

  it('is not changed by a byte order mark, blank lines, comments or keep-alives before it', () => {
    const failure = failureEvent(dialect, 'server_is_overloaded', 'busy');
    const leads = [
      '\uFEFF',
      '\n\n',
      '\uFEFF\r\n',
      ': keepalive\n\n',
      ':\n\n: OPENROUTER PROCESSING\n\n',
      'retry: 3000\n\n',
      'id: 1\n',
      'data:\n\n',
    ];
    for (const lead of leads) {
      expectSame(dialect, Buffer.concat([Buffer.from(lead), wire([failure])]), { kind: 'failure', event: failure.data });
      expect(judge(dialect, [Buffer.from(lead)]).verdict.kind).toBe('waiting');
    }
  });

  it('is the same for arbitrary cuts and arbitrary text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.boolean(), places, (text, crlf, at) => {
        const bytes = wire(turnEvents(dialect, { text }), crlf ? '\r\n' : '\n');
        expect(judge(dialect, cutAt(bytes, at)).verdict).toEqual({ kind: 'meaningful' });
      }),
    );
  });

  it('never throws and never fails a turn on bytes that are no events', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .array(
          fc.constantFrom('data: ', 'data:', '{', '}', '"type"', ':', '[', '\n', '\r\n', '\uFEFF', 'null', '1', 'event: error'),
          { maxLength: 20 },
        )
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(bytes, places, (all, at) => {
        const whole = judge(dialect, [all]).verdict;
        expect(judge(dialect, cutAt(all, at)).verdict).toEqual(whole);
        expect(whole.kind).not.toBe('failure');
      }),
      { numRuns: 500 },
    );
  });
});

describe('the beginning of a stream', () => {
  it.each([
    ['{"error":{"message":"x"}}', 'json'],
    [' \n{"id":1}', 'json'],
    ['[1]', 'json'],
    ['<!doctype html>', 'html'],
    ['\uFEFF<html>', 'html'],
    ['\r\n\r\n  <html>', 'html'],
  ] as const)('%j is no stream at all but %s', (text, looksLike) => {
    const bytes = Buffer.from(text);
    expectSame('responses', bytes, { kind: 'not-sse', looksLike });
  });

  it('waits through a created event of several megabytes, and sees the error behind it', () => {
    const failure = failureEvent('responses', 'server_is_overloaded', 'busy');
    const created = {
      event: 'response.created',
      data: { type: 'response.created', response: { instructions: 'x'.repeat(3_000_000) } },
    };
    const bytes = wire([created, failure]);
    const at = Array.from({ length: 200 }, (_, index) => index * 16_384);
    expect(judge('responses', cutAt(bytes, at)).verdict).toEqual({ kind: 'failure', event: failure.data });
  });

  it.each([
    ['keepalive', { type: 'keepalive' }],
    ['rate limits', { type: 'codex.rate_limits', rate_limits: {} }],
    ['metadata', { type: 'response.metadata' }],
    ['queued', { type: 'response.queued' }],
  ])('waits through %s of the Responses API', (_name, data) => {
    expect(judge('responses', [wire([{ data }])]).verdict.kind).toBe('waiting');
  });

  it('waits through a ping of Messages', () => {
    expect(judge('messages', [wire([{ event: 'ping', data: { type: 'ping' } }])]).verdict.kind).toBe('waiting');
  });

  it('lets an event type nobody knows pass as part of the answer', () => {
    expect(judge('responses', [wire([{ data: { type: 'response.brand_new' } }])]).verdict.kind).toBe('meaningful');
  });

  it('sees an error object where an event should be, as relays send it', () => {
    const data = { error: { message: 'quota exceeded', code: 'insufficient_quota' } };
    for (const protocol of ['responses', 'chat'] as const) {
      expect(judge(protocol, [wire([{ data }])]).verdict).toEqual({ kind: 'failure', event: data });
    }
  });

  it('does not take text about errors for an error', () => {
    const delta = { type: 'response.output_text.delta', delta: 'event: error\ndata: {"type":"error","error":{}}' };
    expect(judge('responses', [wire([{ data: delta }])]).verdict.kind).toBe('meaningful');
    const chunk = { choices: [{ delta: { content: '{"error":{"message":"x"}}' } }], error: null };
    expect(judge('chat', [wire([{ data: chunk }])]).verdict.kind).toBe('meaningful');
  });

  it('is no answer when it holds nothing but [DONE]', () => {
    expectSame('chat', Buffer.from('data: [DONE]\n\n'), { kind: 'waiting' });
  });

  it('keeps the usage that Messages reports at its start', () => {
    const hold = createStreamHold('messages');
    hold.push(wire(turnEvents('messages', { usage: { input: 40, output: 9, cached: 5 } }).slice(0, 1)));
    expect(hold.usage()).toEqual({ input_tokens: 40, output_tokens: 1, total_tokens: 41, cached_input_tokens: 5 });
  });
});
