import type { RouteConfig, RoutingConfig } from '../../../shared/config/schema.js';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import type { EndpointState, SkipReason, TurnFacts } from '../../../shared/domain/routing.js';
import { activeCooldown, isProbing } from './endpoint-state.js';
import { mapModel } from './model-map.js';

/** What one endpoint is judged by. */
export interface ScreenInput {
  readonly facts: Pick<TurnFacts, 'protocol' | 'model'>;
  readonly pinned: string | undefined;
  readonly route: RouteConfig | undefined;
  readonly routing: Pick<RoutingConfig, 'on_exhausted'>;
  readonly credentialMissing: (endpoint: Endpoint) => string | undefined;
  readonly groupLeases: ReadonlyMap<string, number> | undefined;
  readonly ignoreProtocol: boolean;
  readonly nowMs: number;
}

/** The verdict on one endpoint: usable now, usable after everything else, or left out for a reason. */
export type Verdict =
  | { readonly kind: 'usable'; readonly model: string | undefined; readonly isProbe: boolean }
  | { readonly kind: 'exhausted'; readonly model: string | undefined }
  /** `guess` is set when nothing but a rest of our own making stands in the way. */
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly guess?: Guess };

/** A rest that we chose ourselves and may cut short when nothing else is left. */
export interface Guess {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly model: string | undefined;
  readonly isProbing: boolean;
}

/** An endpoint that just failed is not asked again as a last resort before so much time has passed. */
export const LAST_RESORT_AGE_MS = 1000;

/** Reasons that waiting does not change. */
function standingReason(endpoint: Endpoint, input: ScreenInput): SkipReason | undefined {
  const { facts, pinned, route } = input;
  // First of all: where nobody speaks the protocol, nothing the user switches on or off will help.
  if (!input.ignoreProtocol && endpoint.protocol !== facts.protocol)
    return { code: 'protocol_mismatch', protocol: endpoint.protocol };
  if (pinned !== undefined && endpoint.provider !== pinned) return { code: 'not_pinned', pinned };
  if (!endpoint.enabled) return { code: 'disabled' };
  if (route !== undefined && !route.providers.includes(endpoint.provider)) {
    return { code: 'not_in_route', route: route.name ?? route.providers.join(', ') };
  }
  if (facts.model !== undefined && mapModel(endpoint, facts.model) === undefined) {
    return { code: 'unsupported_model', model: facts.model };
  }
  const source = input.credentialMissing(endpoint);
  return source === undefined ? undefined : { code: 'no_credential', source };
}

function saturation(endpoint: Endpoint, state: EndpointState, input: ScreenInput): SkipReason | undefined {
  if (endpoint.maxConcurrent === undefined) return undefined;
  const active = input.groupLeases?.get(endpoint.limitGroup) ?? state.leases;
  return active < endpoint.maxConcurrent ? undefined : { code: 'saturated', active, limit: endpoint.maxConcurrent };
}

function screenExhausted(state: EndpointState, model: string | undefined, input: ScreenInput): Verdict | undefined {
  if (state.exhausted === undefined) return undefined;
  const isFresh = state.cooldown !== undefined && input.nowMs - state.cooldown.sinceMs < LAST_RESORT_AGE_MS;
  const isAllowed = input.routing.on_exhausted === 'last-resort' && !isFresh && !isProbing(state);
  if (isAllowed) return { kind: 'exhausted', model };
  const untilMs = state.exhausted.untilMs ?? state.cooldown?.untilMs;
  return { kind: 'skip', reason: { code: 'exhausted', untilMs, reason: state.exhausted.reason } };
}

function screenCooldown(state: EndpointState, model: string | undefined, input: ScreenInput): Verdict | undefined {
  const active = activeCooldown(state, model, input.nowMs);
  if (active === undefined) return undefined;
  const { untilMs, sinceMs, reason } = active.cooldown;
  const scope = active.model === undefined ? {} : { model: active.model };
  const rests = [state.cooldown, model === undefined ? undefined : state.modelCooldowns[model]];
  const isGuess = rests.every((rest) => rest === undefined || (!rest.named && rest.class !== 'rule'));
  const guess: Guess = { sinceMs, untilMs, model, isProbing: isProbing(state) };
  return { kind: 'skip', reason: { code: 'cooldown', untilMs, reason, ...scope }, ...(isGuess ? { guess } : {}) };
}

/** Judges one endpoint for one turn; `state` is settled at `nowMs`. The first reason that applies is the one given. */
export function screenEndpoint(endpoint: Endpoint, state: EndpointState, input: ScreenInput): Verdict {
  const standing = standingReason(endpoint, input);
  if (standing !== undefined) return { kind: 'skip', reason: standing };
  const model = input.facts.model === undefined ? undefined : mapModel(endpoint, input.facts.model);
  const full = saturation(endpoint, state, input);
  const resting = screenExhausted(state, model, input) ?? screenCooldown(state, model, input);
  if (resting !== undefined) {
    // Full as well: a rest cut short would not help.
    if (full !== undefined)
      return resting.kind === 'skip' ? { kind: 'skip', reason: resting.reason } : { kind: 'skip', reason: full };
    return resting;
  }
  if (state.halfOpen && isProbing(state)) return { kind: 'skip', reason: { code: 'probing' } };
  if (full !== undefined) return { kind: 'skip', reason: full };
  return { kind: 'usable', model, isProbe: state.halfOpen };
}
