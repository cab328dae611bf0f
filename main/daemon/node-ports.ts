import { createSecretStore } from '../core/io/secret-store.js';
import type { Clock, Ports, Random } from '../core/ports.js';
import { createNodeLogger, type LogLevel, type NodeLogger } from './node-logger.js';
import { nodePaths } from './node-paths.js';
import { createUuidV7 } from './uuid-v7.js';

/** How a Node host wants its ports. */
export interface NodePortsOptions {
  readonly home?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logLevel?: LogLevel | undefined;
  /** False keeps the program log off the disk, for one-shot calls beside a running host. */
  readonly logToFile?: boolean;
  /** Gets readable log lines; absent when nobody watches. */
  readonly console?: ((line: string) => void) | undefined;
}

/** Ports whose log can be steered and flushed by the host. */
export interface NodePorts extends Ports {
  readonly logger: NodeLogger;
}

/** Ports made of Node itself: system clock, system randomness, log file, home folders, keyring or secrets file. */
export function createNodePorts(options: NodePortsOptions): NodePorts {
  const paths = nodePaths(options);
  const logger = createNodeLogger({
    logsDir: options.logToFile === false ? undefined : paths.logsDir,
    level: options.logLevel ?? 'info',
    console: options.console,
  });
  const clock = systemClock();
  const useKeyring = options.env['SWITCHYARD_KEYRING'] !== 'off';
  return {
    clock,
    random: systemRandom(clock),
    logger,
    paths,
    secrets: createSecretStore({ paths, logger, useKeyring }),
    // A headless host has nobody to notify; faces read the events instead.
    notifier: { notify: () => undefined },
    env: options.env,
  };
}

function systemClock(): Clock {
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

function systemRandom(clock: Clock): Random {
  return { next: () => Math.random(), uuid: createUuidV7(() => clock.now()) };
}
