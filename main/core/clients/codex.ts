import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CodexPatchForm, CodexPatchResult, CodexPatchStatus } from '../../../shared/control/contract.js';
import { isSwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { TomlTable } from '../io/toml-document.js';
import type { Clock, Logger, Paths } from '../ports.js';
import { parseCodexConfig } from './codex-edit.js';
import { checkCodexEnvironment } from './codex-environment.js';
import { isSameFile, readFileText, type FileText } from './codex-file.js';
import { inspectPatch } from './codex-inspect.js';
import { createCodexJournal, listBackups } from './codex-journal.js';
import { readCodexLogin } from './codex-login.js';
import { describeApply, describeUndo } from './codex-messages.js';
import { planApply, planUndo } from './codex-plan.js';
import { createCodexWriter, type CodexWriter } from './codex-writer.js';
import { redactToml } from './redact-toml.js';
import { unifiedDiff } from './unified-diff.js';

/** Edits Codex's own config so that it talks to us, and undoes that edit. Works without a running relay. */
export interface CodexPatcher {
  status(): Promise<CodexPatchStatus>;
  /** Patches; `auto` means native when Codex is logged in, else provider. @throws SwitchyardError CLIENT_* */
  on(options: {
    readonly form: CodexPatchForm | 'auto';
    readonly baseUrl: string;
    readonly dryRun?: boolean;
  }): Promise<CodexPatchResult>;
  /** Gives the file back: the same bytes when nobody else edited it, everybody else's edits otherwise. @throws SwitchyardError CLIENT_* */
  off(options?: { readonly dryRun?: boolean }): Promise<CodexPatchResult>;
  /** Finishes or rolls back what a crash left half done; called at every start. */
  repair(): Promise<void>;
}

/** What {@link createCodexPatcher} needs. */
export interface CodexPatcherDeps {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder whose project configs are checked; the process's own when absent. */
  readonly cwd?: string;
  /** Called before each step that a crash could separate from the next; tests stop there. */
  readonly onStep?: (name: string) => void;
}

/** Patches `config.toml` in the Codex home; the journal lives in the state folder. */
export function createCodexPatcher(deps: CodexPatcherDeps): CodexPatcher {
  const { codexHome, backupsDir, stateDir } = deps.paths;
  const place = { codexHome, configFile: join(codexHome, 'config.toml'), backupsDir: join(backupsDir, 'codex') };
  const journal = createCodexJournal(join(stateDir, 'codex-patch.json'), deps.logger);
  const { clock, logger } = deps;
  const writer = createCodexWriter({ ...place, journal, clock, logger, onStep: (name) => deps.onStep?.(name) });
  const status = (): Promise<CodexPatchStatus> => readStatus(deps, place, writer);

  async function turnOn(options: Parameters<CodexPatcher['on']>[0]): Promise<CodexPatchResult> {
    const current = await writer.readCurrent();
    const loggedIn = (await readCodexLogin(codexHome)) !== 'none';
    const plan = await planApply(current.file, current.record, { ...options, configFile: place.configFile, loggedIn });
    const outcome = { changed: !plan.isDone && plan.patched.text !== current.file.text, dryRun: options.dryRun === true };
    if (!outcome.dryRun && !plan.isDone) await writer.apply(plan, current);
    const diff = outcome.changed ? diffOf(place.configFile, current.file, { absent: false, text: plan.patched.text }) : '';
    return { changed: outcome.changed, form: plan.form, diff, message: describeApply(plan, outcome), status: await status() };
  }

  async function turnOff(dryRun: boolean): Promise<CodexPatchResult> {
    const current = await writer.readCurrent();
    const { form } = inspectPatch(place.configFile, current.file, current.record);
    const plan = await planUndo(place.configFile, current.file, current.record);
    const outcome = { changed: !isSameFile(plan.target, current.file), dryRun };
    if (!dryRun && (outcome.changed || current.hasEntry)) await writer.undo(plan, current);
    const diff = outcome.changed ? diffOf(place.configFile, current.file, plan.target) : '';
    return { changed: outcome.changed, form, diff, message: describeUndo(plan, form, outcome), status: await status() };
  }

  return {
    status,
    async on(options) {
      if (options.dryRun === true) return turnOn(options);
      // A config that cannot be patched must fail before anything is created.
      await readFileText(place.configFile);
      await mkdir(codexHome, { recursive: true });
      return writer.exclusively(() => turnOn(options));
    },
    async off(options) {
      const preview = await turnOff(true);
      const isNothing = !preview.changed && (await journal.read(place.configFile)) === null;
      if (isNothing || options?.dryRun === true) return preview;
      return writer.exclusively(() => turnOff(false));
    },
    repair: () => writer.repair(),
  };
}

async function readStatus(
  deps: CodexPatcherDeps,
  place: { readonly codexHome: string; readonly configFile: string; readonly backupsDir: string },
  writer: CodexWriter,
): Promise<CodexPatchStatus> {
  const { codexHome, configFile } = place;
  const current = await writer.readCurrent().catch((error: unknown) => {
    if (isSwitchyardError(error)) return error;
    throw error;
  });
  const isReadable = !(current instanceof Error);
  const finding = isReadable
    ? inspectPatch(configFile, current.file, current.record)
    : { state: 'unreadable' as const, form: null, baseUrl: null, message: current.message };
  const warnings = await checkCodexEnvironment({
    env: deps.env,
    codexHome,
    configFile,
    config: isReadable ? parsedOrNull(current.file.text) : null,
    cwd: deps.cwd ?? process.cwd(),
    baseUrl: finding.baseUrl ?? 'http://127.0.0.1',
  });
  const backups = await listBackups(place.backupsDir);
  const loggedIn = await readCodexLogin(codexHome);
  return { codexHome, configFile, configExists: !isReadable || !current.file.absent, ...finding, backups, loggedIn, warnings };
}

function diffOf(configFile: string, before: Pick<FileText, 'absent' | 'text'>, after: Pick<FileText, 'absent' | 'text'>): string {
  return unifiedDiff(before.text, after.text, {
    oldName: before.absent ? '/dev/null' : configFile,
    newName: after.absent ? '/dev/null' : configFile,
    display: redactToml,
  });
}

function parsedOrNull(text: string): TomlTable | null {
  try {
    return parseCodexConfig(text);
  } catch {
    return null;
  }
}
