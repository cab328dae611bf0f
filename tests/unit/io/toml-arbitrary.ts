import fc from 'fast-check';

/** Values as people write them, `\n` standing for the line ending of the document. */
const valueTexts = [
  '1',
  '1_000',
  '0xff',
  '3.14e2',
  'inf',
  'true',
  '"plain"',
  '"esc \\" \\\\ \\u00e9 # not a comment"',
  "'literal \\ # text'",
  '"""\nmany\nlines # no comment\n[not.a.table]\n"""',
  "'''\nraw = 1\n'''",
  '1979-05-27T07:32:00Z',
  '1979-05-27',
  '[]',
  '[1, 2, 3]',
  '[\n  "a", # first\n  "b",\n  # last\n]',
  '[[1], ["x"], { k = 1 }]',
  '{}',
  '{ a = 1, "b.c" = "x", d.e = [1, 2] }',
];
const comments = ['', '', ' # note', '\t#tight', ' # "quoted" = [x]'];
const gaps = ['', '', '', '\n', '# a comment\n', '\n# above\n', '# one\n\n# two\n', '   \n'];
const indents = ['', '', '  ', '\t'];

/** A key made unique by its number, in one of the ways TOML can write it. */
function keyText(style: number, id: number): string {
  const styles = [
    `k${String(id)}`,
    `"q.${String(id)}"`,
    `'l ${String(id)}'`,
    `d${String(id)}.x`,
    `e${String(id)} . "y z".z`,
    `"ü${String(id)}"`,
  ];
  return styles[style % styles.length] ?? '';
}

const pair = fc.record({
  style: fc.nat(5),
  value: fc.constantFrom(...valueTexts),
  comment: fc.constantFrom(...comments),
  gap: fc.constantFrom(...gaps),
  indent: fc.constantFrom(...indents),
  tight: fc.boolean(),
});
const section = fc.record({
  kind: fc.nat(5),
  gap: fc.constantFrom(...gaps),
  comment: fc.constantFrom(...comments),
  pairs: fc.array(pair, { maxLength: 3 }),
});

function pairLines(pairs: readonly (typeof pair extends fc.Arbitrary<infer P> ? P : never)[]): string {
  return pairs
    .map(
      (item, id) =>
        `${item.gap}${item.indent}${keyText(item.style, id)}${item.tight ? '=' : ' = '}${item.value}${item.comment}\n`,
    )
    .join('');
}

function headerText(kind: number, id: number): string {
  const name = String(id);
  const headers = [
    `[t${name}]`,
    `[t${name}.sub]`,
    `["t.${name}" . x]`,
    `[[a${name}]]`,
    `[s${name}.x.y]\n[s${name}.x.z]`,
    `[[a${name}]]\nfirst = 1\n[a${name}.below]\n[[a${name}]]`,
  ];
  return headers[kind % headers.length] ?? '';
}

/** Valid TOML 1.0 documents with everything that makes editing them hard; `extra` adds root lines and whole tables. */
export function tomlDocuments(
  extra: fc.Arbitrary<{ readonly root: string; readonly tables: string }> = fc.constant({ root: '', tables: '' }),
): fc.Arbitrary<string> {
  return fc
    .record({
      extra,
      root: fc.array(pair, { maxLength: 4 }),
      sections: fc.array(section, { maxLength: 4 }),
      tail: fc.constantFrom('', '', '\n', '# end', '\n\n# end\n'),
      eol: fc.constantFrom('lf', 'lf', 'crlf', 'mixed'),
      bom: fc.boolean(),
      finalNewline: fc.boolean(),
    })
    .map((parts) => {
      const sections = parts.sections.map(
        (item, id) => `${item.gap}${headerText(item.kind, id)}${item.comment}\n${pairLines(item.pairs)}`,
      );
      let text = parts.extra.root + pairLines(parts.root) + parts.extra.tables + sections.join('') + parts.tail;
      if (!parts.finalNewline) text = text.replace(/\n$/, '');
      let count = 0;
      if (parts.eol !== 'lf')
        text = text.replaceAll('\n', () => (parts.eol === 'crlf' || (count += 1) % 3 === 0 ? '\r\n' : '\n'));
      return (parts.bom ? '\ufeff' : '') + text;
    });
}
