import { join } from 'node:path';
import { pino } from 'pino';
import type { Logger } from '../core/ports.js';
import { createRotatingLog } from './rotating-log.js';

const MAX_BYTES = 20 * 1024 * 1024;
const KEPT_FILES = 5;

/** How much the program log says. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
const severity: Readonly<Record<LogLevel, number>> = { debug: 20, info: 30, warn: 40, error: 50 };

/** The program log of a host process. */
export interface NodeLogger extends Logger {
  setLevel(level: LogLevel): void;
  /** Writes what is pending, synchronously. */
  flush(): void;
}

/** Where the log goes: a file in the logs folder, readable lines to a person, both or neither. */
export interface NodeLoggerOptions {
  readonly logsDir: string | undefined;
  readonly level: LogLevel;
  /** Gets lines without a line end; absent when nobody watches. */
  readonly console?: ((line: string) => void) | undefined;
}

/** JSON lines in `switchyard.log`, and readable ones on the console of a foreground host. */
export function createNodeLogger(options: NodeLoggerOptions): NodeLogger {
  const file =
    options.logsDir === undefined
      ? undefined
      : createRotatingLog({ file: join(options.logsDir, 'switchyard.log'), maxBytes: MAX_BYTES, keep: KEPT_FILES });
  const log = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    file ?? { write: () => undefined },
  );
  const at =
    (level: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      log[level](fields, message);
      if (options.console && severity[level] >= log.levelVal) options.console(consoleLine(new Date(), level, message, fields));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel: (level) => {
      log.level = level;
    },
    flush: () => file?.flush(),
  };
}

/** One readable line: local time, level, message, fields as key=value. */
export function consoleLine(at: Date, level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${fieldText(value)}`)
    .join('');
  return `${time} ${level.padEnd(5)} ${message}${rest}`;
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}
