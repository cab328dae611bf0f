import { fchmodSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination } from 'pino';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';

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
  /** Writes what is pending, synchronously; safe at any moment, also while exiting. A line already on its way may land after it. */
  flush(): void;
}

/**
 * Opens a 0600 log file written asynchronously and rotated by size; a full disk never stops the program.
 * @throws SwitchyardError STORAGE_WRITE_FAILED when the file cannot be opened
 */
export function createRotatingLog(options: RotatingLogOptions): RotatingLog {
  const { file } = options;
  let bytes = sizeOf(file);
  if (bytes > options.maxBytes) {
    shift(options);
    bytes = 0;
  }
  let sink = openSink(file);
  const draining = new Set<typeof sink>();
  const rotate = (): void => {
    // First of all, so that a failure below is tried again only after as many bytes, not with every line.
    bytes = 0;
    const full = sink;
    shift(options);
    sink = openSink(file);
    draining.add(full);
    full.once('close', () => draining.delete(full));
    full.end();
  };
  return {
    write(line) {
      sink.write(line);
      bytes += Buffer.byteLength(line);
      if (bytes > options.maxBytes) tryQuietly(rotate);
    },
    flush: () => {
      for (const each of [...draining, sink]) tryQuietly(() => each.flushSync());
    },
  };
}

// Opened here and not by the sink, whose own opening takes a moment in which a flush at exit would lose everything.
function openSink(file: string): ReturnType<typeof destination> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const descriptor = openSync(file, 'a', 0o600);
    tryQuietly(() => fchmodSync(descriptor, 0o600));
    const sink = destination({ fd: descriptor, sync: false });
    sink.on('error', () => undefined);
    return sink;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SwitchyardError(
      'STORAGE_WRITE_FAILED',
      `The log ${file} cannot be opened: ${reason}`,
      { path: file },
      { cause: error },
    );
  }
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
