import { retryConfigSchema, routeConfigSchema, routingConfigSchema } from '../../../shared/config/schema.js';
import { resolveRetry } from '../../../shared/config/retry.js';
import type { RouteConfig, RoutingConfig } from '../../../shared/config/schema.js';
import type { ResolvedRetry } from '../../../shared/domain/config-snapshot.js';
import type { Endpoint, EndpointKey } from '../../../shared/domain/endpoint.js';
import type { AttemptFailure, Cooldown, EndpointState, Plan, TurnFacts } from '../../../shared/domain/routing.js';
import { initialState } from '../../../main/core/routing/endpoint-state.js';
import { planAttempts, type PlanInput } from '../../../main/core/routing/plan-attempts.js';

/** 2026-01-01T00:00:00Z: the moment the tests happen at. */
export const NOW = Date.UTC(2026, 0, 1);

export function makeEndpoint(key: EndpointKey, fields: Partial<Endpoint> = {}): Endpoint {
  const [provider = '', endpoint = ''] = key.split('/');
  return {
    key,
    provider,
    endpoint,
    label: provider,
    level: 1,
    protocol: 'responses',
    baseUrl: `https://${provider}.example/v1`,
    credential: { kind: 'none' },
    auth: 'bearer',
    enabled: true,
    tags: {},
    models: [],
    modelMap: {},
    headers: {},
    weight: 1,
    maxConcurrent: undefined,
    limitGroup: key,
    continuityDomain: key,
    proxy: 'environment',
    connectTimeoutMs: 10_000,
    headersTimeoutMs: 0,
    order: 0,
    ...fields,
  };
}

export function makeFacts(fields: Partial<TurnFacts> = {}): TurnFacts {
  return {
    protocol: 'responses',
    method: 'POST',
    path: '/v1/responses',
    model: 'gpt-5.5',
    stream: true,
    session: undefined,
    project: undefined,
    clientKey: undefined,
    headers: {},
    stateBound: false,
    ...fields,
  };
}

export function makeRouting(fields: Partial<RoutingConfig> = {}): RoutingConfig {
  return { ...routingConfigSchema.parse({}), ...fields };
}

export function makeRoute(fields: Record<string, unknown>): RouteConfig {
  return routeConfigSchema.parse(fields);
}

export function makeRetry(fields: Record<string, unknown> = {}): ResolvedRetry {
  return resolveRetry(retryConfigSchema.parse(fields));
}

export function makeFailure(fields: Partial<AttemptFailure> = {}): AttemptFailure {
  return {
    kind: 'failure',
    class: 'server_error',
    status: 502,
    message: 'HTTP 502 from the upstream',
    code: undefined,
    retryAfterMs: undefined,
    model: undefined,
    reached: true,
    bodyHead: '',
    cfRay: undefined,
    ...fields,
  };
}

export function makeState(fields: Partial<EndpointState> = {}): EndpointState {
  return { ...initialState(), ...fields };
}

export function makeCooldown(fields: Partial<Cooldown> = {}): Cooldown {
  return {
    untilMs: NOW + 20_000,
    sinceMs: NOW - 10_000,
    class: 'server_error',
    reason: 'HTTP 503 from the upstream',
    named: false,
    ...fields,
  };
}

export interface PlanFields extends Partial<Omit<PlanInput, 'states' | 'routing'>> {
  readonly routing?: Partial<RoutingConfig>;
  readonly states?: Readonly<Record<EndpointKey, Partial<EndpointState>>>;
}

export function plan(endpoints: readonly Endpoint[], fields: PlanFields = {}): Plan {
  const { states, routing, ...rest } = fields;
  const entries = Object.entries(states ?? {}).map(([key, state]) => [key as EndpointKey, makeState(state)] as const);
  return planAttempts({
    facts: makeFacts(),
    endpoints,
    states: new Map(entries),
    routes: [],
    credentialMissing: () => undefined,
    affinity: undefined,
    pinnedProvider: undefined,
    rotation: 0,
    random: () => 0,
    nowMs: NOW,
    ...rest,
    routing: makeRouting(routing),
  });
}

/** Keys of the candidates, in order. */
export function keys(result: Plan): readonly string[] {
  return result.candidates.map((candidate) => candidate.endpoint.key);
}

/** Why each left-out endpoint is left out. */
export function skips(result: Plan): Readonly<Record<string, string>> {
  return Object.fromEntries(result.skipped.map((skip) => [skip.endpoint, skip.reason.code]));
}
