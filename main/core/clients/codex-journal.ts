import { readdir, readFile, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { Logger } from '../ports.js';
import { errorCode, removeAbandonedTemps, writeFileAtomic, type AtomicWriteStep } from '../io/atomic-write.js';

const pathSchema = z.array(z.string()).readonly();
const entrySchema = z.object({
  configFile: z.string(),
  /** `intent` until the config is known to be written. */
  state: z.enum(['intent', 'done']),
  form: z.enum(['native', 'provider']),
  baseUrl: z.string(),
  writtenAtMs: z.number(),
  pre: z.object({ absent: z.boolean(), sha256: z.string() }),
  postSha256: z.string(),
  backup: z.string().nullable(),
  claims: z.array(
    z.object({ path: pathSchema, ours: z.union([z.string(), z.number(), z.boolean()]), beforeText: z.string().nullable() }),
  ),
  splices: z.array(z.object({ at: z.number(), removed: z.string(), inserted: z.string() })),
});
const journalSchema = z.object({
  version: z.literal(1),
  entries: z.array(entrySchema.extend({ replaces: entrySchema.nullable() })),
});

/** One patch of one Codex config: how to undo it. */
export type PatchRecord = z.infer<typeof entrySchema>;
/** A patch, and while it is being written the one it takes the place of. */
export type JournalEntry = PatchRecord & { readonly replaces: PatchRecord | null };

/** Remembers our edits of Codex configs across crashes; one entry per config file. */
export interface CodexJournal {
  readonly file: string;
  read(configFile: string): Promise<JournalEntry | null>;
  list(): Promise<readonly JournalEntry[]>;
  put(entry: JournalEntry, onStep?: (step: AtomicWriteStep) => void): Promise<void>;
  drop(configFile: string): Promise<void>;
}

/** Keeps the journal in one private file; callers hold the patch lock. */
export function createCodexJournal(file: string, logger: Logger): CodexJournal {
  async function list(): Promise<readonly JournalEntry[]> {
    try {
      return journalSchema.parse(JSON.parse(await readFile(file, 'utf8'))).entries;
    } catch (error) {
      // Without a readable journal the patch is recognised by value.
      if (errorCode(error) !== 'ENOENT') logger.warn('the journal of the Codex patch is unreadable and is ignored', { file });
      return [];
    }
  }

  async function write(entries: readonly JournalEntry[], onStep?: (step: AtomicWriteStep) => void): Promise<void> {
    const text = `${JSON.stringify({ version: 1, entries }, null, 2)}\n`;
    await writeFileAtomic(file, text, { mode: 0o600, ...(onStep === undefined ? {} : { onStep }) });
  }

  return {
    file,
    list,
    read: async (configFile) => (await list()).find((entry) => entry.configFile === configFile) ?? null,
    put: async (entry, onStep) =>
      write([...(await list()).filter((other) => other.configFile !== entry.configFile), entry], onStep),
    drop: async (configFile) => {
      const all = await list();
      const rest = all.filter((entry) => entry.configFile !== configFile);
      if (rest.length > 0) return write(rest);
      await removeAbandonedTemps(file);
      await unlink(file).catch(() => undefined);
    },
  };
}

const keptBackups = 10;
const backupPattern = /^config-(.*Z)(?:-(\d+))?\.toml$/;

/** Physical copies of Codex configs from before our edits, newest first. */
export async function listBackups(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => backupPattern.test(name))
    .sort((left, right) => compareText(stem(right), stem(left)))
    .map((name) => join(folder, name));
}

/** Copies a text aside unless the newest copy already has it, and keeps the newest 10. Answers the path of the copy. */
export async function backUp(folder: string, text: string, atMs: number): Promise<string> {
  const existing = await listBackups(folder);
  const newest = existing[0];
  if (newest !== undefined && (await readFile(newest, 'utf8').catch(() => undefined)) === text) return newest;
  const stamp = new Date(atMs).toISOString().replaceAll(/[:.]/g, '-');
  const twin = existing.map((path) => backupPattern.exec(basename(path))).find((match) => match?.[1] === stamp);
  const suffix = twin === undefined ? '' : `-${String(Number(twin?.[2] ?? 0) + 1).padStart(3, '0')}`;
  const path = join(folder, `config-${stamp}${suffix}.toml`);
  await writeFileAtomic(path, text, { mode: 0o600 });
  const others = (await listBackups(folder)).filter((other) => other !== path);
  for (const old of others.slice(keptBackups - 1)) await unlink(old).catch(() => undefined);
  return path;
}

/** Without its ending a name sorts before the same name with a number behind it. */
function stem(name: string): string {
  return name.replace(/\.toml$/, '');
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
