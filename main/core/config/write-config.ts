import { dirname } from 'node:path';
import type { ConfigEdit } from '../../../shared/control/contract.js';
import type { ConfigProblem } from '../../../shared/domain/config-snapshot.js';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { writeFileAtomic, type AtomicWriteStep } from '../io/atomic-write.js';
import { withFileLock } from '../io/file-lock.js';
import { editToml } from '../io/toml-edit.js';
import type { Clock, Paths } from '../ports.js';
import { keepConfigBackup } from './config-backups.js';
import { makeHomeFolder, readConfigFile } from './config-file.js';
import { showProblem } from './config-problem.js';
import type { ParsedConfig } from './parse-config.js';

/** One programmatic edit of the config file. */
export interface ConfigWrite {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly parse: (text: string) => ParsedConfig;
  readonly edits: readonly ConfigEdit[];
  /** The revision the caller has seen; undefined for whichever is there. */
  readonly revision: string | undefined;
  readonly onStep?: (step: AtomicWriteStep) => void;
}

/**
 * Edits the file under a lock of all processes: the result is validated before anything is written, the text before is kept as
 * a backup, and the file is replaced in one step.
 * @throws SwitchyardError CONFIG_STALE, CONFIG_SYNTAX, CONFIG_READ_ONLY, CONFIG_INVALID, CONFIG_SELF_LOOP, STORAGE_*
 */
export async function writeConfigEdits(write: ConfigWrite): Promise<void> {
  const file = write.paths.configFile;
  await makeHomeFolder(dirname(file));
  await withFileLock(file, async () => {
    const found = await readConfigFile(file);
    if (found.text === undefined) throw new SwitchyardError('CONFIG_SYNTAX', `${file} is not UTF-8 text.`, { path: file });
    if (write.revision !== undefined && write.revision !== found.revision) throw stale(file);
    const before = readEditable(found.text, write);
    const after = applyEdits(before.text, write);
    if (found.exists && after === before.text) return;
    if (found.exists && before.parsed.config) await keepConfigBackup(before.text, write);
    await writeFileAtomic(file, after, { mode: 0o600, ...(write.onStep && { onStep: write.onStep }) });
  });
}

/** Applies edits to a text and proves that the result is a usable config. @throws SwitchyardError as {@link writeConfigEdits} */
export function applyEdits(text: string, { edits, parse, paths }: Pick<ConfigWrite, 'edits' | 'parse' | 'paths'>): string {
  const after = editToml(text, edits, paths.configFile).text;
  const broken = parse(after).problems.find(({ severity }) => severity === 'error');
  if (broken) throw failure(broken);
  return after;
}

function readEditable(text: string, write: ConfigWrite): { readonly text: string; readonly parsed: ParsedConfig } {
  const { configFile } = write.paths;
  const parsed = write.parse(text);
  const syntax = parsed.problems.find(({ code }) => code === 'CONFIG_SYNTAX');
  if (syntax) throw failure(syntax);
  if (parsed.readOnly)
    throw new SwitchyardError('CONFIG_READ_ONLY', `${configFile} was written by a newer version and is not edited.`, {
      path: configFile,
    });
  return { text, parsed };
}

function failure(problem: ConfigProblem): SwitchyardError {
  const { position, key, code } = problem;
  return new SwitchyardError(code, showProblem(problem), { key, ...(position && { position }) });
}

function stale(file: string): SwitchyardError {
  return new SwitchyardError('CONFIG_STALE', `${file} changed since it was read, so nothing was written.`, { path: file });
}
