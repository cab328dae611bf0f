import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { writeFileAtomic } from './atomic-write.js';
import { withFileLock } from './file-lock.js';
import { isSameProcessAlive, ownIdentity } from './process-identity.js';

const holderSchema = z.object({
  pid: z.int().positive(),
  startMark: z.string().optional(),
  startedAtMs: z.number(),
  kind: z.enum(['daemon', 'electron']),
  acquiredAtMs: z.number(),
});

/** Who holds the lock of a home. */
export type InstanceHolder = z.infer<typeof holderSchema>;

/** The right to be the only host of a home. */
export interface InstanceLock {
  readonly file: string;
  /** Gives the right back; does nothing when the lock is no longer ours. */
  release(): Promise<void>;
}

/** What {@link acquireInstanceLock} needs. */
export interface InstanceLockOptions {
  readonly runDir: string;
  readonly kind: InstanceHolder['kind'];
  readonly nowMs: number;
}

/**
 * Becomes the only host of the home whose run folder this is; takes over from a holder that died without releasing.
 * @throws SwitchyardError HOST_ALREADY_RUNNING with `pid` in its details, STORAGE_LOCKED, STORAGE_WRITE_FAILED
 */
export async function acquireInstanceLock(options: InstanceLockOptions): Promise<InstanceLock> {
  const { runDir } = options;
  const file = instanceLockFile(runDir);
  await makePrivateFolder(runDir);
  // Reading, judging and replacing must be one step: without it two starters could both find the same dead holder.
  return withFileLock(file, async () => {
    const holder = await readInstanceHolder(runDir);
    if (holder && (await isSameProcessAlive({ ...holder, startMark: holder.startMark }))) {
      throw new SwitchyardError('HOST_ALREADY_RUNNING', `A Switchyard (pid ${holder.pid}) is already running for this home.`, {
        pid: holder.pid,
        kind: holder.kind,
      });
    }
    const own: InstanceHolder = { ...(await ownIdentity(options.nowMs)), kind: options.kind, acquiredAtMs: options.nowMs };
    await writeFileAtomic(file, `${JSON.stringify(own)}\n`);
    return { file, release: () => release(file, runDir, own) };
  });
}

/** Reads who holds the lock, dead or alive; undefined when nobody does or the file is damaged. */
export async function readInstanceHolder(runDir: string): Promise<InstanceHolder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(instanceLockFile(runDir), 'utf8')));
  } catch {
    return undefined;
  }
}

function instanceLockFile(runDir: string): string {
  return join(runDir, 'instance.lock');
}

async function release(file: string, runDir: string, own: InstanceHolder): Promise<void> {
  const holder = await readInstanceHolder(runDir);
  if (holder?.pid === own.pid && holder.acquiredAtMs === own.acquiredAtMs) await rm(file, { force: true });
}

async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SwitchyardError('STORAGE_WRITE_FAILED', `The folder ${folder} cannot be made.`, { path: folder }, { cause: error });
  }
}
