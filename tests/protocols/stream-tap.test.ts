import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Protocol } from '../../shared/domain/protocol.js';
import { createStreamHold } from '../../main/core/protocols/stream-hold.js';
import { createStreamTap, type StreamSummary } from '../../main/core/protocols/stream-tap.js';
import { failureEvent, frameEvent, turnEvents, type Dialect, type WireEvent } from '../helpers/wire-events.js';
import { cutAt, everyCut, places } from './cuts.js';

const dialects: readonly Dialect[] = ['responses', 'chat', 'messages'];

function summaryOf(protocol: Protocol, chunks: readonly Uint8Array[]): StreamSummary {
  const hold = createStreamHold(protocol);
  for (const chunk of chunks) if (hold.push(chunk).kind !== 'waiting') break;
  const tap = createStreamTap(protocol, hold.usage());
  for (const chunk of chunks) tap.push(chunk);
  return tap.summary();
}

function wire(events: readonly WireEvent[], newline = '\n'): Buffer {
  return Buffer.from(events.map((event) => frameEvent(event, newline)).join(''));
}

/** The token counts every dialect reports. */
const usage = { input_tokens: 11, output_tokens: 7, total_tokens: 18, cached_input_tokens: 3 };

describe.each(dialects)('the end of a %s stream', (dialect) => {
  const events = turnEvents(dialect, { text: 'one two three four five six seven eight nine ten eleven twelve thirteen' });

  it.each(['\n', '\r\n'])('is found with its usage wherever the stream is cut, with %j', (newline) => {
    const bytes = wire(turnEvents(dialect, { text: 'Hi ü' }), newline);
    const whole = summaryOf(dialect, [bytes]);
    expect(whole).toMatchObject({ closing: 'completed', usage, failure: undefined });
    for (const chunks of everyCut(bytes)) expect(summaryOf(dialect, chunks)).toEqual(whole);
  });

  it('is found for arbitrary text, length, cuts and line ends', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 60 }),
        fc.boolean(),
        places,
        (words, crlf, at) => {
          const bytes = wire(turnEvents(dialect, { text: words.join(' ') }), crlf ? '\r\n' : '\n');
          const summary = summaryOf(dialect, cutAt(bytes, at));
          expect(summary).toMatchObject({ closing: 'completed', usage, failure: undefined });
        },
      ),
    );
  });

  it('is found when the last newline is missing', () => {
    for (const newline of ['\n', '\r\n']) {
      const bytes = wire(events, newline);
      for (let missing = 1; missing <= newline.length * 2; missing++) {
        expect(summaryOf(dialect, [bytes.subarray(0, -missing)])).toMatchObject({ closing: 'completed', usage });
      }
    }
  });

  it('is missing when the stream is cut before it, at every byte', () => {
    // For chat the finish reason already says that the text is whole; [DONE] and usage only follow it.
    const closing = dialect === 'chat' ? 3 : 1;
    const before = wire(events.slice(0, -closing));
    const last = wire(events.slice(-closing, events.length - closing + 1));
    for (let length = 0; length < last.length - 3; length++) {
      expect(summaryOf(dialect, [before, last.subarray(0, length)]).closing).toBeUndefined();
    }
  });

  it('is a failure, with its event, when the upstream says so after the text has begun', () => {
    const failure = failureEvent(dialect, 'server_is_overloaded', 'busy');
    const bytes = wire([...events.slice(0, 6), failure]);
    for (const chunks of everyCut(bytes))
      expect(summaryOf(dialect, chunks)).toMatchObject({ closing: 'failed', failure: failure.data });
  });

  it('is not claimed by text that only mentions it', () => {
    const mention =
      'event: response.completed data: {"type":"response.completed"} data: [DONE] {"type":"message_stop"} "finish_reason":"stop"';
    const text = Array.from({ length: 30 }, () => mention).join('\n\n');
    const talk = turnEvents(dialect, { text }).slice(0, -4);
    const bytes = wire(talk);
    expect(summaryOf(dialect, [bytes]).closing).toBeUndefined();
    fc.assert(
      fc.property(places, (at) => {
        expect(summaryOf(dialect, cutAt(bytes, at)).closing).toBeUndefined();
      }),
    );
  });

  it('is found behind keep-alives and comments', () => {
    const trailer = Buffer.from(': keepalive\n\n: keepalive\n\n');
    expect(summaryOf(dialect, [wire(events), trailer])).toMatchObject({ closing: 'completed', usage });
  });

  it('never throws, and says the same of any bytes wherever they are cut', () => {
    const line = fc.constantFrom(
      'data: {"type":"response.completed"}',
      'data: [DONE]',
      'data: {"choices":[null]}',
      'data: null',
      'data: 1',
      'event: x',
      '',
      ': c',
      '{"type":"message_stop"}',
      'data:{"type":"message_stop","usage":7}',
    );
    const text = fc
      .tuple(fc.array(line, { maxLength: 60 }), fc.constantFrom('\n', '\r\n'))
      .map(([lines, end]) => Buffer.from(lines.join(end)));
    fc.assert(
      fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 99 })), places, (bytes, at) => {
        expect(summaryOf(dialect, cutAt(bytes, at))).toEqual(summaryOf(dialect, [bytes]));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the end of a stream', () => {
  it('is found in a closing line of megabytes that comes in small pieces', () => {
    const data = {
      type: 'response.completed',
      response: { output: ['x'.repeat(3_000_000)], usage: { input_tokens: 1, output_tokens: 2 } },
    };
    const bytes = wire([...turnEvents('responses').slice(0, 5), { event: 'response.completed', data }]);
    const at = Array.from({ length: 300 }, (_, index) => index * 10_007);
    expect(summaryOf('responses', cutAt(bytes, at))).toMatchObject({
      closing: 'completed',
      usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
    });
  });

  it('of chat may lack [DONE]', () => {
    const events = turnEvents('chat').slice(0, -1);
    expect(summaryOf('chat', [wire(events)])).toMatchObject({ closing: 'completed', usage });
  });

  it('of chat may lack the usage', () => {
    const events = turnEvents('chat').filter((event) => typeof event.data === 'string' || !('usage' in (event.data as object)));
    expect(summaryOf('chat', [wire(events)])).toEqual({ closing: 'completed', usage: undefined, failure: undefined });
  });

  it.each(['responses', 'messages'] as const)(
    'of %s is not [DONE]: a client of that protocol waits for its own closing event',
    (protocol) => {
      const done = Buffer.from('data: [DONE]\n\n');
      const events = turnEvents(protocol);
      expect(summaryOf(protocol, [wire(events.slice(0, -1)), done]).closing).toBeUndefined();
      expect(summaryOf(protocol, [wire(events), done]).closing).toBe('completed');
    },
  );

  it('of a turn at its token limit is regular', () => {
    const data = {
      type: 'response.incomplete',
      response: { incomplete_details: { reason: 'max_output_tokens' }, usage: { input_tokens: 1, output_tokens: 9 } },
    };
    expect(summaryOf('responses', [wire([{ event: data.type, data }])])).toMatchObject({
      closing: 'incomplete',
      usage: { total_tokens: 10 },
    });
  });

  it('of Messages adds the input of its start to the output of its end, however long it was', () => {
    const text = Array.from({ length: 200 }, (_, index) => `word${index}`).join(' ');
    const bytes = wire(turnEvents('messages', { text, usage: { input: 100, output: 400, cached: 60 } }));
    const at = Array.from({ length: 100 }, (_, index) => index * 97);
    expect(summaryOf('messages', cutAt(bytes, at)).usage).toEqual({
      input_tokens: 100,
      output_tokens: 400,
      total_tokens: 500,
      cached_input_tokens: 60,
    });
  });
});

describe('the boundary between events', () => {
  it('is where one event is complete, wherever the stream is cut', () => {
    for (const newline of ['\n', '\r\n']) {
      const first = wire([{ event: 'a', data: { a: 'x' } }], newline);
      const bytes = Buffer.concat([first, wire([{ data: { b: 1 } }], newline)]);
      for (let length = 0; length <= bytes.length; length++) {
        const expected = length === 0 || length === first.length || length === bytes.length;
        for (const chunks of [cutAt(bytes.subarray(0, length), []), cutAt(bytes.subarray(0, length), [...bytes.keys()])]) {
          const tap = createStreamTap('responses');
          for (const chunk of chunks) tap.push(chunk);
          expect(tap.atBoundary()).toBe(expected);
        }
      }
    }
  });
});
