import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFileLock } from '../../../main/core/io/file-lock.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('withFileLock', () => {
  it('lets one worker in at a time and leaves nothing behind', async () => {
    const counter = join(folder, 'counter');
    writeFileSync(counter, '0');
    const increment = (): Promise<void> =>
      withFileLock(join(folder, 'sub', 'x.json'), async () => {
        const value = Number(readFileSync(counter, 'utf8'));
        await new Promise((resolve) => setImmediate(resolve));
        writeFileSync(counter, String(value + 1));
      });
    await Promise.all(Array.from({ length: 8 }, increment));
    expect(readFileSync(counter, 'utf8')).toBe('8');
    expect(readdirSync(join(folder, 'sub'))).toEqual([]);
  });

  it('returns what the work returns and frees the lock when it throws', async () => {
    const path = join(folder, 'x');
    await expect(withFileLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(withFileLock(path, () => Promise.resolve(7))).resolves.toBe(7);
  });

  it('gives up with a code when another process keeps the lock, and does not judge owners on other machines', async () => {
    mkdirSync(join(folder, 'x.lock'));
    writeFileSync(join(folder, 'x.lock-owner'), `${String(process.pid)} ${hostname()}`);
    mkdirSync(join(folder, 'y.lock'));
    writeFileSync(join(folder, 'y.lock-owner'), '1 some-other-machine');
    const never = (): Promise<never> => Promise.reject(new Error('the lock was not respected'));
    // A live holder touches its lock again and again.
    const alive = setInterval(() => {
      for (const name of ['x', 'y']) utimesSync(join(folder, `${name}.lock`), new Date(), new Date());
    }, 500);
    const results = await Promise.allSettled([withFileLock(join(folder, 'x'), never), withFileLock(join(folder, 'y'), never)]);
    clearInterval(alive);
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'STORAGE_LOCKED' } });
  }, 20_000);

  it('takes over the lock of a process that died before it could sign it', async () => {
    mkdirSync(join(folder, 'x.lock'));
    await withFileLock(join(folder, 'x'), () => Promise.resolve());
    expect(readdirSync(folder)).toEqual([]);
  }, 20_000);

  it('takes the lock of a process that died at once', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    mkdirSync(join(folder, 'x.lock'));
    writeFileSync(join(folder, 'x.lock-owner'), `${String(gone)} ${hostname()}`);
    await withFileLock(join(folder, 'x'), () => {
      expect(existsSync(join(folder, 'x.lock'))).toBe(true);
      return Promise.resolve();
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
