import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { Act, CliContext } from '../cli-context.js';
import { examples } from './examples.js';
import { portOption } from './options.js';

const STOP_LIMIT_MS = 15_000;
const START_LIMIT_MS = 10_000;
const POLL_MS = 50;

interface StartOptions {
  readonly host?: string;
  readonly port?: number;
}

/** `switchyard start`, `stop` and `restart`: the relay in the background. */
export function addLifecycleCommands(program: Command, act: Act): void {
  addStart(program, act);
  program
    .command('stop')
    .summary('stop the background relay')
    .description(
      'Stops the running relay: turns in flight get 2 seconds, and Codex gets its own configuration back (unless [clients.codex] restore_on_quit is false). Stopping what is not running is no error.',
    )
    .option('--keep-codex', 'leave the Codex patch in place; Codex cannot work until the relay is back')
    .addHelpText('after', examples(['switchyard stop', ''], ['switchyard stop --keep-codex', 'for a short pause']))
    .action(act((context, options: { keepCodex?: boolean }) => stopAndSay(context, options.keepCodex ?? false)));
  program
    .command('restart')
    .summary('stop, then start again')
    .description('Stops the relay without touching the Codex patch and starts it again with the same --host and --port.')
    .option('--host <address>', 'listen on this address from now on')
    .addOption(portOption())
    .addHelpText('after', examples(['switchyard restart', ''], ['switchyard restart --port 3300', 'move to another port']))
    .action(
      act(async (context, options: StartOptions) => {
        const before = (await context.control.running())?.host.listen;
        await stop(context, true);
        return startAndSay(context, { ...before, ...options });
      }),
    );
}

function addStart(program: Command, act: Act): void {
  program
    .command('start')
    .summary('start the relay in the background')
    .description(
      'Starts the relay in the background and waits until it can be used. Starting what is already running is no error.',
    )
    .option('--host <address>', 'listen on this address instead of [server] host')
    .addOption(portOption())
    .addHelpText('after', examples(['switchyard start', ''], ['switchyard start --port 3300', 'when the usual port is taken']))
    .action(act((context, options: StartOptions) => startAndSay(context, options)));
}

async function startAndSay(context: CliContext, options: StartOptions): Promise<number> {
  const running = await context.control.running();
  if (running) return alreadyRunning(context, running.host.baseUrl, running.host.pid);
  const args: string[] = [];
  if (options.host !== undefined) args.push('--host', options.host);
  if (options.port !== undefined) args.push('--port', String(options.port));
  try {
    const ready = await context.daemon.startDetached(context.home, args);
    if (context.json)
      context.terminal.json({ started: true, url: ready.url, pid: ready.pid, home: ready.home, notes: ready.notes });
    else
      context.terminal.out(
        [`Switchyard is ready at ${ready.url} (pid ${ready.pid}).`, ...ready.notes.map((note) => `  ${note}`)].join('\n'),
      );
    return 0;
  } catch (error) {
    if (!isSwitchyardError(error) || error.code !== 'HOST_ALREADY_RUNNING') throw error;
    // Another starter was faster; what the user asked for is there, or about to be.
    const other = await untilRunning(context);
    if (!other) throw error;
    return alreadyRunning(context, other.host.baseUrl, other.host.pid);
  }
}

async function untilRunning(context: CliContext): ReturnType<CliContext['control']['running']> {
  for (const deadline = performance.now() + START_LIMIT_MS; performance.now() < deadline; await delay(POLL_MS)) {
    const running = await context.control.running();
    if (running) return running;
  }
  return undefined;
}

function alreadyRunning(context: CliContext, url: string, pid: number): number {
  if (context.json) context.terminal.json({ started: false, url, pid, home: context.home.home, notes: [] });
  else context.terminal.out(`Switchyard is already running at ${url} (pid ${pid}).`);
  return 0;
}

async function stopAndSay(context: CliContext, keepCodex: boolean): Promise<number> {
  const stopped = await stop(context, keepCodex);
  if (context.json) context.terminal.json({ stopped });
  else {
    context.terminal.out(stopped ? 'Switchyard has stopped.' : 'Switchyard is not running; nothing to stop.');
    const codex = await context.control.call('codex.status', {});
    if (codex.state === 'on')
      context.terminal.err('Note: Codex is still sent to it and cannot work meanwhile; `switchyard codex off` undoes that.');
  }
  return 0;
}

async function stop(context: CliContext, keepCodex: boolean): Promise<boolean> {
  const running = await context.control.running();
  try {
    await context.control.call('host.stop', { keepCodex });
  } catch (error) {
    if (!isSwitchyardError(error) || error.code !== 'CONTROL_NOT_RUNNING') throw error;
    if (!running) return false;
  }
  const pid = running?.host.pid;
  if (pid === undefined || (await context.daemon.untilGone(pid, STOP_LIMIT_MS))) return true;
  throw new SwitchyardError(
    'STORAGE_LOCKED',
    `Switchyard (pid ${pid}) was told to stop and is still there after ${STOP_LIMIT_MS / 1000} s.`,
    {
      pid,
      hints: [process.platform === 'win32' ? `To end it: taskkill /F /PID ${pid}` : `To end it: kill -9 ${pid}`],
    },
  );
}
