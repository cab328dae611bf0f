import type { RoutingConfig } from '../../../shared/config/schema.js';
import type { Endpoint, EndpointKey } from '../../../shared/domain/endpoint.js';
import type { AffinityRecord, EndpointState, TurnFacts } from '../../../shared/domain/routing.js';
import { assertNever } from '../../../shared/assert.js';
import { isFailoverBinding } from './affinity.js';

/** What the place of a session's own endpoint depends on. */
export interface AffinityInput {
  readonly facts: Pick<TurnFacts, 'stateBound'>;
  readonly routing: Pick<RoutingConfig, 'affinity' | 'failback' | 'failback_after_s' | 'active'>;
  readonly affinity: AffinityRecord | undefined;
  /** Every endpoint there is. */
  readonly endpoints: readonly Endpoint[];
  readonly states: ReadonlyMap<EndpointKey, EndpointState>;
  readonly nowMs: number;
}

/** The usable endpoints in the order affinity gives them. */
export interface AffinityChoice {
  readonly ordered: readonly Endpoint[];
  /** Those that stand in front because of affinity. */
  readonly bound: ReadonlySet<EndpointKey>;
  /** Usable, but not allowed to this turn; all because of this owner. */
  readonly excluded: readonly Endpoint[];
  readonly owner: EndpointKey | undefined;
}

const nobody: ReadonlySet<EndpointKey> = new Set();

/** Position of an endpoint's group: its level, and inside the level whether its provider is the active one. Lower is better. */
function rank(endpoint: Endpoint, active: string | undefined): number {
  return endpoint.level * 2 + (endpoint.provider === active ? 0 : 1);
}

/** True when the endpoint has been well for long enough to take a session back. */
function isSettled(state: EndpointState | undefined, affinity: AffinityRecord, input: AffinityInput): boolean {
  const waitMs = input.routing.failback_after_s * 1000;
  if (state?.healthySinceMs !== undefined) return input.nowMs - state.healthySinceMs >= waitMs;
  // Nobody else may ever try it, so quiet for as long after its last failure counts, too: the session is then the probe.
  if (state?.lastFailureAtMs !== undefined) return input.nowMs - state.lastFailureAtMs >= waitMs;
  return isFailoverBinding(affinity) && input.nowMs - affinity.boundAtMs >= waitMs;
}

function staysWith(owner: Endpoint, usable: readonly Endpoint[], affinity: AffinityRecord, input: AffinityInput): boolean {
  const { routing } = input;
  const better = usable.filter((endpoint) => rank(endpoint, routing.active) < rank(owner, routing.active));
  if (better.length === 0 || routing.affinity === 'hard') return true;
  if (routing.affinity === 'preferred-group') return false;
  switch (routing.failback) {
    case 'never':
      return true;
    case 'next-turn':
      return false;
    case 'after-healthy':
      return !better.some((endpoint) => isSettled(input.states.get(endpoint.key), affinity, input));
    default:
      return assertNever(routing.failback);
  }
}

function inFront(usable: readonly Endpoint[], first: readonly Endpoint[]): readonly Endpoint[] {
  if (first.every((endpoint, index) => usable[index] === endpoint)) return usable;
  return [...first, ...usable.filter((endpoint) => !first.includes(endpoint))];
}

/** A turn whose body carries state of its issuer: the owner, then those who share its state, then, unless hard, the rest. */
function orderStateBound(usable: readonly Endpoint[], owner: Endpoint, input: AffinityInput): AffinityChoice {
  const kin = usable.filter((endpoint) => endpoint.continuityDomain === owner.continuityDomain && endpoint.key !== owner.key);
  const first = [...usable.filter((endpoint) => endpoint.key === owner.key), ...kin];
  const bound = new Set(first.map((endpoint) => endpoint.key));
  if (input.routing.affinity !== 'hard') return { ordered: inFront(usable, first), bound, excluded: [], owner: owner.key };
  return { ordered: first, bound, excluded: usable.filter((endpoint) => !bound.has(endpoint.key)), owner: owner.key };
}

/** Moves the session's own endpoint to the front where policy and failback let it stay there; `usable` is in routing order. */
export function chooseAffinity(usable: readonly Endpoint[], input: AffinityInput): AffinityChoice {
  const { affinity, routing } = input;
  const free: AffinityChoice = { ordered: usable, bound: nobody, excluded: [], owner: undefined };
  if (usable.length === 0 || affinity === undefined || routing.affinity === 'off') return free;
  const owner = input.endpoints.find((endpoint) => endpoint.key === affinity.endpoint);
  if (owner === undefined) return free;
  if (input.facts.stateBound) return orderStateBound(usable, owner, input);
  const isUsable = usable.some((endpoint) => endpoint.key === owner.key);
  if (!isUsable || !staysWith(owner, usable, affinity, input)) return free;
  return { ordered: inFront(usable, [owner]), bound: new Set([owner.key]), excluded: [], owner: owner.key };
}
