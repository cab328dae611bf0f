import type { ControlOutputs, CoreStatus, EndpointView, Explanation } from '../../../shared/control/contract.js';
import type { ConfigStatus } from '../../../shared/domain/config-snapshot.js';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import type { Plan } from '../../../shared/domain/routing.js';
import type { CodexPatcher } from '../clients/codex.js';
import type { ConfigStore } from '../config/config-store.js';
import type { Ledger } from '../ledger/ledger.js';
import { REDACTED, redactText } from '../ledger/redact.js';
import type { Clock, Paths } from '../ports.js';
import { describePlan } from '../routing/describe.js';
import { maskToml } from './mask-toml.js';
import type { RoutedEndpoint, RouterFace } from '../../../shared/domain/router-face.js';

/** Who the running host is. */
export interface CoreIdentity {
  readonly version: string;
  readonly host: CoreStatus['host'];
  readonly pid: number;
  readonly startedAtMs: number;
}

/** What the views are drawn from. */
export interface CoreViewDeps {
  readonly config: ConfigStore;
  readonly codex: CodexPatcher;
  readonly ledger: Ledger;
  readonly router: RouterFace;
  readonly clock: Clock;
  readonly paths: Pick<Paths, 'home'>;
  readonly address: () => CoreStatus['address'];
  readonly identity: CoreIdentity;
}

/** What faces get to see; nothing here holds a secret. */
export interface CoreView {
  status(): Promise<CoreStatus>;
  configStatus(): ConfigStatus;
  configText(): Promise<ControlOutputs['config.get']>;
  explanation(plan: Plan): Explanation;
  /** Takes the credentials now in use out of a text, besides everything that looks like one. */
  scrub(text: string): string;
  scrubToml(toml: string): string;
}

/** Shorter values would take ordinary words out of a text. */
const SHORTEST_SECRET = 8;

/** The views of one core. */
export function createCoreView(deps: CoreViewDeps): CoreView {
  const { config, router, ledger, clock } = deps;

  function knownSecrets(): readonly string[] {
    const credentials = config.snapshot().endpoints.map((endpoint) => config.credential(endpoint));
    const values = [
      ...credentials.flatMap((credential) => (credential.state === 'value' ? [credential.value] : [])),
      ...config.clientKeys().flatMap(({ key }) => (key === undefined ? [] : [key])),
    ];
    return [...new Set(values)].filter((value) => value.length >= SHORTEST_SECRET);
  }

  const scrub = (text: string) => redactText(text, knownSecrets());
  const scrubToml = (toml: string) => {
    const headers = config.snapshot().endpoints.flatMap((endpoint) => Object.values(endpoint.headers));
    return maskToml(toml, [...knownSecrets(), ...headers.filter((value) => value.length >= SHORTEST_SECRET)]);
  };

  function configStatus(): ConfigStatus {
    const status = config.status();
    return { ...status, problems: status.problems.map((problem) => ({ ...problem, message: scrub(problem.message) })) };
  }

  return {
    scrub,
    scrubToml,
    configStatus,
    async configText() {
      return { status: configStatus(), toml: scrubToml(await config.text()) };
    },
    async status() {
      const { routing } = config.snapshot().config;
      return {
        ...deps.identity,
        nowMs: clock.now(),
        address: deps.address(),
        home: deps.paths.home,
        config: configStatus(),
        active: routing.active ?? null,
        pinned: routing.pinned ?? null,
        endpoints: router.endpoints().map((routed) => viewEndpoint(routed, routing)),
        liveTurns: router.liveTurns(),
        sessionPins: router.sessionPins(),
        lastTurn: ledger.last(),
        totals: ledger.totals(),
        codex: await deps.codex.status(),
      };
    },
    explanation(plan) {
      const masked = { ...plan, candidates: plan.candidates.map((one) => ({ ...one, endpoint: maskEndpoint(one.endpoint) })) };
      return { plan: masked, lines: describePlan(plan, clock.now()).map(scrub) };
    },
  };
}

function viewEndpoint(
  { endpoint, state, credential, usable, why }: RoutedEndpoint,
  routing: { readonly active?: string; readonly pinned?: string },
): EndpointView {
  return {
    key: endpoint.key,
    provider: endpoint.provider,
    label: endpoint.label,
    level: endpoint.level,
    protocol: endpoint.protocol,
    baseUrl: redactText(endpoint.baseUrl),
    enabled: endpoint.enabled,
    active: endpoint.provider === routing.active,
    pinned: endpoint.provider === routing.pinned,
    credential,
    usable,
    why: redactText(why),
    state,
  };
}

/** Custom headers and the proxy's password are the user's secrets as much as the key is. */
function maskEndpoint(endpoint: Endpoint): Endpoint {
  return {
    ...endpoint,
    baseUrl: redactText(endpoint.baseUrl),
    proxy: redactText(endpoint.proxy),
    headers: Object.fromEntries(Object.keys(endpoint.headers).map((name) => [name, REDACTED])),
  };
}
