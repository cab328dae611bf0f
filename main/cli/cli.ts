import { Command, CommanderError } from 'commander';
import { errorCodes } from '../../shared/errors/codes.js';
import { toErrorJson, type ErrorJson } from '../../shared/errors/error-json.js';
import { exitCodeFor } from '../../shared/errors/exit-code.js';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';
import { VERSION } from '../../shared/version.js';
import type { Act, CliContext } from './cli-context.js';
import { cliHome } from './cli-home.js';
import { addCodexCommands } from './commands/codex-commands.js';
import { addConfigCommands } from './commands/config-commands.js';
import { addDoctorCommand } from './commands/doctor-command.js';
import { addDrillCommand } from './commands/drill-command.js';
import { addLifecycleCommands } from './commands/lifecycle-commands.js';
import { addLogsCommands } from './commands/logs-commands.js';
import { addRoutingCommands } from './commands/routing-commands.js';
import { addServeCommand } from './commands/serve-command.js';
import { addStatusCommand } from './commands/status-command.js';
import { addVersionCommand } from './commands/version-command.js';
import { createControlCaller } from './control-caller.js';
import { createDaemonProcess } from './daemon-process.js';
import { createTerminal } from './terminal.js';

/** What the CLI takes from its process. */
export interface CliProcess {
  /** Without the interpreter and the script. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Path of the daemon program. */
  readonly daemonEntry: string;
}

interface GlobalOptions {
  readonly home?: string;
  readonly json?: boolean;
  readonly color: boolean;
}

const about =
  'A local relay for AI coding agents: it picks a working provider for every turn and fails over before the first byte.';

const closing = `
Examples:
  $ switchyard config add relay-a --base-url https://relay.example/v1 --key-env RELAY_A_KEY
  $ switchyard start && switchyard codex on
  $ switchyard status
  $ switchyard drill    (shows failover, needs no key and no network)

Exit codes:
  0  done
  1  a check or an operation failed
  2  wrong usage
  3  the relay is not running
  70 a bug in Switchyard

\`switchyard <command> --help\` shows the options and examples of a command.`;

/** Runs one command line and returns the exit code; never throws. */
export async function runCli(process: CliProcess): Promise<number> {
  let exitCode = 0;
  let complaint = '';
  const program = new Command('switchyard');
  const act: Act =
    (action) =>
    async (...args) => {
      exitCode = (await action(makeContext(process, program.opts()), ...args)) ?? 0;
    };
  describe(program, process, (text) => {
    complaint += text;
  });
  addCommands(program, act);
  try {
    await program.parseAsync(process.args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = error instanceof CommanderError ? usageError(error, complaint) : error;
    return report(toErrorJson(failure), process, program.opts());
  }
}

function describe(program: Command, process: CliProcess, onComplaint: (text: string) => void): void {
  program
    .description(about)
    .usage('[options] <command>')
    .option('--home <folder>', 'the Switchyard home (default: SWITCHYARD_HOME or ~/.switchyard)')
    .option('--json', 'print JSON for programs; errors too, on standard output')
    .option('--no-color', 'no colours (also: NO_COLOR=1)')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .addHelpCommand(new Command('help').argument('[command]').description('show the help of a command').helpGroup('Other:'))
    .addHelpText('after', closing)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => void process.stdout.write(text), writeErr: onComplaint })
    .exitOverride();
}

function addCommands(program: Command, act: Act): void {
  program.commandsGroup('The relay:');
  addServeCommand(program, act);
  addLifecycleCommands(program, act);
  program.commandsGroup('Looking:');
  addStatusCommand(program, act);
  addDoctorCommand(program, act);
  addLogsCommands(program, act);
  program.commandsGroup('Choosing:');
  addRoutingCommands(program, act);
  addConfigCommands(program, act);
  program.commandsGroup('Agents:');
  addCodexCommands(program, act);
  program.commandsGroup('Other:');
  addDrillCommand(program, act);
  addVersionCommand(program, act);
}

function makeContext(process: CliProcess, options: GlobalOptions): CliContext {
  const home = cliHome(options.home, process.env);
  const daemon = createDaemonProcess(process.daemonEntry, process.env);
  return {
    home,
    terminal: createTerminal({ ...process, noColor: !options.color }),
    json: options.json ?? false,
    control: createControlCaller(home, daemon),
    daemon,
    env: process.env,
    stdin: process.stdin,
    stderr: process.stderr,
  };
}

function usageError(error: CommanderError, complaint: string): SwitchyardError {
  // Help asked for by calling a command group without a subcommand.
  if (error.code === 'commander.help') return new SwitchyardError('HOST_BAD_USAGE', complaint.trim(), { help: true });
  const text = (complaint || error.message)
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  return new SwitchyardError('HOST_BAD_USAGE', text);
}

function report(error: ErrorJson, process: CliProcess, options: GlobalOptions): number {
  const terminal = createTerminal({ ...process, noColor: !options.color });
  if (error.details['help'] === true) terminal.err(error.message);
  else if (options.json) terminal.json({ error });
  else terminal.err(errorText(error, terminal.errorStyle.red('error')));
  return exitCodeFor(error.code);
}

/** One line with code and message, then what to do about it. */
export function errorText(error: ErrorJson, word = 'error'): string {
  const { position, hints } = error.details;
  const place =
    position === undefined || error.message.includes(`${position.line}`)
      ? ''
      : ` (${position.file}:${position.line}:${position.column})`;
  // Hints that only repeat the message help nobody.
  const news = (hints ?? []).filter((hint) => !error.message.includes(hint));
  const remedies = news.length > 0 ? news : [errorCodes[error.code].remedy];
  return [`${word} ${error.code}: ${error.message}${place}`, ...remedies.map((remedy) => `  ${remedy}`)].join('\n');
}
