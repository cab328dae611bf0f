import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TurnRecord } from '../../shared/domain/turn-record.js';
import type { TempHome } from '../helpers/temp-home.js';

const readyTimeoutMs = 15_000;
const recordTimeoutMs = 5_000;

/** The built daemon, running in a home of its own. */
export interface RunningDaemon {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Lines of logs/requests.jsonl, once there are at least so many. */
  records(count: number): Promise<readonly TurnRecord[]>;
  /** Runs the built CLI against this home; fails the test when it exits with another code. */
  cli(args: readonly string[], expectedExitCode?: number): Promise<{ readonly stdout: string; readonly stderr: string }>;
  /** Everything the daemon printed. */
  output(): string;
  /** SIGTERM, and waits for the end. Answers the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: a crash. Resolves when the process is gone. */
  crash(): Promise<void>;
}

/** Environment of every program a test starts: nothing inherited but PATH. */
export function programEnv(home: TempHome, env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home.root,
    CODEX_HOME: home.codexHome,
    SWITCHYARD_HOME: home.home,
    SWITCHYARD_KEYRING: 'off',
    NO_PROXY: '127.0.0.1,localhost',
    ...env,
  };
}

/** Runs the built CLI and answers what it printed. */
export function runCli(
  home: TempHome,
  args: readonly string[],
  expectedExitCode = 0,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((done, fail) => {
    const child = execFile(
      process.execPath,
      [resolve('out/main/cli.js'), ...args],
      { env: programEnv(home), timeout: 60_000 },
      (_error, stdout, stderr) => {
        const code = child.exitCode;
        if (code === expectedExitCode) done({ stdout, stderr });
        else fail(new Error(`switchyard ${args.join(' ')} ended with ${String(code)}\n${stdout}\n${stderr}`));
      },
    );
    child.stdin?.end();
  });
}

/** Writes the config and starts out/main/daemon.js on a free port; resolves when it says that it is ready. */
export async function startDaemon(
  home: TempHome,
  config: string,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningDaemon> {
  writeFileSync(home.paths.configFile, config);
  const child = spawn(process.execPath, [resolve('out/main/daemon.js'), '--json', '--port', '0'], {
    env: programEnv(home, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (output += chunk));
  const port = await ready(child, () => output);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    records: (count) => waitForRecords(join(home.paths.logsDir, 'requests.jsonl'), count),
    cli: (args, expectedExitCode) => runCli(home, args, expectedExitCode),
    output: () => output,
    stop: () =>
      new Promise((done) => {
        if (child.exitCode !== null || child.signalCode !== null) return done(child.exitCode);
        const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
        child.once('exit', (code) => {
          clearTimeout(killer);
          done(code);
        });
        child.kill('SIGTERM');
      }),
    crash: () =>
      new Promise((done) => {
        child.once('exit', () => done());
        child.kill('SIGKILL');
      }),
  };
}

function ready(child: ChildProcess, output: () => string): Promise<number> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`the daemon did not become ready:\n${output()}`));
    }, readyTimeoutMs);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(new Error(`the daemon ended with ${String(code)}:\n${output()}`));
    });
    child.stdout?.on('data', () => {
      const line = output()
        .split('\n')
        .find((text) => text.includes('"type":"ready"') && text.endsWith('}'));
      if (line === undefined) return;
      clearTimeout(timer);
      done((JSON.parse(line) as { readonly port: number }).port);
    });
  });
}

async function waitForRecords(file: string, count: number): Promise<readonly TurnRecord[]> {
  const deadline = Date.now() + recordTimeoutMs;
  for (;;) {
    const lines = readLines(file);
    if (lines.length >= count) return lines.map((line) => JSON.parse(line) as TurnRecord);
    if (Date.now() > deadline) throw new Error(`${lines.length} of ${count} turns were logged`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
