import { performance } from 'node:perf_hooks';
import type { Clock, Logger, Paths, Ports, Random, SecretStore } from '../../main/core/ports.js';

/** One line a part wrote to its logger. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps what it is told. */
export interface CapturingLogger extends Logger {
  readonly lines: readonly LogLine[];
  /** Everything logged as one text, to search for secrets. */
  text(): string;
}

/** A logger that keeps what it is told. */
export function capturingLogger(): CapturingLogger {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void lines.push({ level, message, fields });
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    text: () => lines.map((line) => `${line.level} ${line.message} ${JSON.stringify(line.fields)}`).join('\n'),
  };
}

/** Pseudo-random numbers (mulberry32) and UUIDs that count up and sort; the same seed gives the same sequence. */
export function seededRandom(seed = 1): Random {
  let state = seed >>> 0;
  let count = 0;
  return {
    next: () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
    uuid: () => {
      count += 1;
      return `01900000-0000-7000-8000-${count.toString(16).padStart(12, '0')}`;
    },
  };
}

/** Secrets in a map. */
export function memorySecrets(initial: Readonly<Record<string, string>> = {}): SecretStore {
  const values = new Map(Object.entries(initial));
  return {
    backend: 'file',
    get: (name) => Promise.resolve(values.get(name)),
    set: (name, value) => {
      values.set(name, value);
      return Promise.resolve();
    },
    delete: (name) => {
      values.delete(name);
      return Promise.resolve();
    },
    list: () => Promise.resolve([...values.keys()]),
  };
}

/** The machine's own clock. */
export function realClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

/** A notification a part wanted shown. */
export interface ShownNotification {
  readonly title: string;
  readonly body: string;
}

/** Ports that keep everything for the test to look at. */
export interface TestPorts extends Ports {
  readonly logger: CapturingLogger;
  readonly notifications: readonly ShownNotification[];
}

/** Ports for a core under test: given paths, real clock unless a manual one is given, seeded randomness, empty environment. */
export function testPorts(options: {
  readonly paths: Paths;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly secrets?: SecretStore;
  readonly env?: Readonly<Record<string, string | undefined>>;
}): TestPorts {
  const notifications: ShownNotification[] = [];
  return {
    clock: options.clock ?? realClock(),
    random: options.random ?? seededRandom(),
    logger: capturingLogger(),
    paths: options.paths,
    secrets: options.secrets ?? memorySecrets(),
    notifier: { notify: (notification) => void notifications.push(notification) },
    env: options.env ?? {},
    notifications,
  };
}
