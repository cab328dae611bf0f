import { LRUCache } from 'lru-cache';
import type { AffinityRecord } from '../../../shared/domain/routing.js';

/** Session -> endpoint bindings: bounded, least recently used goes first. */
export interface AffinityTable {
  get(session: string): AffinityRecord | undefined;
  set(session: string, record: AffinityRecord): void;
  /** Forgets every binding: the user chose anew. */
  clear(): void;
  /** Oldest first. */
  entries(): readonly (readonly [string, AffinityRecord])[];
  restore(entries: readonly (readonly [string, AffinityRecord])[]): void;
  /** Grows with every change; lets a writer see whether there is anything to write. */
  generation(): number;
}

/** More sessions than this are forgotten, oldest first. */
export const MAX_AFFINITY_SESSIONS = 5000;

/** Makes an empty table. */
export function createAffinityTable(max = MAX_AFFINITY_SESSIONS): AffinityTable {
  const cache = new LRUCache<string, AffinityRecord>({ max });
  let generation = 0;
  return {
    get: (session) => cache.get(session),
    set(session, record) {
      cache.set(session, record);
      generation++;
    },
    clear() {
      if (cache.size > 0) generation++;
      cache.clear();
    },
    entries: () => [...cache.entries()].reverse(),
    restore(entries) {
      for (const [session, record] of entries) cache.set(session, record);
    },
    generation: () => generation,
  };
}
