import { mkdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { finalTarget, removeAbandonedTemps, writeFileAtomic, type AtomicWriteStep } from '../io/atomic-write.js';
import { removeDeadLock, withFileLock } from '../io/file-lock.js';
import type { Clock, Logger } from '../ports.js';
import { isSameFile, readFileText, sha256Of, type FileText } from './codex-file.js';
import { settleEntry } from './codex-inspect.js';
import { backUp, type CodexJournal, type JournalEntry, type PatchRecord } from './codex-journal.js';
import type { ApplyPlan, UndoPlan } from './codex-plan.js';

/** What {@link createCodexWriter} works on. */
export interface CodexWriterDeps {
  readonly codexHome: string;
  readonly configFile: string;
  readonly backupsDir: string;
  readonly journal: CodexJournal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called at each point where a crash could happen. */
  readonly onStep: (name: string) => void;
}

/** The config file and what the journal means for it. */
export interface Current {
  readonly file: FileText;
  readonly record: PatchRecord | null;
  readonly hasEntry: boolean;
}

/** Carries out plans in an order that leaves a recoverable state after a crash at any point. */
export interface CodexWriter {
  /** @throws SwitchyardError CLIENT_CONFIG_UNREADABLE */
  readCurrent(): Promise<Current>;
  /** Journal, then config, then journal. @throws SwitchyardError CLIENT_EDIT_CONFLICT, STORAGE_WRITE_FAILED */
  apply(plan: ApplyPlan, current: Current): Promise<void>;
  /** Config, then journal. @throws SwitchyardError CLIENT_EDIT_CONFLICT, STORAGE_WRITE_FAILED */
  undo(plan: UndoPlan, current: Current): Promise<void>;
  /** Runs `work` alone among all Switchyards, again when Codex wrote in between. @throws SwitchyardError CLIENT_LOCKED */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Finishes or forgets what a crash left. */
  repair(): Promise<void>;
}

const conflictAttempts = 3;

/** Writes Codex configs and keeps the journal in step. */
export function createCodexWriter(deps: CodexWriterDeps): CodexWriter {
  const { codexHome, configFile, journal, clock, onStep } = deps;
  const steps = (name: string) => (part: AtomicWriteStep) => onStep(`${name}:${part}`);

  async function refuseIfChanged(file: FileText): Promise<void> {
    if (isSameFile(await readFileText(configFile), file)) return;
    throw new SwitchyardError('CLIENT_EDIT_CONFLICT', `${configFile} changed while it was being edited.`, { path: configFile });
  }

  return {
    async readCurrent() {
      const file = await readFileText(configFile);
      const entry = await journal.read(configFile);
      return { file, record: settleEntry(entry, file), hasEntry: entry !== null };
    },
    async apply(plan, { file, record }) {
      onStep('start');
      await mkdir(dirname(configFile), { recursive: true });
      const backup = plan.base.absent ? null : await backUp(deps.backupsDir, plan.base.text, clock.now());
      onStep('backed-up');
      const entry = newEntry(deps, plan, backup, record);
      await journal.put(entry, steps('journal-intent'));
      await refuseIfChanged(file);
      await writeFileAtomic(configFile, plan.patched.text, { mode: 0o600, onStep: steps('config') });
      await journal.put({ ...entry, state: 'done', replaces: null }, steps('journal-done'));
      onStep('end');
    },
    async undo(plan, { file }) {
      onStep('start');
      await refuseIfChanged(file);
      if (!isSameFile(plan.target, file)) {
        if (plan.target.absent) await unlink(await finalTarget(configFile));
        else await writeFileAtomic(configFile, plan.target.text, { mode: 0o600, onStep: steps('config') });
      }
      onStep('journal-drop');
      await journal.drop(configFile);
      onStep('end');
    },
    exclusively: (work) => locked(codexHome, configFile, journal.file, () => retryingConflicts(work)),
    async repair() {
      const lockPaths = [journal.file, homeLockPath(codexHome)];
      await Promise.all([...lockPaths.map(removeDeadLock), ...[configFile, journal.file].map(removeAbandonedTemps)]);
      if ((await journal.list()).length === 0) return;
      await locked(codexHome, configFile, journal.file, async () => {
        for (const entry of await journal.list()) await repairEntry(deps, entry);
      });
    },
  };
}

function newEntry(deps: CodexWriterDeps, plan: ApplyPlan, backup: string | null, replaces: PatchRecord | null): JournalEntry {
  return {
    configFile: deps.configFile,
    state: 'intent',
    form: plan.form,
    baseUrl: plan.baseUrl,
    writtenAtMs: deps.clock.now(),
    pre: { absent: plan.base.absent, sha256: plan.base.sha256 },
    postSha256: sha256Of(plan.patched.text),
    backup,
    claims: [...plan.patched.claims],
    splices: [...plan.patched.splices],
    replaces,
  };
}

/** Outer lock: all patches of this Switchyard home. Inner lock: all homes that patch this Codex. */
async function locked<T>(codexHome: string, configFile: string, journalFile: string, work: () => Promise<T>): Promise<T> {
  try {
    return await withFileLock(journalFile, async () => {
      const home = await stat(codexHome).catch(() => undefined);
      return home === undefined ? work() : withFileLock(homeLockPath(codexHome), work);
    });
  } catch (error) {
    if (!isSwitchyardError(error) || error.code !== 'STORAGE_LOCKED') throw error;
    const message = `Another process is editing ${configFile}.`;
    throw new SwitchyardError('CLIENT_LOCKED', message, { path: configFile }, { cause: error });
  }
}

function homeLockPath(codexHome: string): string {
  return join(codexHome, '.switchyard');
}

/** Codex knows nothing of our lock: when it wrote in between, start over with what it wrote. */
async function retryingConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= conflictAttempts || !isSwitchyardError(error) || error.code !== 'CLIENT_EDIT_CONFLICT') throw error;
    }
  }
}

async function repairEntry({ journal, logger }: CodexWriterDeps, entry: JournalEntry): Promise<void> {
  try {
    await removeAbandonedTemps(entry.configFile);
    const settled = settleEntry(entry, await readFileText(entry.configFile));
    if (settled === null) await journal.drop(entry.configFile);
    else if (entry.state === 'intent') await journal.put({ ...settled, replaces: null });
  } catch (error) {
    if (!isSwitchyardError(error)) throw error;
    logger.warn('a Codex config could not be checked for a half-done patch', { file: entry.configFile, code: error.code });
  }
}
