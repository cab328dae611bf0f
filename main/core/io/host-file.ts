import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic-write.js';

/** What `run/host.json` says: where the running host of a home listens. */
export interface HostRecord {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly kind: 'daemon' | 'electron';
  readonly startedAtMs: number;
  /** What the command line overrode of `[server]`, so that a restart can keep it. */
  readonly listen?: { readonly host?: string; readonly port?: number };
}

/** Publishes the address of this host, whole or not at all. @throws SwitchyardError STORAGE_WRITE_FAILED */
export async function writeHostFile(runDir: string, record: HostRecord): Promise<void> {
  await writeFileAtomic(hostFile(runDir), `${JSON.stringify(record)}\n`);
}

/** Withdraws the address, unless another process has published its own since. */
export async function removeHostFile(runDir: string, pid: number): Promise<void> {
  try {
    const record: unknown = JSON.parse(await readFile(hostFile(runDir), 'utf8'));
    if (typeof record === 'object' && record !== null && 'pid' in record && record.pid !== pid) return;
  } catch {
    // Missing or damaged: nothing in it is worth keeping.
  }
  await rm(hostFile(runDir), { force: true });
}

function hostFile(runDir: string): string {
  return join(runDir, 'host.json');
}
