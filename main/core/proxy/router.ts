import type { ControlParsed } from '../../../shared/control/contract.js';
import type { Credential, Endpoint } from '../../../shared/domain/endpoint.js';
import type { ConfigSnapshot } from '../../../shared/domain/config-snapshot.js';
import type { RoutedEndpoint, RouterFace } from '../../../shared/domain/router-face.js';
import type { Skip, TurnFacts } from '../../../shared/domain/routing.js';
import { describeReason } from '../routing/describe.js';
import { readSessionKey } from '../routing/session-key.js';
import { modelPaths } from './model-paths.js';
import type { ProxyDeps } from './proxy-deps.js';
import { planTurn } from './stages/plan-turn.js';

/** Makes the face of the router over the proxy's own parts. */
export function createRouter(deps: ProxyDeps): RouterFace {
  return {
    endpoints: () => standings(deps),
    explain: (input) => planTurn(deps, deps.snapshot(), factsOf(input), { dryRun: true }),
    liveTurns: () => deps.live.all(),
    pinSession: (session, provider) => deps.pins.set(session, provider, deps.clock.now()),
    unpinSession: (session) => deps.pins.clear(session),
    sessionPins: () => deps.pins.all(deps.clock.now()),
    resetCooldown: (key) => deps.registry.resetCooldown(key),
  };
}

function standings(deps: ProxyDeps): readonly RoutedEndpoint[] {
  const nowMs = deps.clock.now();
  const snapshot = deps.snapshot();
  const states = deps.registry.states(nowMs);
  return snapshot.endpoints.map((endpoint) => {
    const skip = skipOf(deps, snapshot, endpoint);
    const credential = deps.credential(endpoint);
    return {
      endpoint,
      state: states.get(endpoint.key) ?? deps.registry.state(endpoint.key),
      credential: { source: sourceOf(credential), ok: credential.state !== 'missing' },
      usable: skip === undefined,
      why: skip === undefined ? '' : describeReason(skip.reason, nowMs),
    };
  });
}

/** Why the endpoint itself cannot be used now, whatever routes and pins say; a last resort is not usable. */
function skipOf(deps: ProxyDeps, snapshot: ConfigSnapshot, endpoint: Endpoint): Skip | undefined {
  const routing = { ...snapshot.config.routing, pinned: undefined };
  const alone = { ...snapshot, endpoints: [endpoint], config: { ...snapshot.config, routes: [], routing } };
  const plan = planTurn(deps, alone, plainFacts(endpoint), { dryRun: true });
  const { cooldown } = deps.registry.state(endpoint.key);
  if (plan.candidates[0]?.why !== 'last-resort' || cooldown === undefined) return plan.skipped[0];
  return {
    endpoint: endpoint.key,
    level: endpoint.level,
    reason: { code: 'cooldown', untilMs: cooldown.untilMs, reason: cooldown.reason },
  };
}

function sourceOf(credential: Credential): string {
  return credential.state === 'value' || credential.state === 'missing' ? credential.source : credential.state;
}

/** The facts of a plain request that only the endpoint itself could refuse. */
function plainFacts(endpoint: Endpoint): TurnFacts {
  return {
    protocol: endpoint.protocol,
    method: 'POST',
    path: '/v1/responses',
    model: undefined,
    stream: true,
    session: undefined,
    project: undefined,
    clientKey: undefined,
    headers: {},
    stateBound: false,
  };
}

function factsOf(input: ControlParsed<'route.explain'>): TurnFacts {
  const kind = modelPaths[input.path];
  const headers = Object.fromEntries(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    protocol: kind?.protocol ?? 'responses',
    method: 'POST',
    path: input.path,
    model: input.model,
    stream: true,
    session: input.session === undefined ? readSessionKey(headers, {}) : { id: input.session, source: 'header' },
    project: input.project,
    clientKey: undefined,
    headers,
    stateBound: false,
  };
}
