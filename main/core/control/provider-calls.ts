import type { ConfigEdit, ControlParsed, TomlValue } from '../../../shared/control/contract.js';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { ConfigStore } from '../config/config-store.js';
import type { SecretStore } from '../ports.js';

/** What the calls about providers need. */
export interface ProviderCallDeps {
  readonly config: ConfigStore;
  readonly secrets: SecretStore;
}

/** The edits behind the calls about providers and pins. All throw what ConfigStore.edit throws. */
export interface ProviderCalls {
  /** @throws SwitchyardError CONFIG_INVALID when the name is taken, CONTROL_BAD_REQUEST for two credentials */
  add(input: ControlParsed<'provider.add'>): Promise<void>;
  /** @throws SwitchyardError CONFIG_NOT_FOUND, as all below */
  remove(name: string): Promise<void>;
  setActive(name: string | null): Promise<void>;
  setPinned(name: string | null): Promise<void>;
  set(name: string, key: 'level' | 'enabled', value: TomlValue): Promise<void>;
  /** Throws when there is no such provider, naming those that exist. */
  require(name: string): void;
}

/** Provider calls over one config file. */
export function createProviderCalls({ config, secrets }: ProviderCallDeps): ProviderCalls {
  const current = () => config.snapshot().config;

  function require(name: string): void {
    const names = Object.keys(current().providers);
    if (names.includes(name)) return;
    const broken = config.status().problems.find((problem) => problem.severity === 'error');
    if (broken !== undefined) {
      throw new SwitchyardError(broken.code, broken.message, {
        ...(broken.position === undefined ? {} : { position: broken.position }),
      });
    }
    const known = names.length === 0 ? 'There are no providers yet.' : `Known: ${names.join(', ')}.`;
    throw new SwitchyardError('CONFIG_NOT_FOUND', `There is no provider named ${JSON.stringify(name)}. ${known}`, {
      hints: names,
    });
  }

  async function setRouting(key: 'active' | 'pinned', name: string | null): Promise<void> {
    if (name !== null) {
      require(name);
      await config.edit([{ op: 'set', path: ['routing', key], value: name }]);
    } else if (current().routing[key] !== undefined) {
      await config.edit([{ op: 'remove', path: ['routing', key] }]);
    }
  }

  return {
    require,
    setActive: (name) => setRouting('active', name),
    setPinned: (name) => setRouting('pinned', name),
    async add(input) {
      checkNew(input, Object.keys(current().providers));
      const edits = editsToAdd(input);
      if (input.key === undefined) await config.edit(edits);
      else await withSecret(secrets, input.name, input.key, () => config.edit(edits));
    },
    async remove(name) {
      require(name);
      const { active, pinned } = current().routing;
      await config.edit([
        { op: 'remove', path: ['providers', name] },
        ...(active === name ? [{ op: 'remove' as const, path: ['routing', 'active'] }] : []),
        ...(pinned === name ? [{ op: 'remove' as const, path: ['routing', 'pinned'] }] : []),
      ]);
    },
    async set(name, key, value) {
      require(name);
      await config.edit([{ op: 'set', path: ['providers', name, key], value }]);
    },
  };
}

function checkNew(input: ControlParsed<'provider.add'>, names: readonly string[]): void {
  const { name, key, api_key_env, pass_client_auth } = input;
  if (names.includes(name))
    throw new SwitchyardError('CONFIG_INVALID', `There is already a provider named ${JSON.stringify(name)}.`);
  if ([key, api_key_env, pass_client_auth === true ? true : undefined].filter((given) => given !== undefined).length > 1) {
    const field = key !== undefined ? 'key' : 'api_key_env';
    throw new SwitchyardError(
      'CONTROL_BAD_REQUEST',
      `${field}: give one credential at most: key, api_key_env or pass_client_auth.`,
      {
        path: field,
      },
    );
  }
}

function editsToAdd(input: ControlParsed<'provider.add'>): readonly ConfigEdit[] {
  const values: Readonly<Record<string, TomlValue | undefined>> = {
    label: input.label,
    base_url: input.base_url,
    protocol: input.protocol,
    api_key_env: input.api_key_env,
    secret: input.key === undefined ? undefined : input.name,
    pass_client_auth: input.pass_client_auth,
    level: input.level,
    enabled: input.disabled === true ? false : undefined,
  };
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ op: 'set' as const, path: ['providers', input.name, key], value }],
  );
}

/** Stores a secret for the time of a change and takes it back when the change fails. */
async function withSecret(secrets: SecretStore, name: string, value: string, change: () => Promise<unknown>): Promise<void> {
  const before = await secrets.get(name);
  await secrets.set(name, value);
  try {
    await change();
  } catch (error) {
    await (before === undefined ? secrets.delete(name) : secrets.set(name, before)).catch((undo: unknown) => {
      if (!isSwitchyardError(undo)) throw undo;
    });
    throw error;
  }
}
