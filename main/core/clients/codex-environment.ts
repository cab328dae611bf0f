import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EnvironmentWarning } from '../../../shared/control/contract.js';
import type { TomlTable } from '../io/toml-document.js';
import { valueAt } from '../io/toml-model.js';
import { codexProviderId, parseCodexConfig } from './codex-edit.js';

/** What could make Codex bypass the relay. */
export interface EnvironmentFacts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly codexHome: string;
  readonly configFile: string;
  /** The parsed user config, `null` when it is missing or unreadable. */
  readonly config: TomlTable | null;
  /** Folder whose project configs count. */
  readonly cwd: string;
  /** The relay's address as Codex would use it. */
  readonly baseUrl: string;
}

/** Looks for everything outside our edit that would make Codex miss the relay; reads files, changes nothing. */
export async function checkCodexEnvironment(facts: EnvironmentFacts): Promise<readonly EnvironmentWarning[]> {
  return [
    ...proxyWarnings(facts),
    ...variableWarnings(facts.env),
    ...configWarnings(facts.config),
    ...(await profileFileWarnings(facts.codexHome)),
    ...(await projectWarnings(facts)),
  ];
}

function proxyWarnings({ env, baseUrl }: EnvironmentFacts): readonly EnvironmentWarning[] {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  const set = names.filter((name) => (env[name] ?? '') !== '');
  const host = URL.canParse(baseUrl) ? new URL(baseUrl).hostname : '127.0.0.1';
  const exceptions = `${env['NO_PROXY'] ?? ''},${env['no_proxy'] ?? ''}`.split(/[\s,]+/).map((entry) => entry.toLowerCase());
  if (set.length === 0 || exceptions.some((entry) => coversHost(entry, host))) return [];
  return [
    {
      code: 'proxy-without-no-proxy',
      message: `${set.join(', ')} is set without a NO_PROXY for ${host}: Codex would send requests for the relay to that proxy.`,
      remedy: 'export NO_PROXY=127.0.0.1,localhost',
    },
  ];
}

function coversHost(entry: string, host: string): boolean {
  if (entry === '*' || entry === host || entry.replace(/:\d+$/, '') === host || entry === `.${host}`) return true;
  const network = /^(127\.\d+\.\d+\.\d+)\/(\d+)$/.exec(entry);
  return network !== null && host.startsWith('127.') && Number(network[2]) <= 8;
}

function variableWarnings(env: EnvironmentFacts['env']): readonly EnvironmentWarning[] {
  const warnings: EnvironmentWarning[] = [];
  if ((env['OPENAI_BASE_URL'] ?? '') !== '') {
    warnings.push({
      code: 'openai-base-url-env',
      message: 'OPENAI_BASE_URL is set: Codex before 0.120 follows it past the relay; newer versions ignore it.',
      remedy: 'unset OPENAI_BASE_URL',
    });
  }
  if ((env['CODEX_API_KEY'] ?? '') !== '') {
    warnings.push({
      code: 'codex-api-key-env',
      message: 'CODEX_API_KEY is set: `codex exec` uses it instead of the login in auth.json.',
      remedy: 'unset CODEX_API_KEY',
    });
  }
  return warnings;
}

function configWarnings(config: TomlTable | null): readonly EnvironmentWarning[] {
  const warnings: EnvironmentWarning[] = [];
  const profiles = Object.entries(tableAt(config, ['profiles'])).filter(([, profile]) => detourOf(profile) !== undefined);
  if (profiles.length > 0) {
    const names = profiles.map(([name]) => name).join(', ');
    warnings.push({
      code: 'legacy-profile',
      message: `[profiles] sets another model provider in: ${names}. A run with that profile bypasses the relay.`,
      remedy: 'Remove `model_provider` from these profiles, or do not pass `--profile`.',
    });
  }
  const selected = valueAt(config, ['profile']);
  if (typeof selected === 'string') {
    warnings.push({
      code: 'profile-key',
      message: `\`profile = "${selected}"\` selects a profile in every run; Codex since 0.134 refuses to start with it.`,
      remedy: 'Remove the key `profile` from config.toml.',
    });
  }
  const store = valueAt(config, ['cli_auth_credentials_store']);
  if (store === 'keyring' || store === 'auto') {
    warnings.push({
      code: 'keyring-login',
      message: `cli_auth_credentials_store = "${store}": a Codex login in the OS keyring cannot be seen from here.`,
      remedy: 'If Codex is logged in, patch with: switchyard codex on --form native',
    });
  }
  return warnings;
}

async function profileFileWarnings(codexHome: string): Promise<readonly EnvironmentWarning[]> {
  const names = (await readdir(codexHome).catch(() => [])).filter((name) => name.endsWith('.config.toml')).sort();
  const warnings = await Promise.all(
    names.map(async (name): Promise<readonly EnvironmentWarning[]> => {
      const detour = detourOf(await readConfig(join(codexHome, name)));
      if (detour === undefined) return [];
      const profile = name.replace(/\.config\.toml$/, '');
      const message = `${join(codexHome, name)} sets ${detour}: \`codex -p ${profile}\` bypasses the relay.`;
      return [{ code: 'profile-file', message, remedy: `Remove ${detour} from that file, or do not pass \`-p ${profile}\`.` }];
    }),
  );
  return warnings.flat();
}

async function projectWarnings({ cwd, configFile }: EnvironmentFacts): Promise<readonly EnvironmentWarning[]> {
  const warnings: EnvironmentWarning[] = [];
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = join(folder, '.codex', 'config.toml');
    const detour = file === configFile ? undefined : detourOf(await readConfig(file));
    if (detour !== undefined) {
      const message = `${file} sets ${detour}: Codex versions that allow this in a project bypass the relay there.`;
      warnings.push({ code: 'project-config', message, remedy: `Remove ${detour} from ${file}.` });
    }
    if (dirname(folder) === folder) return warnings;
  }
}

/** The keys of a layer that lead away from the relay, or `undefined`. */
function detourOf(layer: unknown): string | undefined {
  const provider = valueAt(layer, ['model_provider']);
  const keys = [
    ...(provider !== undefined && provider !== codexProviderId ? ['model_provider'] : []),
    ...(valueAt(layer, ['openai_base_url']) === undefined ? [] : ['openai_base_url']),
  ];
  return keys.length === 0 ? undefined : keys.join(' and ');
}

async function readConfig(path: string): Promise<TomlTable | null> {
  try {
    return parseCodexConfig(await readFile(path, 'utf8'));
  } catch {
    // Missing, unreadable or invalid: Codex itself says so when it matters.
    return null;
  }
}

function tableAt(container: unknown, path: readonly string[]): TomlTable {
  const value = valueAt(container, path);
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
