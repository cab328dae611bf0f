import { chmodSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination } from 'pino';

/** Where the program log goes and how much of it is kept. */
export interface RotatingLogOptions {
  readonly file: string;
  readonly maxBytes: number;
  /** Files kept besides the one being written: `.1` is the newest. */
  readonly keep: number;
}

/** A log file that never grows past its limit. */
export interface RotatingLog {
  write(line: string): void;
  /** Writes what is pending, synchronously; safe at any moment, also while exiting. */
  flush(): void;
}

/** Opens a 0600 log file written asynchronously and rotated by size; a disk that cannot be written never stops the program. */
export function createRotatingLog(options: RotatingLogOptions): RotatingLog {
  const { file } = options;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let bytes = sizeOf(file);
  if (bytes > options.maxBytes) {
    shift(options);
    bytes = 0;
  }
  const sink = destination({ dest: file, sync: false, mode: 0o600, append: true });
  sink.on('error', () => undefined);
  sink.once('ready', () => tryQuietly(() => chmodSync(file, 0o600)));
  return {
    write(line) {
      sink.write(line);
      bytes += Buffer.byteLength(line);
      if (bytes <= options.maxBytes) return;
      bytes = 0;
      tryQuietly(() => {
        sink.flushSync();
        shift(options);
        sink.reopen();
      });
    },
    flush: () => tryQuietly(() => sink.flushSync()),
  };
}

function shift(options: RotatingLogOptions): void {
  const { file, keep } = options;
  rmSync(`${file}.${keep}`, { force: true });
  for (let index = keep - 1; index >= 1; index -= 1) tryQuietly(() => renameSync(`${file}.${index}`, `${file}.${index + 1}`));
  tryQuietly(() => renameSync(file, `${file}.1`));
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function tryQuietly(work: () => void): void {
  try {
    work();
  } catch {
    // The log must never be the reason for a failure.
  }
}
