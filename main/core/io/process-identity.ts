import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { isProcessAlive } from './atomic-write.js';

/** Slack between the two ways a start time is told, in milliseconds. */
const START_TIME_TOLERANCE_MS = 5_000;
const QUESTION_TIMEOUT_MS = 3_000;

/** Tells a process from a later one that got the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Exact on Linux: boot id and start tick; undefined elsewhere. */
  readonly startMark: string | undefined;
  readonly startedAtMs: number;
}

/** Who this process is. */
export async function ownIdentity(nowMs: number): Promise<ProcessIdentity> {
  return {
    pid: process.pid,
    startMark: await linuxStartMark(process.pid),
    startedAtMs: Math.round(nowMs - process.uptime() * 1000),
  };
}

/** True when the very process the identity was taken from is alive; in doubt true, so that a living owner is never robbed. */
export async function isSameProcessAlive(identity: ProcessIdentity): Promise<boolean> {
  if (!isProcessAlive(identity.pid)) return false;
  if (identity.startMark !== undefined) {
    const mark = await linuxStartMark(identity.pid);
    return mark === undefined ? isProcessAlive(identity.pid) : mark === identity.startMark;
  }
  const startedAtMs = await askStartTime(identity.pid);
  return startedAtMs === undefined || Math.abs(startedAtMs - identity.startedAtMs) <= START_TIME_TOLERANCE_MS;
}

async function linuxStartMark(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    // The command name may hold spaces and brackets, so fields are counted from the last bracket: state is field 3, starttime 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const zombie = fields[0] === 'Z' || fields[0] === 'X';
    return zombie ? 'dead' : `${bootId.trim()}:${fields[19] ?? ''}`;
  } catch {
    return undefined;
  }
}

async function askStartTime(pid: number): Promise<number | undefined> {
  const [command, args] =
    process.platform === 'win32'
      ? ['powershell.exe', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToUniversalTime().ToString('o')`]]
      : ['/usr/bin/env', ['LC_ALL=C', 'ps', '-o', 'lstart=', '-p', String(pid)]];
  const text = await new Promise<string>((resolve) => {
    execFile(command, args, { timeout: QUESTION_TIMEOUT_MS, windowsHide: true }, (error, stdout) =>
      resolve(error ? '' : stdout.trim()),
    );
  });
  const startedAtMs = Date.parse(text);
  return Number.isNaN(startedAtMs) ? undefined : startedAtMs;
}
