import type { ResolvedRetry } from '../../../shared/domain/config-snapshot.js';
import type { Endpoint, EndpointKey } from '../../../shared/domain/endpoint.js';
import type { AttemptOutcome, EndpointState } from '../../../shared/domain/routing.js';
import { applyOutcome, initialState, releaseLease, resetCooldown, settleExpired, takeLease } from '../routing/endpoint-state.js';

/** Details of a settlement beyond the outcome itself. */
export interface SettleContext {
  readonly nowMs: number;
  readonly retry: ResolvedRetry;
  readonly cool: boolean;
  readonly cooldownMs?: number;
  readonly firstByteMs?: number;
  /** As it was asked for, after mapping. */
  readonly model?: string;
}

/** The only place endpoint states change; the transitions themselves are pure functions. */
export interface EndpointRegistry {
  /** States as of now, with passed cooldowns settled. */
  states(nowMs: number): ReadonlyMap<EndpointKey, EndpointState>;
  state(key: EndpointKey): EndpointState;
  /** Leases per limit group. */
  groupLeases(): ReadonlyMap<string, number>;
  /** Takes a slot; undefined when the endpoint's limit is reached. The returned function gives it back, once. */
  take(endpoint: Endpoint): (() => void) | undefined;
  settle(key: EndpointKey, outcome: AttemptOutcome, context: SettleContext): EndpointState;
  /** Ends cooldowns now, of one endpoint, of one provider's endpoints or of all; answers which had one. */
  resetCooldown(key?: string): readonly EndpointKey[];
  /** Number of the round-robin counter for the next turn; `advance` moves it on. */
  rotation(advance: boolean): number;
}

/** Makes an empty registry; `onChange` hears of every change that people would notice. */
export function createEndpointRegistry(onChange: (key: EndpointKey, state: EndpointState) => void): EndpointRegistry {
  const states = new Map<EndpointKey, EndpointState>();
  const groups = new Map<string, number>();
  const stateOf = (key: EndpointKey): EndpointState => states.get(key) ?? initialState();
  const write = (key: EndpointKey, next: EndpointState): EndpointState => {
    states.set(key, next);
    return next;
  };
  return {
    states(nowMs) {
      for (const [key, state] of states) {
        const settled = settleExpired(state, nowMs);
        if (settled !== state) onChange(key, write(key, settled));
      }
      return states;
    },
    state: stateOf,
    groupLeases: () => groups,
    take(endpoint) {
      const inGroup = groups.get(endpoint.limitGroup) ?? 0;
      if (endpoint.maxConcurrent !== undefined && inGroup >= endpoint.maxConcurrent) return undefined;
      groups.set(endpoint.limitGroup, inGroup + 1);
      write(endpoint.key, takeLease(stateOf(endpoint.key)));
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        groups.set(endpoint.limitGroup, (groups.get(endpoint.limitGroup) ?? 1) - 1);
        write(endpoint.key, releaseLease(stateOf(endpoint.key)));
      };
    },
    settle(key, outcome, context) {
      const before = stateOf(key);
      const after = write(key, applyOutcome(before, outcome, context));
      if (isNoticeable(before, after)) onChange(key, after);
      return after;
    },
    resetCooldown(key) {
      const reset: EndpointKey[] = [];
      for (const [each, state] of states) {
        if (key !== undefined && each !== key && !each.startsWith(`${key}/`)) continue;
        if (!isResting(state)) continue;
        onChange(each, write(each, resetCooldown(state)));
        reset.push(each);
      }
      return reset;
    },
    rotation: createRotation(),
  };
}

function createRotation(): EndpointRegistry['rotation'] {
  let turns = 0;
  return (advance) => (advance ? turns++ : turns);
}

function isResting(state: EndpointState): boolean {
  return state.cooldown !== undefined || state.exhausted !== undefined || Object.keys(state.modelCooldowns).length > 0;
}

function isNoticeable(before: EndpointState, after: EndpointState): boolean {
  return (
    before.cooldown !== after.cooldown ||
    before.exhausted !== after.exhausted ||
    before.halfOpen !== after.halfOpen ||
    before.consecutiveFailures !== after.consecutiveFailures ||
    before.modelCooldowns !== after.modelCooldowns
  );
}
