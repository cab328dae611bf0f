import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rmdir, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorCode, isProcessAlive } from './atomic-write.js';

/** Shorter than the wait, so that a lock whose holder died before it could sign is taken over by the first who waits for it. */
const staleMs = 4_000;
const pollMs = 50;
const attempts = 100;

/**
 * Runs `work` while holding a lock on a path that all processes respect; the path itself need not exist. Waits up to 5 s.
 * The lock of a process that died is taken over at once, of one that hangs, or died before it could sign, after 4 s.
 * @throws SwitchyardError STORAGE_LOCKED, STORAGE_WRITE_FAILED
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const target = resolve(path);
  const release = await acquire(target);
  try {
    return await work();
  } finally {
    await unlink(ownerFile(target)).catch(() => undefined);
    // A lock taken over from us while we hung is no longer ours to release.
    await release().catch(() => undefined);
  }
}

async function acquire(target: string): Promise<() => Promise<void>> {
  try {
    await mkdir(dirname(target), { recursive: true });
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (attempt > 0) await delay(pollMs);
      await removeDeadLock(target);
      const release = await tryLock(target);
      if (release === undefined) continue;
      await writeFile(ownerFile(target), ownerMark(process.pid), { mode: 0o600 });
      return release;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SwitchyardError('STORAGE_WRITE_FAILED', `${target} could not be locked: ${reason}`, { path: target }, { cause });
  }
  throw new SwitchyardError('STORAGE_LOCKED', `Another process holds the lock of ${target}.`, { path: target });
}

async function tryLock(target: string): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lock(target, { realpath: false, stale: staleMs, retries: 0, onCompromised: () => undefined });
  } catch (error) {
    if (errorCode(error) === 'ELOCKED') return undefined;
    throw error;
  }
}

function ownerFile(target: string): string {
  return `${target}.lock-owner`;
}

function ownerMark(pid: number): string {
  return `${String(pid)} ${hostname()}`;
}

/**
 * Removes the lock of a process that is gone. Without this a crash would keep everybody out until the lock goes stale.
 * Claiming the owner file by rename lets exactly one waiter do it, so it can never remove the lock of the next owner.
 */
export async function removeDeadLock(path: string): Promise<void> {
  const target = resolve(path);
  const mark = await readFile(ownerFile(target), 'utf8').catch(() => '');
  if (!isDead(mark)) return;
  const claimed = `${ownerFile(target)}.${randomUUID().slice(0, 8)}`;
  try {
    await rename(ownerFile(target), claimed);
  } catch {
    return;
  }
  if ((await readFile(claimed, 'utf8').catch(() => '')) === mark) {
    await rmdir(`${target}.lock`).catch(() => undefined);
    await unlink(claimed).catch(() => undefined);
  } else {
    await rename(claimed, ownerFile(target)).catch(() => undefined);
  }
}

function isDead(mark: string): boolean {
  const match = /^(\d+) (.+)$/.exec(mark);
  return match !== null && match[2] === hostname() && !isProcessAlive(Number(match[1]));
}
