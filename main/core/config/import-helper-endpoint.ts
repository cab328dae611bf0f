import { nameSchema } from '../../../shared/config/schema.js';
import { numberOf, pick, tableOf, textOf, textTableOf, type ForeignTable } from './foreign-values.js';
import { safeName, type DraftTable } from './import-draft.js';

/** A credential as codex-helper writes it. */
export type HelperCredential =
  | { readonly kind: 'env'; readonly name: string; readonly auth: 'bearer' | 'x-api-key' }
  | { readonly kind: 'inline'; readonly value: string; readonly auth: 'bearer' | 'x-api-key' }
  | { readonly kind: 'client' };

/** The fields a codex-helper provider, endpoint or upstream shares with ours. */
export interface HelperTarget {
  readonly table: DraftTable;
  readonly tags: Readonly<Record<string, string>>;
  readonly credential: HelperCredential;
  readonly warnings: readonly string[];
}

/** Tags that say where an entry came from and mean nothing for routing. */
const importTags: readonly string[] = ['provider_id', 'requires_openai_auth', 'source'];

/** Reads what a provider, an endpoint and an upstream have in common; `where` names it in warnings. */
export function readHelperTarget(written: ForeignTable, where: string): HelperTarget {
  const tags = Object.fromEntries(Object.entries(textTableOf(written['tags'])).filter(([name]) => !importTags.includes(name)));
  const models = readModels(written, where);
  const limits = readLimits(written, where);
  const credential = readCredential(written, where);
  const domain = textOf(pick(written, 'continuity_domain'));
  const table: DraftTable = {
    ...(Object.keys(tags).length > 0 && { tags }),
    ...models.table,
    ...limits.table,
    ...(domain !== undefined && { continuity_domain: validName(domain) }),
  };
  return {
    table,
    tags,
    credential: credential.credential,
    warnings: [...credential.warnings, ...models.warnings, ...limits.warnings],
  };
}

function readCredential(written: ForeignTable, where: string): { credential: HelperCredential; warnings: readonly string[] } {
  const auth = { ...tableOf(written['auth']), ...written };
  const found: HelperCredential[] = [];
  for (const [name, scheme] of [
    ['auth_token', 'bearer'],
    ['api_key', 'x-api-key'],
  ] as const) {
    const value = textOf(pick(auth, name));
    const variable = textOf(pick(auth, `${name}_env`));
    if (value !== undefined) found.push({ kind: 'inline', value, auth: scheme });
    else if (variable !== undefined) found.push({ kind: 'env', name: variable, auth: scheme });
  }
  const warnings = found.length > 1 ? [`${where}: it sends a token and an API key; only the token was imported.`] : [];
  return { credential: found[0] ?? { kind: 'client' }, warnings };
}

/** The two maps mean the same there and here, but here a model is left out by not being listed. */
function readModels(written: ForeignTable, where: string): { readonly table: DraftTable; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const usable = (pattern: string): boolean => {
    const fine = pattern.split('*').length <= 2;
    if (!fine) warnings.push(`${where}: the model pattern "${pattern}" has more than one * and was left out.`);
    return fine;
  };
  const supported = Object.entries(tableOf(pick(written, 'supported_models')));
  const allowed = supported.filter(([name, on]) => on === true && usable(name)).map(([name]) => name);
  const mapping = Object.entries(textTableOf(pick(written, 'model_mapping'))).filter(([from, to]) => usable(from) && usable(to));
  for (const [name, on] of supported) {
    if (on === false && allowed.some((pattern) => matches(pattern, name)))
      warnings.push(`${where}: supported_models excludes "${name}" from a pattern, which has no counterpart.`);
  }
  return {
    table: {
      ...(allowed.length > 0 && { models: allowed }),
      ...(mapping.length > 0 && { model_map: Object.fromEntries(mapping) }),
    },
    warnings,
  };
}

function matches(pattern: string, name: string): boolean {
  const [prefix = '', suffix] = pattern.split('*');
  return suffix === undefined ? pattern === name : name.startsWith(prefix) && name.endsWith(suffix);
}

function readLimits(written: ForeignTable, where: string): { readonly table: DraftTable; readonly warnings: readonly string[] } {
  const limits = tableOf(written['limits']);
  const max = numberOf(pick(limits, 'max_concurrent_requests'));
  const group = textOf(pick(limits, 'limit_group'));
  const fits = max === undefined || (Number.isInteger(max) && max > 0);
  return {
    table: {
      ...(max !== undefined && fits && { max_concurrent: max }),
      ...(group !== undefined && { limit_group: validName(group) }),
    },
    warnings: fits ? [] : [`${where}: max_concurrent_requests must be a whole number above 0 and was left out.`],
  };
}

function validName(name: string): string {
  return nameSchema.safeParse(name).success ? name : safeName(name, new Set());
}
