import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST_FILE, type HostRecord } from '../../../shared/control/host-record.js';
import { writeFileAtomic } from './atomic-write.js';

/** Publishes the address of this host, whole or not at all. @throws SwitchyardError STORAGE_WRITE_FAILED */
export async function writeHostFile(runDir: string, record: HostRecord): Promise<void> {
  await writeFileAtomic(join(runDir, HOST_FILE), `${JSON.stringify(record)}\n`);
}

/** Withdraws the address, unless another process has published its own since. */
export async function removeHostFile(runDir: string, pid: number): Promise<void> {
  try {
    const record: unknown = JSON.parse(await readFile(join(runDir, HOST_FILE), 'utf8'));
    if (typeof record === 'object' && record !== null && 'pid' in record && record.pid !== pid) return;
  } catch {
    // Missing or damaged: nothing in it is worth keeping.
  }
  await rm(join(runDir, HOST_FILE), { force: true });
}
