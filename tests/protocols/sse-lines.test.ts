import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter, dataOf, join, parseData } from '../../main/core/protocols/sse-lines.js';
import { cutAt, everyCut, places } from './cuts.js';

const MAX = 32;

function linesOf(chunks: readonly Uint8Array[], maxLineBytes = 1024): { lines: readonly string[]; rest: string } {
  const splitter = createLineSplitter(maxLineBytes);
  const lines: string[] = [];
  for (const chunk of chunks) splitter.push(chunk, (line) => lines.push(Buffer.from(line).toString('latin1')));
  return { lines, rest: Buffer.from(splitter.rest()).toString('latin1') };
}

describe('the line splitter', () => {
  it('gives the same lines wherever the bytes are cut', () => {
    const stream = Buffer.from('event: a\r\ndata: {"x":"é\\n"}\r\n\r\n: c\n\ndata:1\ndata: 2\n\nda');
    const whole = linesOf([stream]);
    expect(whole.lines).toEqual([
      'event: a',
      `data: {"x":"${Buffer.from('é').toString('latin1')}\\n"}`,
      '',
      ': c',
      '',
      'data:1',
      'data: 2',
      '',
    ]);
    expect(whole.rest).toBe('da');
    for (const chunks of everyCut(stream)) expect(linesOf(chunks)).toEqual(whole);
  });

  it('agrees with splitting the whole text, for any bytes', () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(10, 13, 100, 58, 239), fc.nat(255)), { maxLength: 80 });
    fc.assert(
      fc.property(bytes, places, (values, at) => {
        const all = Buffer.from(values);
        const parts = all.toString('latin1').split('\n');
        const rest = parts.pop();
        expect(linesOf(cutAt(all, at))).toEqual({ lines: parts.map((line) => line.replace(/\r$/, '')), rest });
      }),
      { numRuns: 500 },
    );
  });

  it('drops a line that is too long as a whole, wherever it is cut, and reads on after it', () => {
    const stream = Buffer.from(`short\n${'x'.repeat(MAX + 1)}\n${'y'.repeat(MAX)}\nend\n`);
    for (const chunks of everyCut(stream)) {
      expect(linesOf(chunks, MAX).lines).toEqual(['short', 'y'.repeat(MAX), 'end']);
    }
    expect(linesOf([stream], MAX).lines).toEqual(['short', 'y'.repeat(MAX), 'end']);
  });

  it('does not look at a byte twice in a line that comes in many pieces', () => {
    const piece = Buffer.alloc(1024, 0x61);
    const splitter = createLineSplitter(64 * 1024 * 1024);
    let length = 0;
    for (let count = 0; count < 20_000; count++) splitter.push(piece, () => undefined);
    splitter.push(Buffer.from('\n'), (line) => void (length = line.length));
    expect(length).toBe(20_000 * 1024);
  });
});

describe('the payload of a data line', () => {
  it.each([
    ['data: x', 'x'],
    ['data:x', 'x'],
    ['data:  x', ' x'],
    ['data:', ''],
    ['data: ', ''],
    ['data', undefined],
    ['Data: x', undefined],
    [': data: x', undefined],
    ['event: data: x', undefined],
    ['datax: 1', undefined],
    ['', undefined],
  ])('of %j is %j', (line, expected) => {
    const data = dataOf(Buffer.from(line));
    expect(data === undefined ? undefined : Buffer.from(data).toString()).toBe(expected);
  });

  it('is undefined when it is not JSON', () => {
    expect(parseData(Buffer.from('[DONE]'))).toBeUndefined();
    expect(parseData(Buffer.from('{"a":1'))).toBeUndefined();
    expect(parseData(Buffer.from([0xff, 0xfe]))).toBeUndefined();
    expect(parseData(Buffer.from('{"a":"ü"}'))).toEqual({ a: 'ü' });
  });
});

describe('joining pieces', () => {
  it('gives the bytes back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), places, (bytes, at) => {
        expect(Buffer.from(join(cutAt(bytes, at))).equals(Buffer.from(bytes))).toBe(true);
      }),
    );
  });
});
