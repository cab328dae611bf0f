import { writeFileSync } from 'node:fs';
import type { CodexPatcher } from '../../../main/core/clients/codex.js';
import { createConfigStore, type ConfigStore } from '../../../main/core/config/config-store.js';
import { createHandlers, type HandlerDeps } from '../../../main/core/control/handlers.js';
import type { RoutedEndpoint, RouterFace } from '../../../shared/domain/router-face.js';
import { createLedger, type Ledger } from '../../../main/core/ledger/ledger.js';
import type { SecretStore } from '../../../main/core/ports.js';
import type { CodexPatchResult, CodexPatchStatus, Control } from '../../../shared/control/contract.js';
import type { CoreEvent } from '../../../shared/control/events.js';
import type { EndpointState, Plan } from '../../../shared/domain/routing.js';
import { manualClock, type ManualClock } from '../../helpers/manual-clock.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { capturingLogger, memorySecrets, type CapturingLogger } from '../../helpers/test-ports.js';

/** A state in which nothing has happened yet. */
export const restedState: EndpointState = {
  consecutiveFailures: 0,
  streak: 0,
  cooldown: undefined,
  modelCooldowns: {},
  exhausted: undefined,
  leases: 0,
  halfOpen: false,
  healthySinceMs: undefined,
  lastSuccessAtMs: undefined,
  lastFailureAtMs: undefined,
  lastError: undefined,
  firstByteMs: undefined,
};

/** The router as the control contract sees it, over the real config; the test changes states by hand. */
export interface FakeRouter extends RouterFace {
  readonly states: Map<string, Partial<EndpointState>>;
  readonly asked: unknown[];
}

function fakeRouter(config: ConfigStore, clock: ManualClock): FakeRouter {
  const states = new Map<string, Partial<EndpointState>>();
  const pins = new Map<string, string>();
  const asked: unknown[] = [];
  const endpoints = (): readonly RoutedEndpoint[] =>
    config.snapshot().endpoints.map((endpoint) => {
      const state = { ...restedState, ...states.get(endpoint.key) };
      const credential = config.credential(endpoint);
      const cooling = state.cooldown !== undefined && state.cooldown.untilMs > clock.now();
      const resolved = credential.state !== 'missing';
      return {
        endpoint,
        state,
        credential: { source: 'source' in credential ? credential.source : credential.state, ok: resolved },
        usable: endpoint.enabled && resolved && !cooling,
        why: resolved ? '' : 'no credential',
      };
    });
  return {
    states,
    asked,
    endpoints,
    explain(input): Plan {
      asked.push(input);
      const candidates = config
        .snapshot()
        .endpoints.map((endpoint) => ({ endpoint, model: input.model, why: 'strategy' as const }));
      return { route: undefined, pinned: undefined, candidates, skipped: [], nextEligibleAtMs: undefined };
    },
    liveTurns: () => [],
    pinSession: (session, provider) => void pins.set(session, provider),
    unpinSession: (session) => {
      if (session === undefined) pins.clear();
      else pins.delete(session);
    },
    sessionPins: () => Object.fromEntries(pins),
    resetCooldown: (key) => {
      const reset = [...states.keys()].filter((known) => key === undefined || known === key || known.startsWith(`${key}/`));
      for (const one of reset) states.delete(one);
      return reset;
    },
  };
}

/** A Codex patcher that remembers what it was told and answers a status the test sets. */
export interface FakeCodex extends CodexPatcher {
  status(): Promise<CodexPatchStatus>;
  now: CodexPatchStatus;
  diff: string;
  readonly asked: unknown[];
}

function fakeCodex(codexHome: string): FakeCodex {
  const codex: FakeCodex = {
    asked: [],
    diff: '',
    now: {
      codexHome,
      configFile: `${codexHome}/config.toml`,
      configExists: true,
      state: 'off',
      form: null,
      baseUrl: null,
      message: '',
      backups: [],
      loggedIn: 'none',
      warnings: [],
    },
    status: () => Promise.resolve(codex.now),
    on: (options) => answer(options),
    off: (options) => answer(options),
    repair: () => Promise.resolve(),
  };
  const answer = (options: unknown): Promise<CodexPatchResult> => {
    codex.asked.push(options);
    return Promise.resolve({ changed: true, form: 'provider', diff: codex.diff, message: '', status: codex.now });
  };
  return codex;
}

/** Everything the control contract stands on, in a temp home: real config file, real ledger, a scripted router. */
export interface ControlHome {
  readonly home: TempHome;
  readonly config: ConfigStore;
  readonly control: Control;
  readonly router: FakeRouter;
  readonly codex: FakeCodex;
  readonly ledger: Ledger;
  readonly secrets: SecretStore;
  readonly clock: ManualClock;
  readonly logger: CapturingLogger;
  readonly events: CoreEvent[];
  readonly stops: { readonly keepCodex: boolean }[];
  readonly env: Record<string, string | undefined>;
  close(): Promise<void>;
}

/** Opens a home with this config file. */
export async function openControlHome(toml: string, overrides: Partial<HandlerDeps> = {}): Promise<ControlHome> {
  const home = makeTempHome();
  writeFileSync(home.paths.configFile, toml, { mode: 0o600 });
  const clock = manualClock();
  const logger = capturingLogger();
  const secrets = memorySecrets();
  const env: Record<string, string | undefined> = {};
  const config = createConfigStore({ paths: home.paths, clock, logger, secrets, env });
  await config.start();
  const router = fakeRouter(config, clock);
  const codex = fakeCodex(home.codexHome);
  const ledger = createLedger({ paths: home.paths, clock, logger, config: () => config.snapshot().config.log });
  const events: CoreEvent[] = [];
  const stops: { readonly keepCodex: boolean }[] = [];
  const control = createHandlers({
    config,
    codex,
    ledger,
    router,
    clock,
    secrets,
    paths: home.paths,
    address: () => ({ host: '127.0.0.1', port: 3211, url: 'http://127.0.0.1:3211' }),
    identity: { version: '1.2.3', host: 'daemon', pid: 77, startedAtMs: 5 },
    importConfig: () => Promise.reject(new Error('no import in this test')),
    doctor: () => Promise.resolve([]),
    requestStop: (options) => void stops.push(options),
    emit: (event) => void events.push(event),
    ...overrides,
  });
  return {
    home,
    config,
    control,
    router,
    codex,
    ledger,
    secrets,
    clock,
    logger,
    events,
    stops,
    env,
    async close() {
      await config.stop();
      await ledger.stop();
      home.cleanup();
    },
  };
}
