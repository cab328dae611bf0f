import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorCode } from '../io/atomic-write.js';
import type { Paths } from '../ports.js';
import { importCodexHelper } from './import-codex-helper.js';
import { importCodex } from './import-codex.js';
import { emptyDraft, type ImportDraft } from './import-draft.js';
import { parseToml } from './parse-toml.js';

/** Where to import from. */
export interface ImportSource {
  readonly source: 'codex' | 'codex-helper';
  /** A file or a folder; the tool's own place when absent. */
  readonly from?: string | undefined;
  readonly paths: Paths;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ownPort: number;
}

/** Reads another tool's files. A Codex without files gives an empty draft. @throws SwitchyardError CONFIG_IMPORT_FAILED */
export async function readImportSource(options: ImportSource): Promise<ImportDraft> {
  return options.source === 'codex' ? readCodex(options) : readHelper(options);
}

async function readCodex(options: ImportSource): Promise<ImportDraft> {
  const place = await findPlace(options, options.paths.codexHome, ['config.toml']);
  if (options.from !== undefined && !place.exists) throw failed(place.folder, 'there is no such file or folder');
  const configFile = place.file ?? join(place.folder, 'config.toml');
  return importCodex({
    configText: (await readOptional(configFile)) ?? '',
    configFile,
    authText: await readOptional(join(place.folder, 'auth.json')),
    ownPort: options.ownPort,
  });
}

async function readHelper(options: ImportSource): Promise<ImportDraft> {
  const home = options.env['CODEX_HELPER_HOME']?.trim();
  const usual = home === undefined || home === '' ? join(options.paths.userHome, '.codex-helper') : home;
  const place = await findPlace(options, usual, ['config.toml', 'config.json']);
  if (place.file === undefined) throw failed(place.folder, 'it holds neither config.toml nor config.json');
  const text = await readOptional(place.file);
  if (text === undefined) throw failed(place.file, 'there is no such file');
  const filters = await readFilterFile(join(place.folder, 'filter.json'));
  const draft = importCodexHelper(parseAny(text, place.file), filters.value);
  const beside = await lostFiles(place.folder);
  return { ...emptyDraft, ...draft, warnings: [...draft.warnings, ...filters.warnings, ...beside] };
}

interface Place {
  readonly exists: boolean;
  readonly folder: string;
  readonly file: string | undefined;
}

async function findPlace({ from, paths }: ImportSource, usual: string, names: readonly string[]): Promise<Place> {
  const start = from === undefined ? usual : resolve(from.replace(/^~(?=$|[\\/])/, () => paths.userHome));
  const kind = await kindOf(start);
  if (kind === 'file') return { exists: true, folder: dirname(start), file: start };
  for (const name of names) {
    if ((await kindOf(join(start, name))) === 'file') return { exists: true, folder: start, file: join(start, name) };
  }
  return { exists: kind === 'folder', folder: start, file: undefined };
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'none';
  }
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw failed(file, `it cannot be read (${errorCode(error)})`);
  }
}

function parseAny(text: string, file: string): unknown {
  if (/\.json$/i.test(file)) return parseJson(text, file);
  const parsed = parseToml(text, file);
  if (parsed.ok) return parsed.value;
  const { position, message } = parsed;
  throw new SwitchyardError('CONFIG_IMPORT_FAILED', `${file}:${String(position.line)}:${String(position.column)}: ${message}`, {
    position,
  });
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The engine's message quotes the text, which may hold a key.
    throw failed(file, 'it is not valid JSON');
  }
}

async function readFilterFile(file: string): Promise<{ readonly value: unknown; readonly warnings: readonly string[] }> {
  const text = await readOptional(file);
  if (text === undefined) return { value: [], warnings: [] };
  try {
    return { value: parseJson(text, file), warnings: [] };
  } catch {
    return { value: [], warnings: ['filter.json is not valid JSON and was left out.'] };
  }
}

async function lostFiles(folder: string): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const name of ['usage_providers.json', 'pricing_overrides.toml']) {
    if ((await kindOf(join(folder, name))) === 'file') lost.push(`${name} has no counterpart and was left out.`);
  }
  return lost;
}

function failed(path: string, reason: string): SwitchyardError {
  return new SwitchyardError('CONFIG_IMPORT_FAILED', `${path} cannot be imported: ${reason}.`, { path });
}
