import type { CoreEvent } from '../../../shared/control/events.js';
import type { ConfigSnapshot, CredentialLookup } from '../../../shared/domain/config-snapshot.js';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import type { Clock, Logger, Random } from '../ports.js';
import type { Dispatchers } from '../upstream/dispatchers.js';
import type { AffinityTable } from './affinity-table.js';
import type { EndpointRegistry } from './endpoint-registry.js';
import type { HttpDebug } from './http-debug.js';
import type { LiveTurns } from './live-turns.js';
import type { SessionPins } from './session-pins.js';

/** Everything the proxy works with; made once by the composition root. */
export interface ProxyDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The configuration now; a turn asks once and keeps the answer. */
  readonly snapshot: () => ConfigSnapshot;
  readonly credential: CredentialLookup;
  readonly dispatchers: Dispatchers;
  readonly registry: EndpointRegistry;
  readonly affinity: AffinityTable;
  readonly pins: SessionPins;
  readonly live: LiveTurns;
  readonly debug: HttpDebug;
  /** Returns at once; writing happens later. */
  readonly record: (turn: TurnRecord) => void;
  readonly emit: (event: CoreEvent) => void;
  /** Values of `[server] client_keys` by name; undefined where one does not resolve. */
  readonly clientKeys: () => ReadonlyMap<string, string | undefined>;
  /** Why the configuration file is not the one that runs; undefined while it is. */
  readonly configError: () => string | undefined;
}
