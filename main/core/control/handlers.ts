import {
  controlInputs,
  type CodexPatchResult,
  type Control,
  type ControlCall,
  type ControlOutputs,
  type ControlParsed,
  type DoctorCheck,
  type ImportResult,
} from '../../../shared/control/contract.js';
import type { CoreEvent } from '../../../shared/control/events.js';
import type { ConfigStatus } from '../../../shared/domain/config-snapshot.js';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { SecretStore } from '../ports.js';
import { createCoreView, type CoreView, type CoreViewDeps } from './core-view.js';
import { codexBaseUrl } from './codex-base-url.js';
import { createProviderCalls, type ProviderCalls } from './provider-calls.js';

/** The faces of the core that the contract is answered with. */
export interface HandlerDeps extends CoreViewDeps {
  readonly secrets: SecretStore;
  readonly importConfig: (input: ControlParsed<'config.import'>) => Promise<ImportResult>;
  readonly doctor: () => Promise<readonly DoctorCheck[]>;
  readonly requestStop: (options: { readonly keepCodex: boolean }) => void;
  /** Told when the Codex patch changed through us. */
  readonly emit?: (event: CoreEvent) => void;
}

type Handlers = { readonly [C in ControlCall]: (input: ControlParsed<C>) => Promise<ControlOutputs[C]> };

/** The only implementation of the control contract; every transport calls this. Errors carry a code and no secret. */
export function createHandlers(deps: HandlerDeps): Control {
  const view = createCoreView(deps);
  const handlers: Handlers = { ...configHandlers(deps, view), ...routingHandlers(deps, view), ...codexHandlers(deps, view) };
  return {
    async call(name, input) {
      if (!Object.hasOwn(controlInputs, name)) {
        throw new SwitchyardError('CONTROL_NOT_FOUND', `There is no control call named ${JSON.stringify(name)}.`);
      }
      const parsed = parseInput(name, input);
      try {
        return await handlers[name](parsed);
      } catch (error) {
        throw withoutSecrets(error, view);
      }
    },
  };
}

function configHandlers(deps: HandlerDeps, view: CoreView) {
  const { config, secrets } = deps;
  const providers = createProviderCalls(deps);
  const changed = async (change: Promise<unknown>): Promise<ConfigStatus> => {
    await change;
    return view.configStatus();
  };
  return {
    'config.get': () => view.configText(),
    'config.reload': () => changed(config.reload()),
    'config.edit': ({ edits, revision }) => changed(config.edit(edits, revision)),
    'config.import': async (input) => {
      const result = await deps.importConfig(input);
      if (result.written) await config.reload();
      return { ...result, toml: view.scrubToml(result.toml), warnings: result.warnings.map((warning) => view.scrub(warning)) };
    },
    'provider.add': (input) => changed(providers.add(input)),
    'provider.remove': ({ name }) => changed(providers.remove(name)),
    'provider.setActive': ({ name }) => changed(providers.setActive(name)),
    'provider.setLevel': ({ name, level }) => changed(providers.set(name, 'level', level)),
    'provider.setEnabled': ({ name, enabled }) => changed(providers.set(name, 'enabled', enabled)),
    'retry.setProfile': ({ profile }) => changed(config.edit([{ op: 'set', path: ['retry', 'profile'], value: profile }])),
    'secret.set': async ({ name, value }) => {
      await secrets.set(name, value);
      await config.reload();
      return { backend: secrets.backend };
    },
    'secret.delete': async ({ name }) => {
      const existed = (await secrets.list()).includes(name);
      if (existed) {
        await secrets.delete(name);
        await config.reload();
      }
      return { deleted: existed };
    },
    'pin.set': ({ provider, session }) => changed(pin(deps, providers, provider, session)),
    'pin.clear': ({ session }) => changed(unpin(deps, providers, session)),
  } satisfies Partial<Handlers>;
}

function routingHandlers({ ledger, router, doctor, requestStop }: HandlerDeps, view: CoreView) {
  return {
    'status.get': () => view.status(),
    'route.explain': (input) => Promise.resolve(view.explanation(router.explain(input))),
    'endpoint.resetCooldown': ({ endpoint }) => {
      const known = router.endpoints().map((one) => one.endpoint);
      if (endpoint !== undefined && !known.some(({ key, provider }) => key === endpoint || provider === endpoint)) {
        const keys = known.map(({ key }) => key);
        const message = `There is no endpoint named ${JSON.stringify(endpoint)}. Known: ${keys.join(', ') || 'none'}.`;
        throw new SwitchyardError('CONFIG_NOT_FOUND', message, { hints: keys });
      }
      return Promise.resolve({ reset: router.resetCooldown(endpoint) });
    },
    'logs.tail': async ({ limit, errorsOnly }) => ({ records: await ledger.tail(limit, { errorsOnly }) }),
    'doctor.run': async () => ({ checks: await doctor() }),
    'host.stop': ({ keepCodex }) => {
      requestStop({ keepCodex });
      return Promise.resolve({ stopping: true as const });
    },
  } satisfies Partial<Handlers>;
}

function codexHandlers(deps: HandlerDeps, view: CoreView) {
  const { codex, config, address, emit } = deps;
  const finish = (result: CodexPatchResult, dryRun: boolean): CodexPatchResult => {
    if (result.changed && !dryRun) emit?.({ type: 'codex-patch-changed' });
    return { ...result, diff: view.scrub(result.diff) };
  };
  return {
    'codex.status': () => codex.status(),
    'codex.on': async ({ form, dryRun }) => {
      const { server, clients } = config.snapshot().config;
      const baseUrl = codexBaseUrl(address(), server);
      return finish(await codex.on({ form: form ?? clients.codex.form, baseUrl, dryRun }), dryRun);
    },
    'codex.off': async ({ dryRun }) => finish(await codex.off({ dryRun }), dryRun),
  } satisfies Partial<Handlers>;
}

async function pin(
  { router }: HandlerDeps,
  providers: ProviderCalls,
  provider: string,
  session: string | undefined,
): Promise<void> {
  if (session === undefined) return await providers.setPinned(provider);
  providers.require(provider);
  router.pinSession(session, provider);
}

/** Without a session everything pinned is let go, sessions included. */
async function unpin({ router }: HandlerDeps, providers: ProviderCalls, session: string | undefined): Promise<void> {
  if (session === undefined) await providers.setPinned(null);
  router.unpinSession(session);
}

function parseInput<C extends ControlCall>(name: C, input: unknown): ControlParsed<C> {
  const result = controlInputs[name].safeParse(input ?? {});
  // The table pairs each name with its own schema; the compiler cannot follow that through a lookup.
  if (result.success) return result.data as ControlParsed<C>;
  const problems = result.error.issues.map((issue) => {
    const field = issue.path.map(String).join('.');
    return { field, text: field === '' ? issue.message : `${field}: ${issue.message}` };
  });
  const hints = problems.map((problem) => problem.text);
  throw new SwitchyardError('CONTROL_BAD_REQUEST', `${name}: ${hints.join('; ')}`, { path: problems[0]?.field, hints });
}

function withoutSecrets(error: unknown, view: CoreView): unknown {
  if (!isSwitchyardError(error)) return error;
  const message = view.scrub(error.message);
  return message === error.message ? error : new SwitchyardError(error.code, message, error.details);
}
