import { errorCode } from '../core/io/atomic-write.js';
import type { Logger } from '../core/ports.js';

const signals: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGBREAK'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];
const signalNumbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGBREAK: 21 };

/** Errors of one connection that escaped its handlers; the process as a whole is sound after them. */
const connectionErrors: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_STREAM_DESTROYED',
  'ERR_HTTP_HEADERS_SENT',
  'UND_ERR_SOCKET',
  'UND_ERR_ABORTED',
]);

/** What the host does about signals and bugs. */
export interface ProcessGuardOptions {
  readonly logger: Logger & { flush(): void };
  /** The first signal. */
  readonly onStop: (signal: string) => void;
  /** A bug after which nothing can be trusted. */
  readonly onFatal: (error: unknown) => void;
}

/** Turns signals into a graceful stop (a second one ends at once) and logs what nobody caught. Returns how to undo it. */
export function guardProcess(options: ProcessGuardOptions): () => void {
  const { logger } = options;
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) {
      logger.warn('second signal, ending at once', { signal });
      logger.flush();
      process.exit(128 + (signalNumbers[signal] ?? 15));
    }
    stopping = true;
    options.onStop(signal);
  };
  const onException = (error: unknown): void => {
    logger.error('BUG_UNEXPECTED: an error nobody caught', { error });
    if (!connectionErrors.has(errorCode(error))) options.onFatal(error);
  };
  const onRejection = (error: unknown): void => logger.error('BUG_UNEXPECTED: a promise nobody awaited failed', { error });
  // A closed terminal or pipe must not end the relay.
  const onOutputError = (): void => undefined;

  for (const signal of signals) process.on(signal, onSignal);
  process.on('uncaughtException', onException);
  process.on('unhandledRejection', onRejection);
  process.stdout.on('error', onOutputError);
  process.stderr.on('error', onOutputError);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
    process.off('uncaughtException', onException);
    process.off('unhandledRejection', onRejection);
    process.stdout.off('error', onOutputError);
    process.stderr.off('error', onOutputError);
  };
}
