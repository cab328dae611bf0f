import type { Config } from '../../../shared/config/schema.js';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import type { Clock, Logger, Paths } from '../ports.js';
import { createLogWriter } from './log-writer.js';
import { createMetrics, type EndpointGauge } from './metrics.js';
import { readBack } from './read-back.js';
import { createRecentTurns, isErrorTurn } from './recent-turns.js';
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

const MEMORY_TURNS = 1000;
const READ_BACK_BYTES = 32 * 1024 * 1024;

/** The request log of one core: one line per turn in `logs/requests.jsonl`, the newest 1000 in memory, counters for Prometheus. */
export function createLedger(deps: LedgerDeps): Ledger {
  const { clock, logger, paths, config } = deps;
  const recent = createRecentTurns(MEMORY_TURNS);
  const metrics = createMetrics(deps.endpoints);
  const log = createRequestLog(paths.logsDir, () => clock.now());
  const writer = createLogWriter({ log, clock, logger, config, onLine: (line) => recent.add(line) });
  const totals = { turns: 0, failovers: 0, errors: 0 };
  let newest: TurnRecord | undefined;
  let lastOfEarlierRun: TurnRecord | null = null;

  async function readFiles(limit: number, accept: (turn: TurnRecord) => boolean): Promise<readonly TurnRecord[]> {
    const files = await requestLogFiles(paths.logsDir).catch(() => []);
    return (await readBack(files, { limit, maxBytes: READ_BACK_BYTES }, accept)).map(withoutDebug);
  }

  return {
    async start() {
      const [last] = await readFiles(1, () => true);
      lastOfEarlierRun = last ?? null;
    },
    stop: () => writer.flush(),
    record(turn) {
      try {
        const clean = redactTurn(turn);
        newest = clean;
        metrics.observe(clean);
        totals.turns += 1;
        if (isErrorTurn(clean)) totals.errors += 1;
        for (const attempt of clean.attempts) if (attempt.next === 'next') totals.failovers += 1;
        const { requests } = config();
        writer.add(clean, requests === 'all' || (requests === 'errors' && isErrorTurn(clean)));
      } catch (error) {
        logger.error('a turn could not be recorded', { turn: turn.turn_id, reason: String(error) });
      }
    },
    async tail(limit, filter) {
      const accept = (turn: TurnRecord) => filter?.errorsOnly !== true || isErrorTurn(turn);
      await writer.flush();
      const fromMemory = recent.newest(limit, accept);
      if (fromMemory.length >= limit) return fromMemory;
      const known = recent.ids();
      const older = await readFiles(limit - fromMemory.length, (turn) => !known.has(turn.turn_id) && accept(turn));
      return [...older, ...fromMemory];
    },
    totals: () => ({ ...totals }),
    last: () => (newest === undefined ? lastOfEarlierRun : withoutDebug(newest)),
    metrics: () => Promise.resolve(metrics.text()),
  };
}

function withoutDebug(turn: TurnRecord): TurnRecord {
  return turn.http_debug === undefined ? turn : { ...turn, http_debug: undefined };
}
