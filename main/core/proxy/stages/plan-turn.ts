import type { ConfigSnapshot } from '../../../../shared/domain/config-snapshot.js';
import type { Endpoint } from '../../../../shared/domain/endpoint.js';
import type { Plan, TurnFacts } from '../../../../shared/domain/routing.js';
import { planAttempts } from '../../routing/plan-attempts.js';
import type { ProxyDeps } from '../proxy-deps.js';

/** How often planning may look without leaving a trace. */
export interface PlanOptions {
  /** True for explain: pins are not renewed and the round-robin counter does not move. */
  readonly dryRun: boolean;
}

/** Plans a turn with the router's own function, so that explain and the real router cannot disagree. */
export function planTurn(
  deps: Pick<ProxyDeps, 'registry' | 'affinity' | 'pins' | 'credential' | 'random' | 'clock'>,
  snapshot: ConfigSnapshot,
  facts: TurnFacts,
  options: PlanOptions,
): Plan {
  const nowMs = deps.clock.now();
  const session = facts.session?.id;
  return planAttempts({
    facts,
    endpoints: snapshot.endpoints,
    states: deps.registry.states(nowMs),
    groupLeases: deps.registry.groupLeases(),
    routing: snapshot.config.routing,
    routes: snapshot.config.routes,
    credentialMissing: (endpoint) => missing(deps, endpoint),
    affinity: session === undefined ? undefined : deps.affinity.get(session),
    pinnedProvider: sessionPin(deps, session, nowMs, options),
    rotation: deps.registry.rotation(!options.dryRun),
    random: () => deps.random.next(),
    nowMs,
  });
}

function missing(deps: Pick<ProxyDeps, 'credential'>, endpoint: Endpoint): string | undefined {
  const credential = deps.credential(endpoint);
  return credential.state === 'missing' ? credential.source : undefined;
}

function sessionPin(
  deps: Pick<ProxyDeps, 'pins'>,
  session: string | undefined,
  nowMs: number,
  options: PlanOptions,
): string | undefined {
  if (session === undefined) return undefined;
  return options.dryRun ? deps.pins.all(nowMs)[session] : deps.pins.use(session, nowMs);
}
