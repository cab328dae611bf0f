import type { RouteConfig, RoutingConfig } from '../../../shared/config/schema.js';
import type { Endpoint, EndpointKey } from '../../../shared/domain/endpoint.js';
import type { AffinityRecord, Candidate, EndpointState, Plan, Skip, TurnFacts } from '../../../shared/domain/routing.js';
import { chooseAffinity } from './choose-affinity.js';
import { initialState, settleExpired } from './endpoint-state.js';
import { matchRoute } from './match-route.js';
import { orderLevel } from './order-level.js';
import { LAST_RESORT_AGE_MS, screenEndpoint, type Guess, type ScreenInput, type Verdict } from './screen-endpoint.js';

/** Everything a plan depends on. */
export interface PlanInput {
  readonly facts: TurnFacts;
  /** In the order of the file. */
  readonly endpoints: readonly Endpoint[];
  readonly states: ReadonlyMap<EndpointKey, EndpointState>;
  /** Requests in flight per limit group; without it, an endpoint's own. */
  readonly groupLeases?: ReadonlyMap<string, number>;
  readonly routing: RoutingConfig;
  readonly routes: readonly RouteConfig[];
  /** Names the place where the credential is missing; undefined when it is there. */
  readonly credentialMissing: (endpoint: Endpoint) => string | undefined;
  readonly affinity: AffinityRecord | undefined;
  /** Pin of the session; the global one stands in `routing`. */
  readonly pinnedProvider: string | undefined;
  /** Counts turns, for round-robin. */
  readonly rotation: number;
  /** In [0, 1), for weighted. */
  readonly random: () => number;
  readonly nowMs: number;
  /** Take endpoints of every protocol. */
  readonly ignoreProtocol?: boolean;
}

interface Screened {
  readonly endpoint: Endpoint;
  readonly state: EndpointState;
  readonly verdict: Verdict;
}

/** A pin to a provider that is gone is no pin: it would lock the session out for ever. */
function effectivePin(input: PlanInput): string | undefined {
  const exists = (name: string | undefined): boolean => input.endpoints.some((endpoint) => endpoint.provider === name);
  return [input.pinnedProvider, input.routing.pinned].find(exists);
}

function screenAll(input: PlanInput, pinned: string | undefined, route: RouteConfig | undefined): readonly Screened[] {
  const fresh = initialState();
  const screen: ScreenInput = {
    facts: input.facts,
    pinned,
    route,
    routing: input.routing,
    credentialMissing: input.credentialMissing,
    groupLeases: input.groupLeases,
    ignoreProtocol: input.ignoreProtocol === true,
    nowMs: input.nowMs,
  };
  return input.endpoints.map((endpoint) => {
    const state = settleExpired(input.states.get(endpoint.key) ?? fresh, input.nowMs);
    return { endpoint, state, verdict: screenEndpoint(endpoint, state, screen) };
  });
}

/** Levels ascending, each in its own strategy; a pin knows no levels. */
function orderEndpoints(members: readonly Endpoint[], input: PlanInput, pinned: string | undefined): readonly Endpoint[] {
  if (members.length < 2) return members;
  const { routing, states, rotation, random } = input;
  const levelOf = (endpoint: Endpoint): number => (pinned === undefined ? endpoint.level : 0);
  const levels = distinct(members, levelOf);
  if (levels.length === members.length && isAscending(levels)) return members;
  return levels
    .sort((a, b) => a - b)
    .flatMap((level) => {
      const strategy = routing.levels[String(level)] ?? routing.strategy;
      const peers = members.filter((endpoint) => levelOf(endpoint) === level);
      return orderLevel(peers, { strategy, active: routing.active, states, rotation, random });
    });
}

function distinct(members: readonly Endpoint[], levelOf: (endpoint: Endpoint) => number): number[] {
  const levels: number[] = [];
  for (const member of members) {
    const level = levelOf(member);
    if (!levels.includes(level)) levels.push(level);
  }
  return levels;
}

function isAscending(levels: readonly number[]): boolean {
  return levels.every((level, index) => index === 0 || level > (levels[index - 1] ?? 0));
}

/** The single endpoint to try when nothing is left but rests of our own making: the one whose rest ends soonest. */
function findLastResort(
  screened: readonly Screened[],
  nowMs: number,
): { readonly entry: Screened; readonly guess: Guess } | undefined {
  let best: { readonly entry: Screened; readonly guess: Guess } | undefined;
  for (const entry of screened) {
    const guess = guessOf(entry);
    if (guess === undefined || guess.isProbing || nowMs - guess.sinceMs < LAST_RESORT_AGE_MS) continue;
    if (best === undefined || guess.untilMs < best.guess.untilMs) best = { entry, guess };
  }
  return best;
}

function guessOf(entry: Screened): Guess | undefined {
  return entry.verdict.kind === 'skip' ? entry.verdict.guess : undefined;
}

/** When a skipped endpoint is next worth a plan; a rest of our own ends earlier when no candidate is left. */
function eligibleAtMs(entry: Screened, isLastHope: boolean): number | undefined {
  if (entry.verdict.kind !== 'skip') return undefined;
  const { reason, guess } = entry.verdict;
  if (reason.code === 'exhausted') return reason.untilMs;
  if (reason.code !== 'cooldown') return undefined;
  if (!isLastHope || guess === undefined || guess.isProbing) return reason.untilMs;
  return Math.min(reason.untilMs, guess.sinceMs + LAST_RESORT_AGE_MS);
}

function soonest(entries: readonly Screened[], timeOf: (entry: Screened) => number | undefined): number | undefined {
  let earliest: number | undefined;
  for (const entry of entries) {
    const time = timeOf(entry);
    if (time !== undefined && (earliest === undefined || time < earliest)) earliest = time;
  }
  return earliest;
}

type Why = Candidate['why'];

function buildCandidates(
  ordered: readonly Endpoint[],
  bound: ReadonlySet<EndpointKey>,
  screened: readonly Screened[],
  input: PlanInput,
  pinned: string | undefined,
): readonly Candidate[] {
  return ordered.flatMap((endpoint) => {
    const verdict = screened.find((entry) => entry.endpoint === endpoint)?.verdict;
    if (verdict === undefined || verdict.kind === 'skip') return [];
    const base: Why = endpoint.provider === input.routing.active ? 'active' : 'strategy';
    const placed: Why = pinned !== undefined ? 'pinned' : bound.has(endpoint.key) ? 'affinity' : base;
    const why: Why = verdict.kind === 'exhausted' ? 'last-resort' : verdict.isProbe ? 'probe' : placed;
    return [{ endpoint, model: verdict.model, why }];
  });
}

/**
 * The endpoints to try for one turn, in order, and the others with the reason for each. Pinned: that provider only. Else the
 * route's providers, levels ascending, the active provider first in its level, the session's own endpoint where affinity
 * lets it. Never empty-handed for a rest of our own making that is at least a second old.
 */
export function planAttempts(input: PlanInput): Plan {
  const pinned = effectivePin(input);
  const route = pinned === undefined ? matchRoute(input.facts, input.routes) : undefined;
  const screened = screenAll(input, pinned, route);
  const ofKind = (kind: Verdict['kind']): readonly Endpoint[] =>
    screened.filter((entry) => entry.verdict.kind === kind).map((entry) => entry.endpoint);

  const usable = orderEndpoints(ofKind('usable'), input, pinned);
  const drained = orderEndpoints(ofKind('exhausted'), input, pinned);
  const choice = chooseAffinity(usable, input);
  const last = chooseAffinity(drained, input);
  const excluded = [...choice.excluded, ...last.excluded];
  const ordered = drained.length === 0 ? choice.ordered : [...choice.ordered, ...last.ordered];
  let candidates = buildCandidates(ordered, choice.bound, screened, input, pinned);

  const isLastHope = candidates.length === 0;
  const allowed = isLastHope ? screened.filter((entry) => isAllowedToOwner(entry.endpoint, input)) : [];
  const resort = findLastResort(allowed, input.nowMs);
  if (resort !== undefined) candidates = [{ endpoint: resort.entry.endpoint, model: resort.guess.model, why: 'last-resort' }];

  const left = screened.filter((entry) => !candidates.some((candidate) => candidate.endpoint === entry.endpoint));
  return {
    route: route === undefined ? undefined : (route.name ?? route.providers.join(', ')),
    pinned,
    candidates,
    skipped: left.flatMap((entry) => describeLeft(entry, excluded, choice.owner ?? last.owner)),
    nextEligibleAtMs: soonest(left, (entry) => eligibleAtMs(entry, resort === undefined && allowed.includes(entry))),
  };
}

/** Under hard affinity a state-bound turn may not leave its owner's domain, not even as a last resort. */
function isAllowedToOwner(endpoint: Endpoint, input: PlanInput): boolean {
  if (!input.facts.stateBound || input.routing.affinity !== 'hard') return true;
  const owner = input.endpoints.find((candidate) => candidate.key === input.affinity?.endpoint);
  return owner === undefined || endpoint.key === owner.key || endpoint.continuityDomain === owner.continuityDomain;
}

function describeLeft(entry: Screened, excluded: readonly Endpoint[], owner: EndpointKey | undefined): readonly Skip[] {
  const { endpoint, verdict } = entry;
  if (verdict.kind === 'skip') return [{ endpoint: endpoint.key, level: endpoint.level, reason: verdict.reason }];
  if (!excluded.includes(endpoint) || owner === undefined) return [];
  return [{ endpoint: endpoint.key, level: endpoint.level, reason: { code: 'state_bound', owner } }];
}
