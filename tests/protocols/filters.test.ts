import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFilters } from '../../main/core/protocols/filters.js';

function apply(text: string, ...filters: Parameters<typeof compileFilters>[0]): string {
  return compileFilters(filters)?.apply(text) ?? text;
}

describe('redaction rules', () => {
  it('are none when there are none', () => {
    expect(compileFilters([])).toBeUndefined();
  });

  it('replace and remove every match, in order, each seeing what the one before left', () => {
    expect(apply('key sk-abc and sk-def', { op: 'replace', source: 'sk-[a-z]+', target: 'KEY' })).toBe('key KEY and KEY');
    expect(apply('a1b2', { op: 'remove', source: '\\d' })).toBe('ab');
    expect(apply('one', { op: 'replace', source: 'one', target: 'two' }, { op: 'replace', source: 'two', target: 'three' })).toBe(
      'three',
    );
  });

  it('ignore a target when removing, and replace by nothing when there is no target', () => {
    expect(apply('abc', { op: 'remove', source: 'b', target: 'X' })).toBe('ac');
    expect(apply('abc', { op: 'replace', source: 'b' })).toBe('ac');
  });

  it('may use groups of the pattern in the target', () => {
    expect(apply('user@host', { op: 'replace', source: '(\\w+)@(\\w+)', target: '$2 of $1' })).toBe('host of user');
  });

  it('take a source that is no pattern literally, target included', () => {
    expect(apply('a (b( c', { op: 'replace', source: '(b(', target: '$&' })).toBe('a $& c');
    expect(apply('x[y', { op: 'remove', source: '[' })).toBe('xy');
  });

  it('match whole characters, not halves of them', () => {
    expect(apply('a😀b', { op: 'replace', source: 'a.b', target: 'X' })).toBe('X');
    expect(apply('😀', { op: 'replace', source: '[\\u{1F600}]', target: ':)' })).toBe(':)');
  });

  it('leave nothing of a literal secret, whatever characters it is made of', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.string(), fc.string(), (secret, before, after) => {
        const source = secret.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
        const text = `${before}${secret}${after}`;
        expect(apply(text, { op: 'remove', source })).toBe(text.split(secret).join(''));
      }),
    );
  });

  it('never throw, whatever the pattern', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), fc.string({ maxLength: 30 }), (source, target, text) => {
        expect(typeof apply(text, { op: 'replace', source, target })).toBe('string');
      }),
    );
  });

  it('give the same answer at every use: nothing of one text leaks into the next', () => {
    const filter = compileFilters([{ op: 'remove', source: 'a' }]);
    expect([filter?.apply('aXa'), filter?.apply('aXa'), filter?.apply('a')]).toEqual(['X', 'X', '']);
  });
});

describe('patterns as other tools write them', () => {
  it.each([
    ['(?i)SECRET', 'a secret', 'a '],
    ['sk\\-x', 'key sk-x', 'key '],
    ['(?is)a.b', 'A\nb', ''],
  ])('%s redacts', (source, text, expected) => {
    expect(compileFilters([{ op: 'remove', source }])?.apply(text)).toBe(expected);
  });
});
