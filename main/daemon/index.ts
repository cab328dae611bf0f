import { exitCodeFor } from '../../shared/errors/exit-code.js';
import { toErrorJson } from '../../shared/errors/error-json.js';
import { isSwitchyardError, SwitchyardError } from '../../shared/errors/switchyard-error.js';
import { createCore } from '../core/core.js';
import { callOnce } from './call-once.js';
import { parseDaemonArguments, type DaemonArguments } from './daemon-arguments.js';
import { createNodePorts, type NodePorts } from './node-ports.js';
import { runDaemon, type DaemonReady } from './run-daemon.js';

void main();

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  let json = args.includes('--json') || args.includes('--call');
  try {
    const parsed = parseDaemonArguments(args);
    json = parsed.json || parsed.mode.kind === 'call';
    process.exit(await (parsed.mode.kind === 'call' ? answer(parsed, parsed.mode.name) : serve(parsed)));
  } catch (error) {
    const described = toErrorJson(error);
    if (json) await write(process.stdout, `${JSON.stringify({ error: described })}\n`);
    else
      await write(
        process.stderr,
        [`error ${described.code}: ${described.message}`, ...(described.details.hints ?? [described.remedy]), ''].join('\n'),
      );
    process.exit(exitCodeFor(described.code));
  }
}

async function serve(args: DaemonArguments): Promise<number> {
  const console = args.json ? undefined : (line: string) => void process.stderr.write(`${line}\n`);
  const ports = createNodePorts({ home: args.home, env: process.env, logLevel: args.logLevel, console });
  const onReady = (ready: DaemonReady): void => {
    process.stdout.write(args.json ? `${JSON.stringify({ type: 'ready', ...ready })}\n` : readyText(ready));
  };
  return withFlush(ports, args.json, () =>
    runDaemon(ports, { host: args.host, port: args.port, logLevelFromConfig: args.logLevel === undefined, onReady }, createCore),
  );
}

async function answer(args: DaemonArguments, name: string): Promise<number> {
  const console = args.logLevel === undefined ? undefined : (line: string) => void process.stderr.write(`${line}\n`);
  const ports = createNodePorts({
    home: args.home,
    env: process.env,
    logLevel: args.logLevel ?? 'warn',
    logToFile: false,
    console,
  });
  const result = await callOnce(ports, name, parseInput(await readAll(process.stdin)), createCore);
  await write(process.stdout, `${JSON.stringify(result)}\n`);
  return 0;
}

function parseInput(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new SwitchyardError('CONTROL_BAD_REQUEST', 'Standard input is not JSON.');
  }
}

async function withFlush(ports: NodePorts, detached: boolean, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    // In the foreground the user reads an expected error once, as the last line.
    if (detached || !isSwitchyardError(error)) ports.logger.error('not started', { error });
    throw error;
  } finally {
    ports.logger.flush();
  }
}

function readyText(ready: DaemonReady): string {
  const line = `Switchyard ${ready.version} is ready at ${ready.url} (pid ${ready.pid}, home ${ready.home})`;
  return [line, ...ready.notes.map((note) => `  ${note}`), ''].join('\n');
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  return Buffer.concat(chunks).toString('utf8');
}

// Ending the process drops what a pipe has not taken yet, so every last word is waited for.
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
