import type { Config } from '../../../shared/config/schema.js';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import type { Clock, Logger } from '../ports.js';
import type { RequestLog } from './request-log.js';

/** Collects turns and writes them in batches. */
export interface LogWriter {
  /** Takes a turn to be made into a line soon, and to be written where `toFile`; makes no text and touches no file now. */
  add(turn: TurnRecord, toFile: boolean): void;
  /** Resolves when everything taken so far is written or given up. Never rejects. */
  flush(): Promise<void>;
}

/** What {@link createLogWriter} needs. */
export interface LogWriterDeps {
  readonly log: RequestLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: () => Pick<Config['log'], 'max_mb' | 'max_files'>;
  /** Gets every turn's line, without captured bodies. */
  readonly onLine: (line: string) => void;
}

const FLUSH_AFTER_MS = 50;
/** Lines made into text at a stretch; between stretches other work runs. */
const LINES_PER_WRITE = 256;
/** More than this waits only when the disk stands still; the oldest lines are given up then. */
const MAX_PENDING = 20_000;
const BYTES_PER_MB = 1024 * 1024;

/** A writer over one request log. A disk that fails is reported once, and once more when it works again. */
export function createLogWriter({ log, clock, logger, config, onLine }: LogWriterDeps): LogWriter {
  const health = createWriteHealth(logger);
  let pending: Pending[] = [];
  let flushing: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;

  async function writePending(): Promise<void> {
    while (pending.length > 0) {
      const batch = pending.slice(0, LINES_PER_WRITE);
      pending = pending.slice(batch.length);
      const { max_mb, max_files } = config();
      const lines = serialise(batch, onLine);
      if (lines === '') continue;
      try {
        await log.append(lines, { maxBytes: max_mb * BYTES_PER_MB, maxFiles: max_files });
        health.worked();
      } catch (error) {
        health.failed(error, batch.length);
      }
    }
  }

  function flushSoon(): void {
    cancelTimer ??= clock.after(FLUSH_AFTER_MS, () => void flushOnce());
  }

  function flushOnce(): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    flushing ??= writePending()
      .catch((error: unknown) => health.failed(error, 0))
      .finally(() => {
        flushing = undefined;
        if (pending.length > 0) flushSoon();
      });
    return flushing;
  }

  return {
    add(turn, toFile) {
      if (pending.length >= MAX_PENDING) {
        pending = pending.slice(LINES_PER_WRITE);
        health.failed(new Error('the disk does not keep up'), LINES_PER_WRITE);
      }
      pending.push({ turn, toFile });
      flushSoon();
    },
    async flush() {
      do await flushOnce();
      while (pending.length > 0);
    },
  };
}

interface WriteHealth {
  failed(error: unknown, lost: number): void;
  worked(): void;
}

function createWriteHealth(logger: Logger): WriteHealth {
  let broken = false;
  return {
    failed(error, lost) {
      if (broken) return;
      broken = true;
      const reason = error instanceof Error ? error.message : String(error);
      logger.error('the request log cannot be written; turns go on without it', { reason, lost });
    },
    worked() {
      if (broken) logger.info('the request log can be written again');
      broken = false;
    },
  };
}

interface Pending {
  readonly turn: TurnRecord;
  readonly toFile: boolean;
}

/** The lines for the file; each turn's line is also handed on without what was captured of its bodies. */
function serialise(batch: readonly Pending[], onLine: (line: string) => void): string {
  let lines = '';
  for (const { turn, toFile } of batch) {
    const line = JSON.stringify(turn);
    onLine(turn.http_debug === undefined ? line : JSON.stringify({ ...turn, http_debug: undefined }));
    if (toFile) lines += `${line}\n`;
  }
  return lines;
}
