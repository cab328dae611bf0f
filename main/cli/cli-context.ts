import type { ControlCaller } from './control-caller.js';
import type { CliHome } from './cli-home.js';
import type { DaemonProcess } from './daemon-process.js';
import type { Terminal } from './terminal.js';

/** What every command gets. */
export interface CliContext {
  readonly home: CliHome;
  readonly terminal: Terminal;
  /** Print JSON for programs instead of text for people. */
  readonly json: boolean;
  readonly control: ControlCaller;
  readonly daemon: DaemonProcess;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
}

/** What a command does; the number it returns is the exit code, nothing means 0. */
export type CommandAction<A extends readonly unknown[]> = (context: CliContext, ...args: A) => Promise<number | void>;

/** Turns an action into what commander calls with arguments, options and itself: makes the context, keeps the exit code. */
export type Act = <A extends readonly unknown[]>(action: CommandAction<A>) => (...args: A) => Promise<void>;
