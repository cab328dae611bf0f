import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { EndpointKey } from '../../../shared/domain/endpoint.js';
import type { AffinityRecord } from '../../../shared/domain/routing.js';
import { writeFileAtomic } from '../io/atomic-write.js';
import type { Clock, Logger, Paths } from '../ports.js';

/** The bindings to keep: a table that can be read whole and says whether it changed. */
export interface KeptTable {
  entries(): readonly (readonly [string, AffinityRecord])[];
  restore(entries: readonly (readonly [string, AffinityRecord])[]): void;
  generation(): number;
}

/** Keeps session bindings over a restart, so that a session returns to the account that owns its state. */
export interface AffinityFile {
  /** Reads the file into the table; a file that does not parse is ignored and said in the log. */
  start(): Promise<void>;
  /** Writes what changed. */
  stop(): Promise<void>;
}

const isKey = (value: string): value is EndpointKey => value.includes('/');
const schema = z.object({
  version: z.literal(1),
  sessions: z.array(
    z.tuple([
      z.string(),
      z.object({ endpoint: z.string().refine(isKey), boundAtMs: z.number(), lastUsedAtMs: z.number(), reason: z.string() }),
    ]),
  ),
});

const SAVE_EVERY_MS = 10_000;

/** Makes the keeper of one home's bindings; it writes at most every ten seconds, and only after a change. */
export function createAffinityFile(deps: {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly table: KeptTable;
}): AffinityFile {
  const file = join(deps.paths.stateDir, 'affinity.json');
  let saved = 0;
  let cancel: (() => void) | undefined;
  const save = async (): Promise<void> => {
    const generation = deps.table.generation();
    if (generation === saved) return;
    saved = generation;
    try {
      await writeFileAtomic(file, `${JSON.stringify({ version: 1, sessions: deps.table.entries() })}\n`, { mode: 0o600 });
    } catch (error) {
      deps.logger.warn('session bindings could not be saved', { reason: String(error) });
    }
  };
  const schedule = (): void => {
    cancel = deps.clock.after(SAVE_EVERY_MS, () => void save().finally(schedule));
  };
  return {
    async start() {
      const entries = await read(file, deps.logger);
      deps.table.restore(entries);
      saved = deps.table.generation();
      schedule();
    },
    async stop() {
      cancel?.();
      await save();
    },
  };
}

async function read(file: string, logger: Logger): Promise<readonly (readonly [string, AffinityRecord])[]> {
  try {
    const parsed = schema.parse(JSON.parse(await readFile(file, 'utf8')));
    return parsed.sessions.map(([session, record]) => [session, record as AffinityRecord] as const);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') logger.warn('session bindings could not be read', { file });
    return [];
  }
}
