import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { patchCodexConfig, type PatchWish } from '../../../main/core/clients/codex-edit.js';
import { unpatchCodexConfig } from '../../../main/core/clients/codex-unedit.js';
import { commentRanges } from '../../../main/core/io/toml-raw.js';
import { applySplices, invertSplices } from '../../../main/core/io/toml-splice.js';
import { tomlDocuments } from '../io/toml-arbitrary.js';
import { makeCodexHome, relayUrl } from './codex-home.js';

const ourTable = 'name = "Mine"\nbase_url = "https://mine.example/v1"\nrequest_max_retries = 3 # mine\nenv_key = "MINE"\n';
/** The ways in which a config can already speak of providers. */
const providerTables = [
  { root: '', tables: '' },
  { root: '', tables: '[model_providers.acme]\nname = "A" # a\n\n' },
  { root: '', tables: '[model_providers]\n[model_providers."a.b"]\nname = "A"\n' },
  { root: '', tables: `# ours\n[model_providers.switchyard] # old\n${ourTable}# end of ours\n` },
  { root: '', tables: `[model_providers.switchyard]\n${ourTable}[model_providers.switchyard.http_headers]\nx = "y"\n` },
  { root: 'model_providers.acme.name = "A"\n', tables: '' },
  { root: 'model_providers = { acme = { name = "A" } } # inline\n', tables: '' },
  { root: "model_providers = { 'switchyard' = { name = 'S', base_url = 'https://x' } }\n", tables: '' },
  { root: 'model_providers.switchyard.name = "S"\n', tables: '' },
];
const rootKeys = [
  '',
  '',
  'model = "m"\n',
  'model_provider = "acme" # mine\n',
  "model_provider = 'openai'\n",
  '"model_provider" = """ac\nme"""\n',
];
const baseUrlKeys = [
  '',
  '',
  '',
  "openai_base_url='https://proxy.example/v1'\n",
  '# why\nopenai_base_url = "http://127.0.0.1:9/v1" # mine\n',
];

const codexConfigs = tomlDocuments(
  fc
    .tuple(fc.constantFrom(...rootKeys), fc.constantFrom(...baseUrlKeys), fc.constantFrom(...providerTables))
    .map(([provider, url, tables]) => ({ root: provider + url + tables.root, tables: tables.tables })),
);
const wishes: fc.Arbitrary<PatchWish> = fc.record({
  form: fc.constantFrom('native' as const, 'provider' as const),
  baseUrl: fc.constantFrom(relayUrl, 'http://localhost:80'),
  loggedIn: fc.boolean(),
});

function valueAt(table: object, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    table,
  );
}

/** What Codex, an editor or a formatter may do to a patched file without touching our keys. */
const rewrites: Record<string, (text: string) => string> = {
  'appends a table': (text) =>
    `${text}${text.endsWith('\n') || text === '' ? '' : '\n'}[projects."/x"]\ntrust_level = "trusted"\n`,
  'puts a root key first': (text) => `${text.startsWith('\ufeff') ? '\ufeff' : ''}new_key = true\n${text.replace('\ufeff', '')}`,
  'drops all comments': (text) =>
    commentRanges(text).reduceRight((result, { start, end }) => result.slice(0, start) + result.slice(end), text),
  'writes everything anew': (text) => stringify(parse(text.replace('\ufeff', ''))),
};

describe('for any config and both forms', () => {
  it('undoing the recorded splices gives the same bytes', () => {
    fc.assert(
      fc.property(codexConfigs, wishes, (text, wish) => {
        const patched = patchCodexConfig(text, wish);
        const value = parse(patched.text.replace('\ufeff', ''));
        for (const { path, ours } of patched.claims) expect(valueAt(value, path)).toBe(ours);
        expect(applySplices(text, patched.splices)).toBe(patched.text);
        expect(applySplices(patched.text, invertSplices(patched.splices))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('undoing by value gives the same bytes, too, but for a missing final newline, as long as nobody else edited', () => {
    fc.assert(
      fc.property(codexConfigs, wishes, (text, wish) => {
        const patched = patchCodexConfig(text, wish);
        const undone = unpatchCodexConfig(patched.text, patched.claims, patched.splices).text;
        expect([text, `${text}\n`, `${text}\r\n`]).toContain(undone);
      }),
      { numRuns: 300 },
    );
  });

  it.each(Object.keys(rewrites))('keeps the edits of others and leaves nothing of ours when somebody %s', (name) => {
    const rewrite = rewrites[name] ?? String;
    fc.assert(
      fc.property(codexConfigs, wishes, (text, wish) => {
        const patched = patchCodexConfig(text, wish);
        const undone = unpatchCodexConfig(rewrite(patched.text), patched.claims, patched.splices).text;
        expect(parse(undone.replace('\ufeff', ''))).toEqual(parse(rewrite(text).replace('\ufeff', '')));
        expect(undone).not.toContain('Written by Switchyard');
      }),
      { numRuns: 150 },
    );
  });

  it('on and off give the same file through real files', async () => {
    const home = makeCodexHome();
    await fc.assert(
      fc.asyncProperty(codexConfigs, wishes, wishes, async (text, first, second) => {
        home.write(text);
        await home.patcher.on(first);
        await home.patcher.on(second);
        expect((await home.patcher.status()).state).toBe('on');
        await home.patcher.off();
        expect(home.read()).toBe(text);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
