import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { errorCodes, type ErrorCodeInfo } from '../../shared/errors/codes.js';
import { isSwitchyardError, SwitchyardError } from '../../shared/errors/switchyard-error.js';

const root = join(import.meta.dirname, '..', '..');
const docsFile = join(root, 'docs', 'errors.md');
const entries: readonly (readonly [string, ErrorCodeInfo])[] = Object.entries(errorCodes);

const areas: Readonly<Record<string, string>> = {
  CONFIG: 'Configuration',
  INGRESS: 'Requests from the client',
  ROUTE: 'Routing',
  TRANSLATE: 'Translation between protocols',
  UPSTREAM: 'Upstreams',
  BALANCE: 'Balances',
  ACCOUNT: 'Accounts',
  CLIENT: "The agents' own configuration",
  CONTROL: 'Control',
  STORAGE: 'Files and secrets',
  HOST: 'Starting and stopping',
  BUG: 'Bugs',
};

const areaOf = (code: string) => code.slice(0, code.indexOf('_'));
const cell = (text: string) => text.replaceAll('|', '\\|');

async function renderErrorDocs(): Promise<string> {
  const head = [
    '# Error codes',
    '',
    '<!-- Generated from shared/errors/codes.ts by tests/unit/errors.test.ts: `UPDATE_DOCS=1 npx vitest run tests/unit/errors.test.ts`. -->',
    '',
    'Every failure that is expected has a code. It stands in the error body of an answer, in the `error` of a line of',
    '`logs/requests.jsonl`, and in what the command line prints.',
  ];
  const sections = Object.entries(areas).flatMap(([area, title]) => {
    const rows = entries.filter(([code]) => areaOf(code) === area);
    if (rows.length === 0) return [];
    return [
      '',
      `## ${title}`,
      '',
      '| Code | HTTP | Means | What to do |',
      '| --- | --- | --- | --- |',
      ...rows.map(
        ([code, { summary, remedy, status }]) => `| \`${code}\` | ${status ?? '–'} | ${cell(summary)} | ${cell(remedy)} |`,
      ),
    ];
  });
  return await format([...head, ...sections].join('\n'), { ...(await resolveConfig(docsFile)), parser: 'markdown' });
}

function sourceFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

describe('the table of error codes', () => {
  it('gives every code a known area, a sentence, a remedy and a status that is an error', () => {
    for (const [code, { summary, remedy, status }] of entries) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
      expect(Object.keys(areas), code).toContain(areaOf(code));
      expect(summary, code).toMatch(/^[A-Z].*\.$/);
      expect(remedy, code).toMatch(/\.$/);
      if (status !== undefined) expect(status >= 400 && status <= 599, code).toBe(true);
    }
  });

  it('never uses a status that ends a Codex session at once', () => {
    for (const [code, { status }] of entries) expect(status, code).not.toBe(429);
  });

  it('gives errors their sentence and status', () => {
    const error = new SwitchyardError('CONFIG_STALE');
    expect([error.message, error.status]).toEqual([errorCodes.CONFIG_STALE.summary, 409]);
    expect(new SwitchyardError('HOST_BAD_USAGE').status).toBe(500);
    expect([
      isSwitchyardError(error),
      isSwitchyardError(new Error('CONFIG_STALE')),
      isSwitchyardError({ code: 'CONFIG_STALE' }),
    ]).toEqual([true, false, false]);
  });

  it('is what docs/errors.md says', async () => {
    const expected = await renderErrorDocs();
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(docsFile, expected);
    expect(readFileSync(docsFile, 'utf8')).toBe(expected);
  });

  it('holds no code that nothing uses', () => {
    const text = [...sourceFiles(join(root, 'main')), ...sourceFiles(join(root, 'shared'))]
      .filter((file) => !file.endsWith(join('errors', 'codes.ts')))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const unused = entries.map(([code]) => code).filter((code) => !new RegExp(`['"\`]${code}['"\`]`).test(text));
    expect(unused).toEqual([]);
  });
});
