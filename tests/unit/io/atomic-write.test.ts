import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic, type AtomicWriteStep } from '../../../main/core/io/atomic-write.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-atomic-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  it('creates parent folders and a private file', async () => {
    const path = join(folder, 'a', 'b', 'file.txt');
    await writeFileAtomic(path, 'text');
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('gives a new file the wanted mode and lets an existing file keep its own', async () => {
    const path = join(folder, 'file.txt');
    await writeFileAtomic(path, new Uint8Array([1, 2]), { mode: 0o644 });
    expect(statSync(path).mode & 0o777).toBe(0o644);
    chmodSync(path, 0o664);
    await writeFileAtomic(path, 'new', { mode: 0o600 });
    expect(statSync(path).mode & 0o777).toBe(0o664);
  });

  it('writes through a symlink, also a dangling one, and leaves the link in place', async () => {
    mkdirSync(join(folder, 'dotfiles'));
    const target = join(folder, 'dotfiles', 'real.txt');
    const link = join(folder, 'link.txt');
    symlinkSync(join('dotfiles', 'real.txt'), link);
    await writeFileAtomic(link, 'first');
    await writeFileAtomic(link, 'second');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe('second');
  });

  it('shows the old content until the rename and names its steps in order', async () => {
    const path = join(folder, 'file.txt');
    writeFileSync(path, 'old');
    const seen: [AtomicWriteStep, string][] = [];
    await writeFileAtomic(path, 'new', { onStep: (step) => seen.push([step, readFileSync(path, 'utf8')]) });
    expect(seen).toEqual([
      ['temp-created', 'old'],
      ['temp-written', 'old'],
      ['temp-synced', 'old'],
      ['renamed', 'new'],
    ]);
  });

  it('leaves the old content and no temp file when writing fails half way', async () => {
    const path = join(folder, 'file.txt');
    writeFileSync(path, 'old');
    const failing = writeFileAtomic(path, 'new', {
      onStep: (step) => {
        if (step === 'temp-synced') throw new Error('disk full');
      },
    });
    await expect(failing).rejects.toMatchObject({ code: 'STORAGE_WRITE_FAILED', details: { path } });
    expect(readdirSync(folder)).toEqual(['file.txt']);
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  it('says which file could not be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(writeFileAtomic(join(folder, 'file', 'below'), '')).rejects.toMatchObject({ code: 'STORAGE_WRITE_FAILED' });
  });

  it('removes temp files of writers that are gone and leaves those of living writers', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const dead = `.file.txt.${String(gone)}.0123abcd.tmp`;
    const alive = `.file.txt.${String(process.pid)}.0123abcd.tmp`;
    writeFileSync(join(folder, dead), '');
    writeFileSync(join(folder, alive), '');
    await writeFileAtomic(join(folder, 'file.txt'), 'x');
    expect(readdirSync(folder).sort()).toEqual([alive, 'file.txt']);
  });

  it('leaves one whole version when many write at once', async () => {
    const path = join(folder, 'file.txt');
    const versions = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
    await Promise.all(versions.map((version) => writeFileAtomic(path, version)));
    expect(versions).toContain(readFileSync(path, 'utf8'));
    expect(readdirSync(folder)).toEqual(['file.txt']);
  });
});
