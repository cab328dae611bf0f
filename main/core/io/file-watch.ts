import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock, Logger } from '../ports.js';

/** How {@link watchFiles} works. */
export interface FileWatchOptions {
  readonly files: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when a file's content, presence or identity may have changed and it has been still for a moment. */
  readonly onChange: (file: string) => void;
  /** How often the files are looked at besides listening, for folders that send no events. Default 400. */
  readonly pollMs?: number;
  /** How long a file must be still before it is reported. Default 60. */
  readonly settleMs?: number;
  /** The same for a file that is gone or empty, which for most editors is a step of saving it. Default 300. */
  readonly settleGoneMs?: number;
}

/** Ends a watch; nothing is reported after it. */
export type StopWatching = () => Promise<void>;

/**
 * Reports changes of files, whether they are there or not: listens to their folders and also polls, so that symlinks, network
 * folders and replaced folders are noticed. Costs one stat per file and poll, and never keeps the process alive.
 */
export async function watchFiles(options: FileWatchOptions): Promise<StopWatching> {
  const entries = await Promise.all(options.files.map(async (file) => ({ file, seen: await stampOf(file) })));
  const stops = entries.map(({ file, seen }) => watchOne(file, seen, options));
  // Not waited for: loading the listener must not delay a start, and the polling runs already.
  const listening = listenToFolders(
    new Map(stops.map(({ look }, index) => [resolve(options.files[index] ?? ''), look])),
    options.logger,
  );
  return async () => {
    for (const { stop } of stops) stop();
    const stopListening = await listening;
    await stopListening();
  };
}

interface Stamp {
  readonly id: string;
  /** Gone or empty. */
  readonly bare: boolean;
}

async function stampOf(file: string): Promise<Stamp> {
  try {
    const info = await stat(file);
    return { id: [info.mtimeMs, info.ctimeMs, info.size, info.ino].join(' '), bare: info.size === 0 };
  } catch {
    return { id: 'none', bare: true };
  }
}

function watchOne(file: string, first: Stamp, options: FileWatchOptions): { look: () => void; stop: () => void } {
  const { clock, pollMs = 400, settleMs = 60, settleGoneMs = 300 } = options;
  let reported = first.id;
  let pending: string | undefined;
  let stopped = false;
  let looking = false;
  let cancel: () => void = () => undefined;
  const later = (delayMs: number): void => {
    cancel();
    if (!stopped) cancel = clock.after(delayMs, look);
  };
  const judge = (stamp: Stamp): void => {
    if (stamp.id === reported) {
      pending = undefined;
      later(pollMs);
    } else if (stamp.id === pending) {
      reported = stamp.id;
      pending = undefined;
      options.onChange(file);
      later(pollMs);
    } else {
      pending = stamp.id;
      later(stamp.bare ? settleGoneMs : settleMs);
    }
  };
  function look(): void {
    if (stopped || looking) return;
    looking = true;
    void stampOf(file).then((stamp) => {
      looking = false;
      if (!stopped) judge(stamp);
    });
  }
  later(pollMs);
  return {
    // An event while a change is settling must not cut the settling short.
    look: () => (pending === undefined ? look() : undefined),
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

async function listenToFolders(looks: ReadonlyMap<string, () => void>, logger: Logger): Promise<() => Promise<void>> {
  const folders = new Set([...looks.keys()].map((file) => dirname(file)));
  try {
    const { watch } = await import('chokidar');
    const watcher = watch([...folders], {
      persistent: false,
      ignoreInitial: true,
      depth: 0,
      ignored: (path) => !folders.has(resolve(path)) && !looks.has(resolve(path)),
    });
    watcher.on('all', (_event, path) => looks.get(resolve(path))?.());
    watcher.on('error', (error) => logger.debug('file events are not available; polling instead', { reason: String(error) }));
    return () => watcher.close();
  } catch (error) {
    logger.debug('file events are not available; polling instead', { reason: String(error) });
    return () => Promise.resolve();
  }
}
