import type { ConfigEdit, TomlValue } from '../../../shared/control/contract.js';
import { editToml } from '../io/toml-edit.js';
import { isTable, tableOf, tablesOf, textOf, type ForeignTable } from './foreign-values.js';
import type { DraftTable, ImportDraft } from './import-draft.js';
import type { ParsedConfig } from './parse-config.js';

/** What {@link planImport} looks at besides the draft. */
export interface ImportTarget {
  /** The config as it is, parsed. */
  readonly existing: ForeignTable;
  readonly overwrite: boolean;
  /** Names in the secret store. */
  readonly secretNames: readonly string[];
  readonly parse: (text: string) => ParsedConfig;
}

/** The edits that bring a draft into a config, and what stays out. */
export interface ImportPlan {
  readonly edits: readonly ConfigEdit[];
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  readonly imported: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/** Decides what of a draft goes in: what is there already stays unless `overwrite`, and what would not be valid is left out. */
export function planImport(draft: ImportDraft, target: ImportTarget): ImportPlan {
  const present = tableOf(target.existing['providers']);
  const skipped = [...draft.skipped];
  const accepted = draft.providers.filter(({ name, table }) => {
    const reason =
      Object.hasOwn(present, name) && !target.overwrite
        ? 'a provider of this name exists'
        : problemOf({ providers: { [name]: table } }, target);
    if (reason !== undefined) skipped.push({ name, reason });
    return reason === undefined;
  });
  const { providers, secrets } = renameSecrets(accepted, draft.secrets, target);
  const names = new Set([...Object.keys(present), ...providers.map(({ name }) => name)]);
  const rows = planRows(draft, target, names);
  const settings = planSettings(draft, target, names);
  return {
    edits: [
      ...providers.flatMap(({ name }) =>
        Object.hasOwn(present, name) ? [{ op: 'remove' as const, path: ['providers', name] }] : [],
      ),
      ...providers.map(({ name, table }) => ({ op: 'set' as const, path: ['providers', name], value: table })),
      ...settings.edits,
      ...rows.edits,
    ],
    secrets,
    imported: providers.map(({ name }) => name),
    skipped: [...skipped, ...settings.skipped],
    warnings: [...draft.warnings, ...rows.warnings],
  };
}

/** Why a config of these tables alone would be refused. */
function problemOf(content: DraftTable, { parse }: ImportTarget): string | undefined {
  const edits: readonly ConfigEdit[] = Object.entries(content).flatMap(([section, value]) =>
    isTable(value)
      ? Object.entries(value).map(([key, inner]) => ({ op: 'set' as const, path: [section, key], value: inner }))
      : [{ op: 'set' as const, path: [section], value }],
  );
  const problem = parse(editToml('', edits).text).problems.find(({ severity }) => severity === 'error');
  return problem && `${problem.key}: ${problem.message}`;
}

type Named = ImportDraft['providers'][number];

/** A secret of another provider must not be overwritten, so a taken name gets a number. */
function renameSecrets(
  providers: readonly Named[],
  secrets: ImportDraft['secrets'],
  { secretNames, overwrite }: ImportTarget,
): { readonly providers: readonly Named[]; readonly secrets: ImportDraft['secrets'] } {
  const used = new Set(providers.flatMap(({ table }) => namedSecrets(table)));
  const taken = new Set(secretNames);
  const renamed = new Map<string, string>();
  for (const { name } of secrets.filter((secret) => used.has(secret.name))) {
    let free = name;
    for (let count = 2; !overwrite && taken.has(free); count += 1) free = `${name.slice(0, 60)}-${String(count)}`;
    taken.add(free);
    renamed.set(name, free);
  }
  return {
    providers: providers.map(({ name, table }) => ({ name, table: withSecretNames(table, renamed) })),
    secrets: secrets.flatMap(({ name, value }) => {
      const stored = renamed.get(name);
      return stored === undefined ? [] : [{ name: stored, value }];
    }),
  };
}

function namedSecrets(table: DraftTable): readonly string[] {
  const endpoints = Object.values(tableOf(table['endpoints'])).map(tableOf);
  return [table, ...endpoints].flatMap((target) => textOf(target['secret']) ?? []);
}

function withSecretNames(table: DraftTable, renamed: ReadonlyMap<string, string>): DraftTable {
  return Object.fromEntries(
    Object.entries(table).map(([key, value]): [string, TomlValue] => {
      if (key === 'secret' && typeof value === 'string') return [key, renamed.get(value) ?? value];
      if (key !== 'endpoints' || !isTable(value)) return [key, value];
      return [
        key,
        Object.fromEntries(Object.entries(value).map(([id, endpoint]) => [id, withSecretNames(endpoint as DraftTable, renamed)])),
      ];
    }),
  );
}

function planSettings(
  draft: ImportDraft,
  target: ImportTarget,
  names: ReadonlySet<string>,
): { readonly edits: readonly ConfigEdit[]; readonly skipped: ImportPlan['skipped'] } {
  const edits: ConfigEdit[] = [];
  const skipped: { name: string; reason: string }[] = [];
  for (const { path, value } of draft.settings) {
    const name = path.join('.');
    const present = path.reduce<unknown>((table, key) => tableOf(table)[key], target.existing);
    const [section = '', key = ''] = path;
    const choice = section === 'routing' && (key === 'active' || key === 'pinned');
    if (choice && !(typeof value === 'string' && names.has(value))) continue;
    if (present !== undefined && !target.overwrite) {
      if (JSON.stringify(present) !== JSON.stringify(value)) skipped.push({ name, reason: 'it is already set' });
      continue;
    }
    const problem = choice || path.length > 2 ? undefined : problemOf({ [section]: { [key]: value } }, target);
    if (problem === undefined) edits.push({ op: 'set', path: [...path], value });
    else skipped.push({ name, reason: problem });
  }
  return { edits, skipped };
}

function planRows(
  draft: ImportDraft,
  target: ImportTarget,
  names: ReadonlySet<string>,
): { readonly edits: readonly ConfigEdit[]; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const edits: ConfigEdit[] = [];
  const append = (section: 'routes' | 'filters', rows: readonly DraftTable[]): void => {
    const present = tablesOf(target.existing[section]);
    const fresh = rows.filter((row) => !present.some((other) => sameRow(other, row)));
    fresh.forEach((value, index) => edits.push({ op: 'set', path: [section, String(present.length + index)], value }));
  };
  append(
    'routes',
    draft.routes.filter((route) => {
      const missing = (Array.isArray(route['providers']) ? route['providers'] : []).filter((name) => !names.has(String(name)));
      if (missing.length > 0)
        warnings.push(`route ${textOf(route['name']) ?? ''}: left out, because ${missing.join(', ')} was not imported.`);
      return missing.length === 0;
    }),
  );
  append(
    'filters',
    draft.filters.filter((filter) => problemOf({ filters: [filter] }, target) === undefined),
  );
  return { edits, warnings };
}

function sameRow(a: ForeignTable, b: ForeignTable): boolean {
  const sorted = (table: ForeignTable): string => JSON.stringify(Object.entries(table).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}
