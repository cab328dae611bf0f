import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CONTROL_PREFIX,
  CONTROL_TOKEN_FILE,
  HOST_FILE,
  hostRecordSchema,
  type HostRecord,
} from '../../shared/control/host-record.js';
import { openLoopback, readText } from './loopback-request.js';

const HEALTH_TIMEOUT_MS = 2_000;

/** A running host and the key to it. */
export interface DiscoveredHost extends HostRecord {
  readonly baseUrl: string;
  readonly token: string;
}

/** The running host of a home, or undefined when the run folder names none, its process is gone or it does not answer as Switchyard. */
export async function discoverHost(paths: { readonly runDir: string }): Promise<DiscoveredHost | undefined> {
  const record = await readRecord(join(paths.runDir, HOST_FILE));
  if (!record || !isAlive(record.pid)) return undefined;
  const [token, healthy] = await Promise.all([readToken(join(paths.runDir, CONTROL_TOKEN_FILE)), isHealthy(record.url)]);
  return token !== undefined && healthy ? { ...record, baseUrl: record.url, token } : undefined;
}

/** True when Switchyard answers `/health` at this address. */
async function isHealthy(baseUrl: string): Promise<boolean> {
  try {
    const url = new URL(`${CONTROL_PREFIX}/health`, baseUrl);
    const response = await openLoopback({ url, method: 'GET', timeoutMs: HEALTH_TIMEOUT_MS });
    const answer: unknown = JSON.parse(await readText(response, HEALTH_TIMEOUT_MS));
    const isOurs = typeof answer === 'object' && answer !== null && 'product' in answer && answer.product === 'switchyard';
    return response.statusCode === 200 && isOurs;
  } catch {
    return false;
  }
}

async function readRecord(file: string): Promise<HostRecord | undefined> {
  try {
    return hostRecordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function readToken(file: string): Promise<string | undefined> {
  try {
    const token = (await readFile(file, 'utf8')).trim();
    return token === '' ? undefined : token;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
