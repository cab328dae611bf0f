import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { fromErrorJson } from '../../shared/errors/error-json.js';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';
import type { CliHome } from './cli-home.js';

const START_LIMIT_MS = 20_000;
const POLL_MS = 25;

/** The readiness line of a daemon started with `--json`. */
export interface DaemonReadyLine {
  readonly pid: number;
  readonly url: string;
  readonly home: string;
  readonly notes: readonly string[];
}

/** Ways to run the daemon program. */
export interface DaemonProcess {
  /** Becomes the daemon in this very process, so that signals and supervisors see one process. Returns when its module is loaded. */
  become(args: readonly string[]): Promise<void>;
  /** Starts a daemon that outlives this process, and waits until it can be used. @throws SwitchyardError what the daemon said */
  startDetached(home: CliHome, args: readonly string[]): Promise<DaemonReadyLine>;
  /** Asks one question of the files of a home. @throws SwitchyardError */
  callOnce(home: CliHome, name: string, input: unknown): Promise<unknown>;
  /** Waits until a process has ended; false when it has not within the limit. */
  untilGone(pid: number, limitMs: number): Promise<boolean>;
  /** The same with another environment. */
  withEnvironment(env: Readonly<Record<string, string | undefined>>): DaemonProcess;
}

/** Runs the daemon program at this path with the same Node (or Electron as Node) as this process. */
export function createDaemonProcess(entry: string, env: Readonly<Record<string, string | undefined>>): DaemonProcess {
  const childEnv = 'electron' in process.versions ? { ...env, ELECTRON_RUN_AS_NODE: '1' } : env;
  return {
    async become(args) {
      process.argv = [process.execPath, entry, ...args];
      await import(pathToFileURL(entry).href);
    },
    startDetached: (home, args) => startDetached(entry, childEnv, home, args),
    callOnce: (home, name, input) => callOnce(entry, childEnv, home, name, input),
    untilGone,
    withEnvironment: (other) => createDaemonProcess(entry, other),
  };
}

async function startDetached(
  entry: string,
  env: NodeJS.ProcessEnv,
  home: CliHome,
  args: readonly string[],
): Promise<DaemonReadyLine> {
  const { outputFile, output } = openOutput(home);
  const child = spawn(process.execPath, [entry, '--home', home.home, '--json', ...args], {
    detached: true,
    windowsHide: true,
    stdio: ['ignore', output, output],
    env,
  });
  closeSync(output);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  try {
    const ready = await untilReady(outputFile, child, ended);
    renameSync(outputFile, join(home.runDir, 'start.log'));
    return ready;
  } catch (error) {
    rmSync(outputFile, { force: true });
    throw error;
  } finally {
    child.unref();
  }
}

// A file and not a pipe: the daemon must be able to write after this process has gone. One per starter, so that none reads another's.
function openOutput(home: CliHome): { readonly outputFile: string; readonly output: number } {
  const outputFile = join(home.runDir, `start.${process.pid}.log`);
  try {
    mkdirSync(home.runDir, { recursive: true, mode: 0o700 });
    return { outputFile, output: openSync(outputFile, 'w', 0o600) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SwitchyardError(
      'STORAGE_WRITE_FAILED',
      `The home cannot be written: ${reason}`,
      { path: home.home },
      { cause: error },
    );
  }
}

async function untilReady(outputFile: string, child: ChildProcess, ended: Promise<void>): Promise<DaemonReadyLine> {
  const state = { over: false };
  void ended.then(() => {
    state.over = true;
  });
  for (const deadline = performance.now() + START_LIMIT_MS; performance.now() < deadline;) {
    const wasOver = state.over;
    const text = await readFile(outputFile, 'utf8');
    const ready = findReadyLine(text);
    if (ready) return ready;
    if (wasOver)
      throw (
        findErrorLine(text) ??
        new SwitchyardError('BUG_UNEXPECTED', `The daemon ended without a word: ${text.trim().slice(-500)}`)
      );
    await Promise.race([delay(POLL_MS), ended]);
  }
  throw new SwitchyardError(
    'STORAGE_LOCKED',
    `The daemon (pid ${child.pid ?? '?'}) did not get ready in ${START_LIMIT_MS / 1000} s.`,
    {
      path: outputFile,
    },
  );
}

async function untilGone(pid: number, limitMs: number): Promise<boolean> {
  for (const deadline = performance.now() + limitMs; performance.now() < deadline; await delay(POLL_MS)) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
  }
  return false;
}

async function callOnce(entry: string, env: NodeJS.ProcessEnv, home: CliHome, name: string, input: unknown): Promise<unknown> {
  const child = spawn(process.execPath, [entry, '--home', home.home, '--call', name], {
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    env,
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(input));
  const [output, complaint, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve(status ?? 70));
    }),
  ]);
  const answer = parseJson(output);
  if (code === 0 && answer !== undefined) return answer;
  throw (
    errorIn(answer) ?? new SwitchyardError('BUG_UNEXPECTED', `The core ended with code ${code}: ${complaint.trim().slice(-500)}`)
  );
}

function findReadyLine(text: string): DaemonReadyLine | undefined {
  for (const line of text.split('\n')) {
    const value = parseJson(line);
    if (isReadyLine(value)) return value;
  }
  return undefined;
}

// Both programs are of one build, so the rest of the line is not checked field by field.
function isReadyLine(value: unknown): value is DaemonReadyLine {
  return isRecord(value) && value['type'] === 'ready' && typeof value['url'] === 'string' && typeof value['pid'] === 'number';
}

function findErrorLine(text: string): SwitchyardError | undefined {
  for (const line of text.split('\n')) {
    const error = errorIn(parseJson(line));
    if (error) return error;
  }
  return undefined;
}

function errorIn(value: unknown): SwitchyardError | undefined {
  return isRecord(value) && 'error' in value ? fromErrorJson(value['error']) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
