import { parseArgs } from 'node:util';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';
import type { LogLevel } from './node-logger.js';

/** What the command line of the daemon asks for. */
export interface DaemonArguments {
  readonly mode: { readonly kind: 'serve' } | { readonly kind: 'call'; readonly name: string };
  readonly home: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly json: boolean;
  readonly logLevel: LogLevel | undefined;
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Reads the daemon's command line. @throws SwitchyardError HOST_BAD_USAGE */
export function parseDaemonArguments(args: readonly string[]): DaemonArguments {
  const values = read(args);
  const logLevel = levels.find((level) => level === values['log-level']);
  if (values['log-level'] !== undefined && logLevel === undefined)
    throw badUsage(`--log-level must be one of ${levels.join(', ')}`);
  return {
    mode: values.call === undefined ? { kind: 'serve' } : { kind: 'call', name: values.call },
    home: values.home,
    host: values.host,
    port: values.port === undefined ? undefined : parsePort(values.port),
    json: values.json ?? false,
    logLevel,
  };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      options: {
        home: { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
        json: { type: 'boolean' },
        call: { type: 'string' },
        'log-level': { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw badUsage(error instanceof Error ? error.message : String(error));
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw badUsage(`--port must be a number from 0 to 65535, not "${text}"`);
  return port;
}

function badUsage(message: string): SwitchyardError {
  return new SwitchyardError('HOST_BAD_USAGE', message);
}
