import type { ConfigEdit } from '../../../shared/control/contract.js';
import type { ConfigSnapshot, ConfigStatus, CredentialLookup } from '../../../shared/domain/config-snapshot.js';
import { watchFiles, type StopWatching } from '../io/file-watch.js';
import type { ResolvedClientKey } from './client-keys.js';
import { createConfigReader, type ConfigSources } from './config-reader.js';
import { writeConfigEdits } from './write-config.js';

/** The one place the configuration is read from and written through. */
export interface ConfigStore {
  /** Reads the file (creating nothing) and begins to watch it. Never throws for a bad file: see status(). */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The last good reading; frozen. */
  snapshot(): ConfigSnapshot;
  status(): ConfigStatus;
  /** The text of the file as it is on disk now; empty when there is none. */
  text(): Promise<string>;
  readonly credential: CredentialLookup;
  /** The keys of `[server] client_keys` with their values, which the snapshot leaves out. One that does not resolve admits nobody. */
  clientKeys(): readonly ResolvedClientKey[];
  /** Applies edits to the file's text, keeping everything else; all or none. @throws SwitchyardError CONFIG_STALE, CONFIG_READ_ONLY, CONFIG_INVALID, CONFIG_SELF_LOOP, CONFIG_SYNTAX, STORAGE_* */
  edit(edits: readonly ConfigEdit[], revision?: string): Promise<ConfigStatus>;
  /** Re-reads now, secrets included. */
  reload(): Promise<ConfigStatus>;
  /** Called after every change of snapshot or status. */
  onChange(listener: (status: ConfigStatus) => void): () => void;
}

/** Makes the store of one home; nothing is read before start(). */
export function createConfigStore(options: ConfigSources): ConfigStore {
  const { paths, logger } = options;
  const listeners = new Set<(status: ConfigStatus) => void>();
  const tell = (status: ConfigStatus): void => {
    for (const listener of listeners) {
      try {
        listener(status);
      } catch (error) {
        logger.error('a listener of the configuration failed', { reason: String(error) });
      }
    }
  };
  const reader = createConfigReader({ ...options, onChange: tell });
  const oneByOne = createSerialRunner();
  const reload = (): Promise<ConfigStatus> => oneByOne(() => reader.load());
  let stopWatching: StopWatching | undefined;

  return {
    async start() {
      await reload();
      stopWatching ??= await watchFiles({
        files: [paths.configFile, paths.secretsFile],
        clock: options.clock,
        logger,
        onChange: () =>
          void reload().catch((error: unknown) => logger.error('the configuration could not be read', { reason: String(error) })),
      });
      // Whatever happened between the first reading and the first event.
      await reload();
    },
    async stop() {
      await stopWatching?.();
      stopWatching = undefined;
    },
    snapshot: () => reader.snapshot(),
    status: () => reader.status(),
    text: () => reader.text(),
    credential: reader.credential,
    clientKeys: () => reader.clientKeys(),
    edit: (edits, revision) =>
      oneByOne(async () => {
        await writeConfigEdits({ ...options, parse: (text) => reader.parse(text), edits, revision });
        return reader.load();
      }),
    reload,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Runs what it is given one after the other, in order, whether or not the one before failed. */
function createSerialRunner(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}
