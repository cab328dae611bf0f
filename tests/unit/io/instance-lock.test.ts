import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireInstanceLock, readInstanceHolder } from '../../../main/core/io/instance-lock.js';
import { isSameProcessAlive, ownIdentity } from '../../../main/core/io/process-identity.js';

let runDir: string;

beforeEach(async () => {
  runDir = join(await mkdtemp(join(tmpdir(), 'switchyard-lock-')), 'run');
});

afterEach(async () => {
  await rm(join(runDir, '..'), { recursive: true, force: true });
});

const acquire = () => acquireInstanceLock({ runDir, kind: 'daemon', nowMs: Date.now() });
const writeHolder = (holder: object) => writeFile(join(runDir, 'instance.lock'), JSON.stringify(holder));

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}

describe('the instance lock', () => {
  it('is held by one host at a time and names the holder to the second', async () => {
    await acquire();
    await expect(acquire()).rejects.toMatchObject({
      code: 'HOST_ALREADY_RUNNING',
      details: { pid: process.pid, kind: 'daemon' },
    });
  });

  it('can be taken again after it was released', async () => {
    const lock = await acquire();
    await lock.release();
    expect(await readInstanceHolder(runDir)).toBeUndefined();
    await expect(acquire()).resolves.toMatchObject({ file: join(runDir, 'instance.lock') });
  });

  it('is taken over from a holder that was killed', async () => {
    await (await acquire()).release();
    await writeHolder({ pid: await deadPid(), startMark: 'boot:1', startedAtMs: 1, kind: 'daemon', acquiredAtMs: 1 });
    await acquire();
    expect((await readInstanceHolder(runDir))?.pid).toBe(process.pid);
  });

  it('is taken over when the pid of the dead holder now belongs to another process', async () => {
    await (await acquire()).release();
    await writeHolder({
      ...(await ownIdentity(Date.now())),
      startMark: 'another boot:1',
      startedAtMs: 1,
      kind: 'daemon',
      acquiredAtMs: 1,
    });
    await acquire();
    expect((await readInstanceHolder(runDir))?.acquiredAtMs).toBeGreaterThan(1);
  });

  it('is taken over when the file is damaged', async () => {
    await (await acquire()).release();
    await writeFile(join(runDir, 'instance.lock'), '{"pid":');
    await acquire();
    expect((await readInstanceHolder(runDir))?.pid).toBe(process.pid);
  });

  it('goes to exactly one of many that find the same dead holder at once', async () => {
    await (await acquire()).release();
    await writeHolder({ pid: await deadPid(), startMark: 'boot:1', startedAtMs: 1, kind: 'daemon', acquiredAtMs: 1 });
    const results = await Promise.allSettled(Array.from({ length: 6 }, acquire));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it('is not released by a host that lost it', async () => {
    const lock = await acquire();
    await writeHolder({ pid: 1, startedAtMs: 1, kind: 'electron', acquiredAtMs: 2 });
    await lock.release();
    expect((await readInstanceHolder(runDir))?.kind).toBe('electron');
  });

  it('lives in a file and folder only the owner may read', async () => {
    const lock = await acquire();
    if (process.platform === 'win32') return;
    expect((await stat(lock.file)).mode & 0o777).toBe(0o600);
    expect((await stat(runDir)).mode & 0o777).toBe(0o700);
    expect(await readFile(lock.file, 'utf8')).toMatch(/"pid":\d+/);
  });
});

describe('the identity of a process', () => {
  it('tells this process from an earlier one with the same pid', async () => {
    const own = await ownIdentity(Date.now());
    expect(await isSameProcessAlive(own)).toBe(true);
    expect(await isSameProcessAlive({ ...own, startMark: own.startMark && `${own.startMark}0`, startedAtMs: 0 })).toBe(false);
  });

  it('falls back to the start time where there is no exact mark', async () => {
    const own = { ...(await ownIdentity(Date.now())), startMark: undefined };
    expect(await isSameProcessAlive(own)).toBe(true);
  });
});
