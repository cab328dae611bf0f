import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TempHome } from '../../helpers/temp-home.js';

/** One line of `codex exec --json`. */
export interface CodexEvent {
  readonly type: string;
  readonly thread_id?: string;
  readonly message?: string;
  readonly item?: {
    readonly type: string;
    readonly text?: string;
    readonly aggregated_output?: string;
    readonly exit_code?: number;
  };
  readonly error?: { readonly message: string };
  readonly usage?: Readonly<Record<string, number>>;
}

/** What a Codex process did. */
export interface CodexRun {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly CodexEvent[];
  readonly stdout: string;
  readonly stderr: string;
  /** Text of the last agent message. */
  readonly message: string | undefined;
  readonly threadId: string | undefined;
}

/** How to run the real Codex. */
export interface CodexRunOptions {
  readonly binary: string;
  readonly home: TempHome;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** The environment of a run: nothing inherited but PATH, so that no proxy or key of the machine leaks in. */
export function codexEnv(home: TempHome): Readonly<Record<string, string>> {
  const tmp = join(home.root, 'tmp');
  mkdirSync(tmp, { recursive: true });
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home.root,
    CODEX_HOME: home.codexHome,
    TMPDIR: tmp,
    RELAY_KEY: 'sk-client-key',
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  };
}

/** Keeps a run on this machine: no metrics, no plugin sync, no update check. */
export const quietConfig = `check_for_update_on_startup = false

[analytics]
enabled = false

[features]
plugins = false
`;

/** Writes Codex's config with one custom provider at the base URL; its own retries stay as Codex has them. */
export function writeProviderConfig(home: TempHome, baseUrl: string): string {
  const text = `model = "gpt-5.5"
model_provider = "relay"
${quietConfig}
[model_providers.relay]
name = "Relay"
base_url = "${baseUrl}"
wire_api = "responses"
env_key = "RELAY_KEY"
`;
  writeFileSync(join(home.codexHome, 'config.toml'), text);
  return text;
}

/** Runs Codex to its end; with an open stdin it would wait for ever, so it gets none. */
export async function runCodex(options: CodexRunOptions): Promise<CodexRun> {
  const sink = await startVendorSink();
  try {
    return await spawnCodex({ ...options, env: { OPENAI_BASE_URL: sink.url, ...options.env } });
  } finally {
    sink.close();
  }
}

/**
 * Stands where OpenAI would: Codex up to 0.114 asks it for models whatever the provider is, and waits seconds for the network.
 * Later versions ignore OPENAI_BASE_URL.
 */
async function startVendorSink(): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createServer((_request, response) => void response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function spawnCodex(options: CodexRunOptions): Promise<CodexRun> {
  return new Promise((resolve, reject) => {
    const workDir = join(options.home.root, 'work');
    mkdirSync(workDir, { recursive: true });
    const child = spawn(options.binary, options.args, {
      cwd: workDir,
      env: { ...codexEnv(options.home), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (stderr += chunk));
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer);
      const events = parseEvents(stdout);
      const message = events.findLast((event) => event.item?.type === 'agent_message')?.item?.text;
      const threadId = events.find((event) => event.type === 'thread.started')?.thread_id;
      resolve({ exitCode, signal, events, stdout, stderr, message, threadId });
    });
  });
}

/** `codex exec --json` with a prompt; more arguments go before it. */
export function codexExec(
  options: Omit<CodexRunOptions, 'args'> & { readonly args?: readonly string[] },
  prompt: string,
): Promise<CodexRun> {
  return runCodex({ ...options, args: ['exec', '--skip-git-repo-check', '--json', ...(options.args ?? []), prompt] });
}

/** `codex exec resume <thread> --json` with a prompt. */
export function codexResume(options: Omit<CodexRunOptions, 'args'>, thread: string, prompt: string): Promise<CodexRun> {
  return runCodex({ ...options, args: ['exec', '--skip-git-repo-check', '--json', 'resume', thread, prompt] });
}

/** `codex exec resume --last`: the newest thread of the current provider in this folder. */
export function codexResumeLast(options: Omit<CodexRunOptions, 'args'>, prompt: string): Promise<CodexRun> {
  return runCodex({ ...options, args: ['exec', '--skip-git-repo-check', '--json', 'resume', '--last', prompt] });
}

function parseEvents(stdout: string): readonly CodexEvent[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as CodexEvent);
}
