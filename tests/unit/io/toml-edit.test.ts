import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import type { ConfigEdit, TomlValue } from '../../../shared/control/contract.js';
import { editToml } from '../../../main/core/io/toml-edit.js';
import { applySplices, invertSplices } from '../../../main/core/io/toml-splice.js';
import { tomlDocuments } from './toml-arbitrary.js';

function set(text: string, path: readonly string[], value: TomlValue): string {
  return editToml(text, [{ op: 'set', path: [...path], value }]).text;
}
function remove(text: string, path: readonly string[]): string {
  return editToml(text, [{ op: 'remove', path: [...path] }]).text;
}

describe('setting a value', () => {
  it('replaces only the value and keeps the comment behind it', () => {
    expect(set('# top\nmodel   = "a" # mine\nother = 1\n', ['model'], 'b')).toBe('# top\nmodel   = "b" # mine\nother = 1\n');
  });
  it('leaves the text alone when the value is already there, however it is written', () => {
    const text = "a = 1_000\nb = 'x'\nc = { d = [1,2,] }\n";
    const edits: ConfigEdit[] = [
      { op: 'set', path: ['a'], value: 1000 },
      { op: 'set', path: ['b'], value: 'x' },
      { op: 'set', path: ['c'], value: { d: [1, 2] } },
    ];
    expect(editToml(text, edits)).toEqual({ text, splices: [] });
  });
  it('puts a root key behind the last root key, never into a table', () => {
    expect(set('a = 1 # c\n\n# about t\n[t]\nx = 1\n', ['b'], true)).toBe('a = 1 # c\nb = true\n\n# about t\n[t]\nx = 1\n');
  });
  it('puts the first root key above the comment that belongs to the first table', () => {
    expect(set('# file\n\n# about t\n[t]\n', ['b'], 1)).toBe('# file\n\nb = 1\n\n# about t\n[t]\n');
    expect(set('[t]\n', ['b'], 1)).toBe('b = 1\n\n[t]\n');
  });
  it('writes into an empty file, a comment-only file and one without final newline', () => {
    expect(set('', ['a'], 1)).toBe('a = 1\n');
    expect(set('# only', ['a'], 1)).toBe('# only\na = 1\n');
    expect(set('x = 1', ['a'], 1)).toBe('x = 1\na = 1\n');
    expect(set('', ['t'], { a: 1 })).toBe('[t]\na = 1\n');
  });
  it('puts a table key behind the last key of that table, before comments of the next table', () => {
    const text = '[a]\n  x = 1 # one\n\n# about b\n[b]\ny = 2\n';
    expect(set(text, ['a', 'z'], 'v')).toBe('[a]\n  x = 1 # one\n  z = "v"\n\n# about b\n[b]\ny = 2\n');
    expect(set('[a] # c\n# free\n[b]\n', ['a', 'z'], 1)).toBe('[a] # c\nz = 1\n# free\n[b]\n');
  });
  it('keeps CRLF and BOM, and follows the majority where endings are mixed', () => {
    expect(set('\ufeffa = 1\r\n[t]\r\n', ['b'], 2)).toBe('\ufeffa = 1\r\nb = 2\r\n[t]\r\n');
    expect(set('a = 1\nc = 1\r\nd = 1\r\n', ['b'], 2)).toBe('a = 1\nc = 1\r\nd = 1\r\nb = 2\r\n');
  });
  it('writes a table block at the end for a table that does not exist', () => {
    expect(set('a = 1', ['providers', 'x.y'], { base_url: 'u', tags: ['t'], limits: { rpm: 1 } })).toBe(
      'a = 1\n\n[providers."x.y"]\nbase_url = "u"\ntags = ["t"]\n\n[providers."x.y".limits]\nrpm = 1\n',
    );
    expect(set('a = 1\n', ['routing', 'active'], 'x')).toBe('a = 1\n\n[routing]\nactive = "x"\n');
  });
  it('extends dotted keys where they stand', () => {
    expect(set('[s]\na.b = 1\nc = 2\n', ['s', 'a', 'x y'], 3)).toBe('[s]\na.b = 1\na."x y" = 3\nc = 2\n');
    expect(set('a.b = 1\n[t]\n', ['a', 'c', 'd'], 3)).toBe('a.b = 1\na.c = { d = 3 }\n[t]\n');
  });
  it('extends inline tables and inline arrays without a trailing comma', () => {
    expect(set('p = { x = { k = 1 } }\n', ['p', 'y'], { k: 2 })).toBe('p = { x = { k = 1 }, y = { k = 2 } }\n');
    expect(set('p = {}\n', ['p', 'y'], 1)).toBe('p = { y = 1 }\n');
    expect(set('l = [\n  1,\n  2, # two\n]\n', ['l', '2'], 3)).toBe('l = [\n  1,\n  2, 3, # two\n]\n');
    expect(set('l = [{ a = 1 }]\n', ['l', '0', 'a'], 2)).toBe('l = [{ a = 2 }]\n');
  });
  it('gives a header to a table that only had sub-tables', () => {
    expect(set('[a.b.c]\nx = 1\n', ['a', 'b', 'y'], 2)).toBe('[a.b.c]\nx = 1\n\n[a.b]\ny = 2\n');
  });
  it('reaches elements of table arrays and appends new ones', () => {
    const text = '[[routes]]\nmodel = "a"\n[routes.to]\nx = 1\n\n[[routes]]\nmodel = "b"\n';
    expect(set(text, ['routes', '0', 'model'], 'z')).toBe(text.replace('"a"', '"z"'));
    expect(set(text, ['routes', '0', 'new'], 1)).toBe(text.replace('"a"\n', '"a"\nnew = 1\n'));
    expect(set(text, ['routes', '0', 'table'], { k: 1 })).toBe(text.replace('"a"\n', '"a"\ntable = { k = 1 }\n'));
    expect(set(text, ['routes', '1', 'table'], { k: 1 })).toBe(`${text}\n[routes.table]\nk = 1\n`);
    expect(set(text, ['routes', '2'], { model: 'c' })).toBe(`${text}\n[[routes]]\nmodel = "c"\n`);
    expect(set('', ['routes', '0'], { model: 'c' })).toBe('[[routes]]\nmodel = "c"\n');
  });
  it('brings an existing table to a new value and keeps the comments of what stays', () => {
    const text = '[p.x] # mine\na = 1 # one\nb = 2\n\n[q]\nc = 3\n';
    expect(set(text, ['p', 'x'], { a: 1, n: 'v' })).toBe('[p.x] # mine\na = 1 # one\nn = "v"\n\n[q]\nc = 3\n');
  });
  it('replaces a value by a table and a table by a value', () => {
    expect(parse(set('a = 1\nb = 2\n', ['a'], { x: 1 }))).toEqual({ a: { x: 1 }, b: 2 });
    expect(parse(set('[a]\nx = 1\n[a.y]\n[b]\n', ['a'], 5))).toEqual({ a: 5, b: {} });
  });
  it('escapes what must be escaped', () => {
    const value = 'quote " back \\ tab \t nl \n nul \u0000 del \u007f é 😀';
    expect(parse(set('', ['a b', 'c"d'], value))).toEqual({ 'a b': { 'c"d': value } });
  });
});

describe('removing', () => {
  it('removes the line of a key with its comment, also when the value has many lines', () => {
    expect(remove('a = 1\nb = [\n 1, # x\n] # gone\n# stays\nc = 2\n', ['b'])).toBe('a = 1\n# stays\nc = 2\n');
  });
  it('removes a table with its sub-tables but not the comment above the next table', () => {
    const text = 'r = 1\n\n[a]\nx = 1\n\n[a.sub]\ny = 1\n\n# about b\n[b]\nz = 1\n';
    expect(remove(text, ['a'])).toBe('r = 1\n\n# about b\n[b]\nz = 1\n');
  });
  it('removes members of inline tables and arrays with one comma', () => {
    expect(remove('p = { a = 1, b = 2, c = 3 }\n', ['p', 'a'])).toBe('p = { b = 2, c = 3 }\n');
    expect(remove('p = { a = 1, b = 2, c = 3 }\n', ['p', 'c'])).toBe('p = { a = 1, b = 2 }\n');
    expect(remove('p = { d.x = 1, d.y = 2, c = 3 }\n', ['p', 'd'])).toBe('p = { c = 3 }\n');
    expect(parse(remove('p = [1, ]\n', ['p', '0']))).toEqual({ p: [] });
  });
  it('removes one element of a table array with all its tables', () => {
    const text = '[[r]]\na = 1\n[r.s]\nb = 1\n[[r]]\na = 2\n';
    expect(remove(text, ['r', '0'])).toBe('[[r]]\na = 2\n');
    expect(remove(text, ['r', '1'])).toBe('[[r]]\na = 1\n[r.s]\nb = 1\n');
  });
  it('does nothing where nothing is', () => {
    const text = 'a = 1979-05-27\n';
    expect(editToml(text, [{ op: 'remove', path: ['x', 'y'] }])).toEqual({ text, splices: [] });
    expect(editToml(text, [{ op: 'remove', path: ['a', 'y'] }])).toEqual({ text, splices: [] });
  });
});

describe('refusing', () => {
  it('names line and column of a syntax error', () => {
    expect(() => editToml('a = 1\nb = \n', [])).toThrow(
      expect.objectContaining({
        code: 'CONFIG_SYNTAX',
        details: { position: { file: '', line: 2, column: expect.any(Number) } },
      }),
    );
    expect(() => editToml('a = 1\na = 2\n', [])).toThrow(expect.objectContaining({ code: 'CONFIG_SYNTAX' }));
    expect(() => editToml('a = { x = 1,\n y = 2 }\n', [])).toThrow(expect.objectContaining({ code: 'CONFIG_SYNTAX' }));
  });
  it.each([
    ['a key below a value that is no table', 'a = 1\n', ['a', 'b'], 1],
    ['an element that would leave a gap', '[[r]]\n', ['r', '5'], { x: 1 }],
    ['an element of an inline list that would leave a gap', 'l = [1]\n', ['l', '3'], 1],
    ['text that TOML cannot hold', '', ['a'], 'lone \ud800 surrogate'],
  ] as const)('refuses %s', (_, text, path, value) => {
    expect(() => set(text, path, value)).toThrow(expect.objectContaining({ code: 'CLIENT_EDIT_UNSAFE' }));
  });
});

const segments = fc.constantFrom('k0', 'q.0', 'l 1', 'd0', 'x', 't0', 'sub', 's0', 'a0', '0', '1', '2', 'new', 'y z', 'p');
const values: fc.Arbitrary<TomlValue> = fc.letrec<{ value: TomlValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b c', 'd.e', '__proto__'), tie('value'), { maxKeys: 3 }),
  ),
})).value;
const edits: fc.Arbitrary<ConfigEdit> = fc.oneof(
  fc.record({ op: fc.constant('set' as const), path: fc.array(segments, { minLength: 1, maxLength: 4 }), value: values }),
  fc.record({ op: fc.constant('remove' as const), path: fc.array(segments, { minLength: 1, maxLength: 4 }) }),
);

describe('for any document and any edits', () => {
  it('undoing the splices gives the same bytes, and the splices are exactly the difference', () => {
    let done = 0;
    fc.assert(
      fc.property(tomlDocuments(), fc.array(edits, { minLength: 1, maxLength: 3 }), (text, list) => {
        let result;
        try {
          result = editToml(text, list);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CLIENT_EDIT_UNSAFE' });
          return;
        }
        done += 1;
        expect(applySplices(text, result.splices)).toBe(result.text);
        expect(applySplices(result.text, invertSplices(result.splices))).toBe(text);
        for (const splice of result.splices) expect(text.startsWith(splice.removed, splice.at)).toBe(true);
      }),
      { numRuns: 600 },
    );
    expect(done).toBeGreaterThan(300);
  });
  it('can always set a root key, a key in a new table and a whole new table, and touches no existing line', () => {
    const easy: ConfigEdit[] = [
      { op: 'set', path: ['root key'], value: 'v' },
      { op: 'set', path: ['fresh', 'key'], value: 1 },
      { op: 'set', path: ['fresh', 'table'], value: { a: true, b: { c: [1] } } },
    ];
    fc.assert(
      fc.property(tomlDocuments(), (text) => {
        const result = editToml(text, easy);
        expect(result.splices.every((splice) => splice.removed === '')).toBe(true);
        expect(parse(result.text)).toMatchObject({ 'root key': 'v', fresh: { key: 1, table: { a: true, b: { c: [1] } } } });
      }),
      { numRuns: 400 },
    );
  });
});
