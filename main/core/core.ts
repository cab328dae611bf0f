import type { Control } from '../../shared/control/contract.js';
import type { CoreEvent } from '../../shared/control/events.js';

/** How a host wants the core to run. */
export interface CoreOptions {
  readonly version: string;
  readonly host: 'daemon' | 'electron' | 'offline';
  /** Overrides `[server]` of the config. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** Called when a face asks the host to stop. */
  readonly onStopRequested: (options: { readonly keepCodex: boolean }) => void;
}

/** The relay: configuration, routing, proxy, ledger and control behind one object. */
export interface Core {
  /** Reads the config and repairs what a crash left; control calls work from here on, without listening. */
  open(): Promise<void>;
  /** Opens the listener. @throws SwitchyardError HOST_PORT_IN_USE */
  listen(): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /** Ends listeners and streams (2 s grace) and writes what is pending. Does not touch the Codex patch. */
  close(): Promise<void>;
  readonly control: Control;
  onEvent(listener: (event: CoreEvent) => void): () => void;
}
