import type { ControlParsed } from '../control/contract.js';
import type { LiveTurn } from '../control/events.js';
import type { Endpoint } from './endpoint.js';
import type { EndpointState, Plan } from './routing.js';

/** One endpoint as the router sees it now. */
export interface RoutedEndpoint {
  readonly endpoint: Endpoint;
  readonly state: EndpointState;
  /** `env:NAME`, `secret:NAME`, `inline`, `client` or `none`, and whether it resolves. */
  readonly credential: { readonly source: string; readonly ok: boolean };
  readonly usable: boolean;
  /** In words, empty when usable. */
  readonly why: string;
}

/** What control asks of the running router. */
export interface RouterFace {
  /** In the order of the config file. */
  endpoints(): readonly RoutedEndpoint[];
  /** The very plan a request with these facts would get; changes nothing. */
  explain(input: ControlParsed<'route.explain'>): Plan;
  liveTurns(): readonly LiveTurn[];
  pinSession(session: string, provider: string): void;
  /** Without a session: all of them. */
  unpinSession(session?: string): void;
  /** Session -> provider. */
  sessionPins(): Readonly<Record<string, string>>;
  /** Ends cooldowns of one endpoint (or provider), or of all; answers the keys of those that rested. */
  resetCooldown(key?: string): readonly string[];
}
