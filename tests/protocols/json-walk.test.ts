import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTrue, parseRange, stringIn, topLevelValues } from '../../main/core/protocols/json-walk.js';

const wanted = ['model', 'stream', 'input', 'a', 'metadata'] as const;
type Wanted = (typeof wanted)[number];

const key = fc.oneof(fc.constantFrom<string>(...wanted, 'mode', 'models', '', '__proto__'), fc.string({ unit: 'binary' }));
const member = fc.tuple(key, fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }));
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** Writes every character that may be escaped as an escape: the same JSON in other bytes. */
function escaped(text: string): string {
  return `"${[...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;
}

/** A JSON object as text, with duplicate keys, free white space and escapes anywhere. */
const objectText = fc
  .array(fc.tuple(member, space, space, fc.boolean(), fc.boolean()), { maxLength: 8 })
  .chain((members) => fc.tuple(fc.constant(members), space))
  .map(([members, outer]) => {
    const parts = members.map(([[name, value], before, after, escapeKey, pretty]) => {
      const label = escapeKey ? escaped(name) : JSON.stringify(name);
      return `${before}${label}${after}:${before}${JSON.stringify(value, null, pretty ? 2 : undefined)}${after}`;
    });
    return `${outer}{${outer}${parts.join(',')}}${outer}`;
  });

function asParsed(text: string): Partial<Record<Wanted, unknown>> {
  const parsed = JSON.parse(text) as Record<string, unknown>;
  return Object.fromEntries(wanted.filter((name) => Object.hasOwn(parsed, name)).map((name) => [name, parsed[name]]));
}

function asWalked(text: string): Partial<Record<Wanted, unknown>> | undefined {
  const bytes = Buffer.from(text);
  const found = topLevelValues(bytes, wanted);
  if (found === undefined) return undefined;
  return Object.fromEntries(Object.entries(found).map(([name, range]) => [name, parseRange(bytes, range)]));
}

describe('walking the bytes of a JSON object', () => {
  it('finds what JSON.parse finds, whatever the keys, values, white space and escapes', () => {
    fc.assert(
      fc.property(objectText, (text) => {
        expect(asWalked(text)).toEqual(asParsed(text));
      }),
      { numRuns: 500 },
    );
  });

  it('reads strings and literals as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 1, stringUnit: 'binary' }), fc.boolean(), (value, asEscapes) => {
        const written = typeof value === 'string' && asEscapes ? escaped(value) : JSON.stringify(value);
        const bytes = Buffer.from(`{"a":${written}}`);
        const at = topLevelValues(bytes, ['a'])?.a;
        const expected: unknown = JSON.parse(written);
        expect(stringIn(bytes, at)).toBe(typeof expected === 'string' ? expected : undefined);
        expect(isTrue(bytes, at)).toBe(expected === true);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, and never finds anything outside the bytes', () => {
    const bytesLikeJson = fc
      .array(fc.constantFrom(...Array.from('{}[]",:\\ntruefalse 0ae')), { maxLength: 40 })
      .map((c) => Buffer.from(c.join('')));
    const anyBytes = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(anyBytes, bytesLikeJson), (bytes) => {
        for (const range of Object.values(topLevelValues(bytes, wanted) ?? {})) {
          expect(range[0]).toBeGreaterThan(0);
          expect(range[1]).toBeGreaterThan(range[0]);
          expect(range[1]).toBeLessThan(bytes.length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses every true prefix of an object, and anything after it', () => {
    fc.assert(
      fc.property(objectText, fc.nat(), (text, cut) => {
        const whole = Buffer.from(text.trim());
        expect(topLevelValues(whole.subarray(0, cut % whole.length), wanted)).toBeUndefined();
        expect(topLevelValues(Buffer.concat([whole, Buffer.from('x')]), wanted)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['an array', '[{"model":"a"}]'],
    ['a string', '"model"'],
    ['a number', '1'],
    ['null', 'null'],
    ['a key without value', '{"model"}'],
    ['a value without key', '{"model":}'],
    ['a bare key', '{model:"a"}'],
    ['single quotes', "{'model':'a'}"],
    ['a comma too many', '{"model":"a",}'],
    ['a comma at the start', '{,"model":"a"}'],
    ['two values', '{"model":"a" "b"}'],
    ['two objects', '{"model":"a"}{"model":"b"}'],
    ['a string that never closes', '{"model":"a}'],
    ['a string closed by an escaped quote', '{"model":"a\\"}'],
    ['brackets that cross', '{"a":[{]}}'],
    ['an object closed as an array', '{"a":1]'],
    ['an array never closed', '{"a":[1}'],
    ['a NUL after the object', '{"model":"a"}\0'],
  ])('refuses %s', (_name, text) => {
    expect(topLevelValues(Buffer.from(text), wanted)).toBeUndefined();
  });

  it('is not misled by what stands inside strings and nested objects', () => {
    const text = JSON.stringify({
      input: [{ model: 'inner', text: '{"model":"quoted"},"model":"loose"' }],
      metadata: { model: 'nested', more: ['"}', '\\"', '\\'] },
      model: 'outer',
    });
    const bytes = Buffer.from(text);
    expect(stringIn(bytes, topLevelValues(bytes, wanted)?.model)).toBe('outer');
  });

  it('takes the last of two equal keys, however the second is spelt', () => {
    expect(asWalked('{"model":"a","model":"b"}')).toEqual({ model: 'b' });
    expect(asWalked('{"model":"a","mod\\u0065l":"b"}')).toEqual({ model: 'b' });
    expect(asWalked('{"\\u006dodel":"a"}')).toEqual({ model: 'a' });
  });

  it('refuses nesting deeper than anything honest instead of running out of memory', () => {
    const deep = (levels: number): Buffer => Buffer.from(`{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`);
    expect(topLevelValues(deep(500), wanted)).toBeDefined();
    expect(topLevelValues(deep(100_000), wanted)).toBeUndefined();
    expect(topLevelValues(Buffer.from(`{"a":${'['.repeat(1_000_000)}`), wanted)).toBeUndefined();
  });
});
