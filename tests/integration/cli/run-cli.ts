import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';

/** The built command line; `npm run build` makes it, SWITCHYARD_TEST_BUILD names another build. */
export const cliEntry = resolve(
  process.env['SWITCHYARD_TEST_BUILD'] ?? resolve(import.meta.dirname, '../../../out/main'),
  'cli.js',
);

/** What one command line did. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A throwaway user who runs the built CLI. */
export interface CliUser {
  readonly home: TempHome;
  run(
    args: readonly string[],
    options?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
  ): Promise<CliRun>;
  /** Runs with `--json` and reads the answer. */
  json(args: readonly string[]): Promise<unknown>;
  /** Starts a command that stays, and waits for its first line on standard output. */
  stay(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<{ readonly child: ChildProcess; readonly line: string; readonly ended: Promise<CliRun> }>;
  writeConfig(toml: string): void;
  /** Pid of the running host, undefined when there is none. */
  hostPid(): number | undefined;
  /** Ends what is left and removes the home. */
  cleanup(): Promise<void>;
}

/** Makes a user whose homes are temporary folders. */
export function makeCliUser(): CliUser {
  if (!existsSync(cliEntry)) throw new Error(`${cliEntry} is not there; run \`npm run build\` first.`);
  const home = makeTempHome();
  const env = userEnvironment(home);
  const children = new Set<ChildProcess>();
  const start = (args: readonly string[], extra: Readonly<Record<string, string>> = {}) => {
    const child = spawn(process.execPath, [cliEntry, ...args], { env: { ...env, ...extra }, stdio: ['pipe', 'pipe', 'pipe'] });
    children.add(child);
    return child;
  };
  const run: CliUser['run'] = async (args, options = {}) => {
    const child = start(args, options.env);
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    return outcome(child);
  };
  const hostPid = () => readPid(join(home.paths.runDir, 'host.json'));
  return {
    home,
    run,
    hostPid,
    async json(args) {
      return JSON.parse((await run([...args, '--json'])).stdout) as unknown;
    },
    async stay(args, env) {
      const child = start(args, env);
      const ended = outcome(child);
      const line = await new Promise<string>((resolveLine, reject) => {
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes('\n')) resolveLine(text.slice(0, text.indexOf('\n')));
        });
        void ended.then(({ code, stderr }) => reject(new Error(`ended with ${String(code)}: ${stderr}`)));
      });
      return { child, line, ended };
    },
    writeConfig: (toml) => writeFileSync(home.paths.configFile, toml, { mode: 0o600 }),
    async cleanup() {
      const pid = hostPid();
      if (pid !== undefined && isAlive(pid)) {
        process.kill(pid, 'SIGKILL');
        await untilGone(pid);
      }
      for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      home.cleanup();
    },
  };
}

/** True while a process with this pid exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when a process is gone. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((done) => setTimeout(done, 10));
}

function userEnvironment(home: TempHome): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'].map((name) => [name, process.env[name]]));
  return {
    ...kept,
    HOME: home.root,
    USERPROFILE: home.root,
    SWITCHYARD_HOME: home.home,
    CODEX_HOME: home.codexHome,
    SWITCHYARD_KEYRING: 'off',
    PRACTICE_KEY: 'sk-practice-not-a-secret',
  };
}

async function outcome(child: ChildProcess): Promise<CliRun> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, stdout, stderr };
}

function readPid(file: string): number | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof record === 'object' && record !== null && 'pid' in record ? Number(record.pid) : undefined;
  } catch {
    return undefined;
  }
}
