import type { ConfigProblem, ConfigSnapshot, ConfigStatus, CredentialLookup } from '../../../shared/domain/config-snapshot.js';
import { invariant } from '../../../shared/assert.js';
import { isSwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { Clock, Logger, Paths, SecretStore } from '../ports.js';
import { resolveClientKeys, type ResolvedClientKey } from './client-keys.js';
import { readConfigFile, revisionOf, type ConfigFileContent } from './config-file.js';
import { showProblem } from './config-problem.js';
import { makeSnapshot } from './config-snapshot.js';
import { createCredentialLookup } from './credentials.js';
import { loadSecrets } from './load-secrets.js';
import { ownAddressOf } from './own-address.js';
import { parseConfig, type ParsedConfig } from './parse-config.js';
import { createInlineKeys } from './inline-keys.js';

/** What the configuration needs from its host. */
export interface ConfigSources {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly secrets: SecretStore;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the relay really listens, once it does; providers that lead there are refused. */
  readonly ownAddress?: () => { readonly host: string; readonly port: number } | undefined;
}

/** The reading half of the config store: the last good snapshot, the state of the file, and the keys that belong to it. */
export interface ConfigReader {
  /** Reads file and secrets again; keeps the last good reading when the file is bad. */
  load(): Promise<ConfigStatus>;
  parse(text: string): ParsedConfig;
  snapshot(): ConfigSnapshot;
  status(): ConfigStatus;
  text(): Promise<string>;
  clientKeys(): readonly ResolvedClientKey[];
  readonly credential: CredentialLookup;
}

interface GoodReading {
  readonly snapshot: ConfigSnapshot;
  readonly config: NonNullable<ParsedConfig['config']>;
}

/** Makes a reader that has read nothing yet: its snapshot is the empty config. */
export function createConfigReader(options: ConfigSources & { readonly onChange: (status: ConfigStatus) => void }): ConfigReader {
  const { paths, clock, logger, env } = options;
  const file = paths.configFile;
  const parse = (text: string): ParsedConfig =>
    parseConfig(text, { file, ownAddress: (server) => ownAddressOf(server, options.ownAddress?.()) });
  const keys = createInlineKeys();
  let secrets: ReadonlyMap<string, string> = new Map();
  let good = accept(parse(''), revisionOf(''), clock.now());
  let status: ConfigStatus = {
    file,
    revision: revisionOf(''),
    loadedAtMs: clock.now(),
    exists: false,
    readOnly: false,
    problems: [],
  };

  async function load(): Promise<ConfigStatus> {
    const content = await readOrReport(file);
    const parsed = content.text === undefined ? unusable(content.problem) : parse(content.text);
    const candidate = parsed.config ? accept(parsed, content.revision, clock.now()) : good;
    const values = await loadSecrets(candidate.config, options.secrets, logger);
    const fileChanged = !sameReading(status, content, parsed.problems);
    if (!fileChanged && sameEntries(values, secrets)) return status;
    secrets = values;
    if (fileChanged) {
      good = candidate;
      if (parsed.config) keys.remember(parsed.endpoints);
      const { revision, exists } = content;
      status = { file, revision, loadedAtMs: clock.now(), exists, readOnly: parsed.readOnly, problems: parsed.problems };
      report(parsed.problems, logger);
    }
    options.onChange(status);
    return status;
  }

  return {
    load,
    parse,
    snapshot: () => good.snapshot,
    status: () => status,
    text: async () => (await readConfigFile(file)).text ?? '',
    clientKeys: () => resolveClientKeys(good.config, { env, secret: (name) => secrets.get(name) }),
    credential: createCredentialLookup({
      env,
      codexHome: paths.codexHome,
      clock,
      secret: (name) => secrets.get(name),
      inlineKey: keys.find,
    }),
  };
}

function accept(parsed: ParsedConfig, revision: string, nowMs: number): GoodReading {
  invariant(parsed.config, 'only a reading without errors is accepted');
  const { config, endpoints } = parsed;
  return { snapshot: makeSnapshot({ config, endpoints }, revision, nowMs), config };
}

function report(problems: readonly ConfigProblem[], logger: Logger): void {
  for (const problem of problems) {
    const line = showProblem(problem);
    if (problem.severity === 'error') logger.error(`the configuration is not used: ${line}`, { code: problem.code });
    else logger.warn(`configuration: ${line}`, { code: problem.code });
  }
}

type FoundContent = ConfigFileContent & { readonly problem: ConfigProblem };

async function readOrReport(file: string): Promise<FoundContent> {
  const notText: ConfigProblem = {
    severity: 'error',
    code: 'CONFIG_SYNTAX',
    key: '',
    message: 'The file is not UTF-8 text. Save it as UTF-8.',
    position: { file, line: 1, column: 1 },
  };
  try {
    return { ...(await readConfigFile(file)), problem: notText };
  } catch (error) {
    if (!isSwitchyardError(error)) throw error;
    const problem: ConfigProblem = { severity: 'error', code: error.code, key: '', message: error.message };
    return { exists: true, text: undefined, revision: revisionOf(error.message), problem };
  }
}

function unusable(problem: ConfigProblem): ParsedConfig {
  return { config: undefined, endpoints: [], readOnly: false, problems: [problem] };
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

function sameReading(status: ConfigStatus, { revision, exists }: ConfigFileContent, problems: readonly ConfigProblem[]): boolean {
  return revision === status.revision && exists === status.exists && JSON.stringify(problems) === JSON.stringify(status.problems);
}
