import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

const CURRENT = 'requests.jsonl';
const ROTATED = /^requests\.(\d+)\.jsonl$/;
const NEWLINE = 0x0a;

/** Appends lines to logs/requests.jsonl and rotates it; one call at a time. */
export interface RequestLog {
  /** Appends whole lines, each ending in a newline, in one write; rotates before it where the file would grow past the limit. */
  append(lines: string, limits: { readonly maxBytes: number; readonly maxFiles: number }): Promise<void>;
}

/** Paths of the request logs, newest first: the current file, then the rotated ones. */
export async function requestLogFiles(logsDir: string): Promise<readonly string[]> {
  const rotated = await rotatedFiles(logsDir);
  return [CURRENT, ...rotated].map((name) => join(logsDir, name));
}

/** The request log in a folder; files are 0600, the folder is made when missing. `nowMs` names rotated files. */
export function createRequestLog(logsDir: string, nowMs: () => number): RequestLog {
  const file = join(logsDir, CURRENT);
  /** Size after our last write; another size means that somebody else touched the file or a crash cut it. */
  let knownSize: number | undefined;

  async function openCurrent(): Promise<FileHandle> {
    try {
      return await open(file, 'a+', 0o600);
    } catch (error) {
      if (!isMissing(error)) throw error;
      await mkdir(logsDir, { recursive: true, mode: 0o700 });
      return await open(file, 'a+', 0o600);
    }
  }

  async function rotate(maxFiles: number): Promise<void> {
    const taken = new Set(await rotatedFiles(logsDir));
    let stamp = nowMs();
    while (taken.has(`requests.${String(stamp)}.jsonl`)) stamp += 1;
    await rename(file, join(logsDir, `requests.${String(stamp)}.jsonl`));
    const surplus = (await rotatedFiles(logsDir)).slice(maxFiles);
    // A file that cannot be deleted now is tried again at the next rotation.
    await Promise.allSettled(surplus.map((name) => rm(join(logsDir, name))));
  }

  return {
    async append(lines, limits) {
      const bytes = Buffer.from(lines, 'utf8');
      let handle = await openCurrent();
      try {
        let { size, mode } = await handle.stat();
        if (size > 0 && size + bytes.length > limits.maxBytes) {
          await handle.close();
          await rotate(limits.maxFiles);
          handle = await openCurrent();
          ({ size, mode } = await handle.stat());
        }
        if (process.platform !== 'win32' && (mode & 0o077) !== 0) await handle.chmod(0o600);
        const torn = size > 0 && size !== knownSize && !(await endsWithNewline(handle, size));
        knownSize = undefined;
        const block = torn ? Buffer.concat([Buffer.of(NEWLINE), bytes]) : bytes;
        await handle.appendFile(block);
        knownSize = size + block.length;
      } finally {
        await handle.close();
      }
    },
  };
}

async function endsWithNewline(handle: FileHandle, size: number): Promise<boolean> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] === NEWLINE;
}

async function rotatedFiles(logsDir: string): Promise<readonly string[]> {
  const names = await readdir(logsDir).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names
    .flatMap((name) => {
      const stamp = ROTATED.exec(name)?.[1];
      return stamp === undefined ? [] : [{ name, stamp: Number(stamp) }];
    })
    .sort((left, right) => right.stamp - left.stamp)
    .map(({ name }) => name);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
