import type { ConfigEdit } from '../../../shared/control/contract.js';
import type { ConfigSnapshot, ConfigStatus, CredentialLookup } from '../../../shared/domain/config-snapshot.js';

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
  /** Applies edits to the file's text, keeping everything else; all or none. @throws SwitchyardError CONFIG_STALE, CONFIG_READ_ONLY, CONFIG_INVALID, CONFIG_SYNTAX, STORAGE_* */
  edit(edits: readonly ConfigEdit[], revision?: string): Promise<ConfigStatus>;
  /** Re-reads now. */
  reload(): Promise<ConfigStatus>;
  /** Called after every change of snapshot or status. */
  onChange(listener: (status: ConfigStatus) => void): () => void;
}
