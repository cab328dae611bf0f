import { randomUUID } from 'node:crypto';
import { chown, mkdir, open, readdir, readlink, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';

/** Stages of an atomic write, in order; tests use them to stop in between. */
export type AtomicWriteStep = 'temp-created' | 'temp-written' | 'temp-synced' | 'renamed';

/** Options of {@link writeFileAtomic}. */
export interface AtomicWriteOptions {
  /** Permission bits of a new file; an existing file keeps its own. Default 0o600. */
  readonly mode?: number;
  readonly onStep?: (step: AtomicWriteStep) => void;
}

const renameRetryDelaysMs = [10, 20, 40, 80, 160, 320] as const;

/**
 * Replaces a file so that a reader or a crash sees the old or the new content and nothing between: temp file in the same
 * folder, fsync, rename. Follows a symlink, keeps mode and owner, creates parent folders.
 * @throws SwitchyardError STORAGE_WRITE_FAILED
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, options: AtomicWriteOptions = {}): Promise<void> {
  try {
    const target = await finalTarget(path);
    await mkdir(dirname(target), { recursive: true });
    await removeAbandonedTemps(target);
    await writeThroughTemp(target, data, options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SwitchyardError('STORAGE_WRITE_FAILED', `${path} could not be written: ${reason}`, { path }, { cause });
  }
}

/** Where a path ends after all symlinks, also when the last one points at nothing yet. */
export async function finalTarget(path: string, hops = 0): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || hops > 32) throw error;
  }
  const link = await readlink(path).catch(() => undefined);
  return link === undefined ? path : finalTarget(resolve(dirname(path), link), hops + 1);
}

async function writeThroughTemp(target: string, data: string | Uint8Array, options: AtomicWriteOptions): Promise<void> {
  const existing = await stat(target).catch(() => undefined);
  const mode = existing === undefined ? (options.mode ?? 0o600) : existing.mode & 0o7777;
  const temp = join(dirname(target), `.${basename(target)}.${String(process.pid)}.${randomUUID().slice(0, 8)}.tmp`);
  const file = await open(temp, 'wx', mode);
  try {
    try {
      options.onStep?.('temp-created');
      await file.writeFile(data);
      await file.chmod(mode);
      options.onStep?.('temp-written');
      await file.sync();
    } finally {
      await file.close();
    }
    // Only root can give a file away; for everybody else the temp file already has the right owner.
    if (existing !== undefined && process.getuid?.() === 0) await chown(temp, existing.uid, existing.gid);
    options.onStep?.('temp-synced');
    await renameWithRetries(temp, target);
  } catch (error) {
    await unlink(temp).catch(() => undefined);
    throw error;
  }
  options.onStep?.('renamed');
  await syncFolder(dirname(target));
}

/** Windows refuses a rename while a scanner or another program has the target open for a moment. */
async function renameWithRetries(from: string, to: string): Promise<void> {
  for (const delayMs of renameRetryDelaysMs) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (!['EPERM', 'EBUSY', 'EACCES'].includes(errorCode(error)) || process.platform !== 'win32') throw error;
    }
    await delay(delayMs);
  }
  await rename(from, to);
}

/** Makes the rename itself survive a power cut, where the platform can sync a folder. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows and some network file systems cannot; the content itself is synced already.
  }
}

/** Deletes the temp files that writers of this path left when they died before their rename. */
export async function removeAbandonedTemps(path: string): Promise<void> {
  const target = await finalTarget(path).catch(() => path);
  const prefix = `.${basename(target)}.`;
  const folder = dirname(target);
  for (const name of await readdir(folder).catch(() => [])) {
    const match = name.startsWith(prefix) ? /^(\d+)\.[0-9a-f]{8}\.tmp$/.exec(name.slice(prefix.length)) : null;
    if (match === null) continue;
    if (!isProcessAlive(Number(match[1]))) await unlink(join(folder, name)).catch(() => undefined);
  }
}

/** True when a process with this id exists on this machine, ours or not. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** The `code` of a Node error, or an empty string. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
