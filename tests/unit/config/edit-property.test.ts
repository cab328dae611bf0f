import { readFile, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { expect, it } from 'vitest';
import { createConfigStore } from '../../../main/core/config/config-store.js';
import { makeTempHome } from '../../helpers/temp-home.js';
import { testPorts } from '../../helpers/test-ports.js';

const comment = fc.constantFrom('', ' # note', '   # 注释 "quoted" [not a table]', '\t# x = 1');
const blank = fc.constantFrom('', '# a comment of its own', '#[providers.fake]', '   ');
const providerName = fc.stringMatching(/^[a-z][a-z0-9-]{0,6}$/);

interface ProviderText {
  readonly name: string;
  readonly lines: readonly string[];
}

const providerText: fc.Arbitrary<ProviderText> = fc
  .record({
    name: providerName,
    form: fc.constantFrom('table', 'inline', 'dotted', 'endpoints'),
    notes: fc.array(comment, { minLength: 4, maxLength: 4 }),
    gap: fc.array(blank, { maxLength: 2 }),
    unknown: fc.boolean(),
    indent: fc.constantFrom('', '  '),
  })
  .map(({ name, form, notes: [a = '', b = '', c = '', d = ''], gap, unknown, indent }) => {
    const url = `"https://${name}.example/v1"`;
    const extra = unknown ? [`${indent}x_unknown = [1, 2,${d}\n  3]${d}`] : [];
    switch (form) {
      case 'inline':
        return { name, lines: [...gap, `[providers]`, `${name} = { base_url = ${url}, level = 2 }${a}`] };
      case 'dotted':
        return { name, lines: [...gap, '[providers]', `${name}.base_url = ${url}${a}`, `${name}.level = 3${b}`] };
      case 'endpoints':
        return {
          name,
          lines: [
            ...gap,
            `[providers.${name}]${a}`,
            ...extra,
            `[providers.${name}.endpoints.eu]${b}`,
            `${indent}base_url = ${url}${c}`,
          ],
        };
      default:
        return {
          name,
          lines: [...gap, `[providers.${name}]${a}`, `${indent}base_url = ${url}${b}`, ...extra, `${indent}level   =  4${c}`],
        };
    }
  });

const document = fc
  .record({
    // [providers] may be opened once only, so at most one provider has one of the forms that need it.
    providers: fc
      .uniqueArray(providerText, { minLength: 1, maxLength: 4, selector: ({ name }) => name })
      .filter((list) => list.filter(({ lines }) => lines.includes('[providers]')).length <= 1),
    head: fc.array(blank, { maxLength: 3 }),
    eol: fc.constantFrom('\n', '\r\n'),
    bom: fc.constantFrom('', '\uFEFF'),
    finalNewline: fc.boolean(),
  })
  .map(({ providers, head, eol, bom, finalNewline }) => {
    const lines = [...head, ...providers.flatMap(({ lines: own }) => own)].join('\n');
    return {
      names: providers.map(({ name }) => name),
      text: bom + (lines + (finalNewline ? '\n' : '')).replaceAll('\n', eol),
      eol,
    };
  });

it('an edit keeps every other line of any config, and means exactly what was asked', async () => {
  const temp = makeTempHome();
  try {
    await fc.assert(
      fc.asyncProperty(document, fc.nat(), fc.integer({ min: 1, max: 10 }), async ({ names, text, eol }, pick, level) => {
        const name = names[pick % names.length] ?? '';
        await writeFile(temp.paths.configFile, text);
        const store = createConfigStore(testPorts({ paths: temp.paths }));
        await store.edit([
          { op: 'set', path: ['providers', name, 'level'], value: level },
          { op: 'set', path: ['routing', 'active'], value: name },
        ]);
        const after = await readFile(temp.paths.configFile, 'utf8');
        const untouched = text.split(eol).filter((line) => !/level\s*=/.test(line));
        expect(inOrder(untouched, after.split(eol))).toBe(true);
        expect(after.startsWith('\uFEFF')).toBe(text.startsWith('\uFEFF'));
        expect(after.replaceAll(eol, '')).not.toMatch(/[\r\n]/);
        const expected = parse(text) as Record<string, Record<string, Record<string, unknown>>>;
        Object.assign(expected['providers']?.[name] ?? {}, { level });
        expect(parse(after)).toEqual({ ...expected, routing: { active: name } });
        expect(store.snapshot().endpoints.find(({ provider }) => provider === name)?.level).toBe(level);
      }),
      { numRuns: 100 },
    );
  } finally {
    temp.cleanup();
  }
}, 60_000);

/** True when every line occurs in the text, in the same order. */
function inOrder(lines: readonly string[], text: readonly string[]): boolean {
  let at = 0;
  return lines.every((line) => {
    at = text.indexOf(line, at) + 1;
    return at > 0;
  });
}
