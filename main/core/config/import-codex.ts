import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { baseUrlProblem, isTable, tableOf, textOf, type ForeignTable } from './foreign-values.js';
import { emptyDraft, labelFor, safeName, type DraftTable, type ImportDraft } from './import-draft.js';
import { sortHeaders } from './import-headers.js';
import { parseToml } from './parse-toml.js';
import { isOwnAddress } from './self-loop.js';

/** What Codex has on disk. */
export interface CodexFiles {
  /** Text of config.toml; empty when there is none. */
  readonly configText: string;
  /** Named in errors. */
  readonly configFile: string;
  /** Text of auth.json; undefined when there is none. */
  readonly authText: string | undefined;
  /** The port of this relay, so that our own entry is not taken for a provider. */
  readonly ownPort: number;
}

const ownIds: readonly string[] = ['switchyard', 'codex_proxy'];
const chatgptUrl = 'https://chatgpt.com/backend-api/codex';
const openaiUrl = 'https://api.openai.com/v1';

/** Codex's login: which kind, and the names (never values) of the API keys in auth.json. */
interface CodexLogin {
  readonly kind: 'chatgpt' | 'api-key' | 'none';
  readonly keyNames: readonly string[];
}

/** Reads Codex's providers; nothing to import is an empty result. @throws SwitchyardError CONFIG_IMPORT_FAILED */
export function importCodex(files: CodexFiles): ImportDraft {
  const parsed = parseToml(files.configText, files.configFile);
  if (!parsed.ok) {
    const { position, message } = parsed;
    throw new SwitchyardError('CONFIG_IMPORT_FAILED', `${position.file}:${String(position.line)}: ${message}`, { position });
  }
  const work: Work = { files, login: readLogin(files.authText), names: new Set(), byId: new Map(), draft: { ...emptyDraft } };
  for (const [id, table] of Object.entries(tableOf(parsed.value['model_providers']))) {
    if (isTable(table) && !ownIds.includes(id)) addProvider(work, id, table);
  }
  const current = textOf(parsed.value['model_provider']) ?? 'openai';
  if (current === 'openai' || work.draft.providers.length === 0) addStockProvider(work, textOf(parsed.value['openai_base_url']));
  const active = work.byId.get(current);
  return active === undefined ? work.draft : { ...work.draft, settings: [{ path: ['routing', 'active'], value: active }] };
}

interface Work {
  readonly files: CodexFiles;
  readonly login: CodexLogin;
  readonly names: Set<string>;
  /** Our name of each imported Codex id. */
  readonly byId: Map<string, string>;
  draft: ImportDraft;
}

function addProvider(work: Work, id: string, table: ForeignTable): void {
  const problem =
    baseUrlProblem(table['base_url']) ?? (leadsToUs(table['base_url'], work.files.ownPort) ? 'it is this relay' : undefined);
  if (problem !== undefined) {
    work.draft = { ...work.draft, skipped: [...work.draft.skipped, { name: id, reason: problem }] };
    return;
  }
  const name = safeName(id, work.names);
  const sorted = sortHeaders(tableOf(table['http_headers']));
  const credential = credentialOf(work, name, table, sorted.credential);
  const label = labelFor(textOf(table['name']) ?? id, name);
  const ours: DraftTable = {
    ...(label !== undefined && { label }),
    base_url: textOf(table['base_url']) ?? '',
    ...(table['wire_api'] === 'chat' && { protocol: 'chat' }),
    ...credential.table,
    ...(Object.keys(sorted.headers).length > 0 && { headers: sorted.headers }),
  };
  work.byId.set(id, name);
  work.draft = {
    ...work.draft,
    providers: [...work.draft.providers, { name, table: ours }],
    secrets: [...work.draft.secrets, ...(credential.secret === undefined ? [] : [{ name, value: credential.secret }])],
    warnings: [...work.draft.warnings, ...credential.warnings, ...lossesOf(name, table, sorted.leftOut)],
  };
}

interface ImportedCredential {
  readonly table: DraftTable;
  readonly secret?: string;
  readonly warnings: readonly string[];
}

function credentialOf(
  { login }: Work,
  name: string,
  table: ForeignTable,
  header: { readonly value: string; readonly auth: 'bearer' | 'x-api-key' } | undefined,
): ImportedCredential {
  const envKey = textOf(table['env_key']);
  if (envKey !== undefined) return { table: { api_key_env: envKey }, warnings: [] };
  const token = textOf(table['experimental_bearer_token']);
  if (token !== undefined) return { table: { secret: name }, secret: token, warnings: [] };
  if (table['requires_openai_auth'] === true) return { table: { pass_client_auth: true }, warnings: [] };
  if (header)
    return {
      table: { secret: name, ...(header.auth === 'x-api-key' && { auth: header.auth }) },
      secret: header.value,
      warnings: [],
    };
  const [only, ...others] = login.keyNames;
  if (only !== undefined && others.length === 0) return { table: { api_key_env: only }, warnings: [] };
  const why = others.length > 0 ? 'auth.json holds several keys' : 'none is configured in Codex';
  return { table: {}, warnings: [`${name}: no credential was imported, because ${why}; set api_key_env or secret.`] };
}

function lossesOf(name: string, table: ForeignTable, headers: readonly string[]): readonly string[] {
  const losses = headers.map(
    (header) => `${name}: the header ${header} was left out, because it may hold a key or has an invalid name.`,
  );
  for (const key of ['query_params', 'env_http_headers', 'auth', 'gateway_oauth', 'aws', 'model_catalog_url']) {
    const value = table[key];
    if (value === undefined || (isTable(value) && Object.keys(value).length === 0)) continue;
    losses.push(`${name}: ${key} has no counterpart and was left out.`);
  }
  if (table['wire_api'] === 'chat') losses.push(`${name}: it speaks the chat protocol, which current Codex releases do not.`);
  return losses;
}

function addStockProvider(work: Work, baseUrl: string | undefined): void {
  const custom = baseUrl !== undefined && baseUrlProblem(baseUrl) === undefined && !leadsToUs(baseUrl, work.files.ownPort);
  const stock = stockTable(work.login, custom ? baseUrl : undefined);
  if (!stock) return;
  const name = safeName('openai', work.names);
  work.byId.set('openai', name);
  work.draft = { ...work.draft, providers: [...work.draft.providers, { name, table: stock }] };
}

function stockTable(login: CodexLogin, custom: string | undefined): DraftTable | undefined {
  const byKey = login.kind === 'api-key' && login.keyNames.includes('OPENAI_API_KEY');
  if (byKey) return { label: 'OpenAI', base_url: custom ?? openaiUrl, api_key_env: 'OPENAI_API_KEY' };
  if (custom !== undefined) return { label: 'OpenAI', base_url: custom, pass_client_auth: true };
  return login.kind === 'chatgpt' ? { label: 'ChatGPT login', base_url: chatgptUrl, pass_client_auth: true } : undefined;
}

function leadsToUs(baseUrl: unknown, ownPort: number): boolean {
  const url = textOf(baseUrl);
  return url !== undefined && URL.canParse(url) && isOwnAddress(new URL(url), { ports: [ownPort], hosts: [] });
}

function readLogin(authText: string | undefined): CodexLogin {
  const auth = parseAuth(authText);
  const keyNames = Object.keys(auth).filter((name) => /_API_KEY$/.test(name) && textOf(auth[name]) !== undefined);
  const tokens = textOf(tableOf(auth['tokens'])['access_token']) ?? textOf(tableOf(auth['tokens'])['refresh_token']);
  const hasKey = keyNames.includes('OPENAI_API_KEY');
  if (auth['auth_mode'] === 'chatgpt' && tokens !== undefined) return { kind: 'chatgpt', keyNames };
  if (hasKey) return { kind: 'api-key', keyNames };
  return { kind: tokens === undefined ? 'none' : 'chatgpt', keyNames };
}

function parseAuth(authText: string | undefined): ForeignTable {
  try {
    return tableOf(JSON.parse(authText ?? '{}'));
  } catch {
    return {};
  }
}
