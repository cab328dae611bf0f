import type { Config } from '../../../shared/config/schema.js';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import type { Clock, Logger, Paths } from '../ports.js';
import { createMetrics, type EndpointGauge } from './metrics.js';
import { readBack } from './read-back.js';
import { redactTurn } from './redact.js';
import { createRequestLog, requestLogFiles } from './request-log.js';

/** The request log and what is counted from it. */
export interface Ledger {
  start(): Promise<void>;
  /** Writes what is pending. */
  stop(): Promise<void>;
  /** Queues one line; returns at once and never throws. */
  record(turn: TurnRecord): void;
  /** Newest last. Reads the file behind the in-memory tail when more is asked than memory holds. */
  tail(limit: number, filter?: { readonly errorsOnly?: boolean }): Promise<readonly TurnRecord[]>;
  totals(): { readonly turns: number; readonly failovers: number; readonly errors: number };
  last(): TurnRecord | null;
  /** Prometheus text exposition. */
  metrics(): Promise<string>;
}

/** What a ledger needs. */
export interface LedgerDeps {
  readonly paths: Pick<Paths, 'logsDir'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked at every write, so that changes of `[log]` hold at once. */
  readonly config: () => Config['log'];
  /** Asked at every scrape. */
  readonly endpoints?: () => readonly EndpointGauge[];
}

const FLUSH_AFTER_MS = 50;
/** Kept at least; twice as many at most. */
const MEMORY_TURNS = 1000;
/** Lines made into text at a stretch; between stretches other work runs. */
const LINES_PER_WRITE = 256;
/** More than this waits only when the disk stands still; the oldest lines are given up then. */
const MAX_PENDING = 20_000;
const READ_BACK_BYTES = 32 * 1024 * 1024;
const BYTES_PER_MB = 1024 * 1024;

/** True for a turn that `[log] requests = "errors"` keeps. */
function isErrorTurn(turn: TurnRecord): boolean {
  return turn.error !== undefined || turn.status_code >= 400 || (turn.end !== 'completed' && turn.end !== 'aborted');
}

/** The request log of one core: one line per turn in `logs/requests.jsonl`, the newest 1000 in memory, counters for Prometheus. */
export function createLedger(deps: LedgerDeps): Ledger {
  const { clock, logger, paths } = deps;
  const log = createRequestLog(paths.logsDir, () => clock.now());
  const metrics = createMetrics(deps.endpoints);
  const totals = { turns: 0, failovers: 0, errors: 0 };
  let recent: TurnRecord[] = [];
  let last: TurnRecord | null = null;
  let pending: TurnRecord[] = [];
  let flushing: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  let failed = false;

  function reportFailure(error: unknown, lost: number): void {
    if (failed) return;
    failed = true;
    logger.error('request log cannot be written; turns go on without it', { dir: paths.logsDir, error: errorText(error), lost });
  }

  async function writePending(): Promise<void> {
    while (pending.length > 0) {
      const batch = pending.slice(0, LINES_PER_WRITE);
      pending = pending.slice(batch.length);
      const { max_mb, max_files } = deps.config();
      try {
        await log.append(serialise(batch), { maxBytes: max_mb * BYTES_PER_MB, maxFiles: max_files });
        if (failed) logger.info('request log can be written again', { dir: paths.logsDir });
        failed = false;
      } catch (error) {
        reportFailure(error, batch.length);
      }
    }
    await metrics.settle();
  }

  function flush(): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    flushing ??= writePending().finally(() => {
      flushing = undefined;
      if (pending.length > 0) flushSoon();
    });
    return flushing;
  }

  function flushSoon(): void {
    cancelTimer ??= clock.after(FLUSH_AFTER_MS, () => void flush());
  }

  function remember(turn: TurnRecord): void {
    const kept = turn.http_debug === undefined ? turn : { ...turn, http_debug: undefined };
    last = kept;
    recent.push(kept);
    if (recent.length >= 2 * MEMORY_TURNS) recent = recent.slice(-MEMORY_TURNS);
    totals.turns += 1;
    if (isErrorTurn(turn)) totals.errors += 1;
    for (const attempt of turn.attempts) if (attempt.next === 'next') totals.failovers += 1;
    metrics.observe(kept);
  }

  function queue(turn: TurnRecord): void {
    const { requests } = deps.config();
    flushSoon();
    if (requests === 'off' || (requests === 'errors' && !isErrorTurn(turn))) return;
    if (pending.length >= MAX_PENDING) {
      pending = pending.slice(LINES_PER_WRITE);
      reportFailure(new Error('the disk does not keep up'), LINES_PER_WRITE);
    }
    pending.push(turn);
  }

  async function tail(limit: number, filter?: { readonly errorsOnly?: boolean }): Promise<readonly TurnRecord[]> {
    const accept = (turn: TurnRecord) => filter?.errorsOnly !== true || isErrorTurn(turn);
    const fromMemory = recent.filter(accept).slice(-limit);
    if (fromMemory.length >= limit) return fromMemory;
    await flush();
    const known = new Set(recent.map((turn) => turn.turn_id));
    const older = await readBack(
      await requestLogFiles(paths.logsDir).catch(() => []),
      { limit: limit - fromMemory.length, maxBytes: READ_BACK_BYTES },
      (turn) => !known.has(turn.turn_id) && accept(turn),
    );
    return [...older.map(withoutDebug), ...fromMemory];
  }

  return {
    async start() {
      const files = await requestLogFiles(paths.logsDir).catch(() => []);
      const [newest] = await readBack(files.slice(0, 2), { limit: 1, maxBytes: BYTES_PER_MB }, () => true);
      last ??= newest ? withoutDebug(newest) : null;
    },
    async stop() {
      while (pending.length > 0 || flushing) await flush();
    },
    record(turn) {
      try {
        const clean = redactTurn(turn);
        remember(clean);
        queue(clean);
      } catch (error) {
        reportFailure(error, 1);
      }
    },
    tail,
    totals: () => ({ ...totals }),
    last: () => last,
    metrics: () => metrics.text(),
  };
}

function serialise(turns: readonly TurnRecord[]): string {
  let lines = '';
  for (const turn of turns) lines += `${JSON.stringify(turn)}\n`;
  return lines;
}

function withoutDebug(turn: TurnRecord): TurnRecord {
  return turn.http_debug === undefined ? turn : { ...turn, http_debug: undefined };
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
