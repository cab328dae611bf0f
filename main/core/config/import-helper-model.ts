import { baseUrlProblem, isTable, pick, tableOf, numberOf, textOf, type ForeignTable } from './foreign-values.js';
import { readHelperTarget, type HelperTarget } from './import-helper-endpoint.js';
import type { DraftTable } from './import-draft.js';

/** One endpoint of a codex-helper provider. */
export interface HelperEndpoint {
  readonly id: string;
  readonly baseUrl: string;
  readonly enabled: boolean;
  readonly priority: number;
  readonly target: HelperTarget;
}

/** One codex-helper provider, or one v1 config. */
export interface HelperProvider {
  readonly id: string;
  readonly label: string | undefined;
  readonly enabled: boolean;
  readonly target: HelperTarget;
  /** In the order in which codex-helper tries them. */
  readonly endpoints: readonly HelperEndpoint[];
}

/** An endpoint by its two names. */
export interface Leaf {
  readonly provider: string;
  readonly endpoint: string;
}

/** A leaf with the level it gets here. */
export interface PlannedLeaf extends Leaf {
  readonly level: number;
}

/** What a codex-helper routing comes to in our terms. */
export interface HelperPlan {
  /** In order of preference. */
  readonly leaves: readonly PlannedLeaf[];
  /** The preferred provider, or the only one. */
  readonly active?: Leaf;
  readonly pinned?: Leaf;
  /** Conditional parts, first match first; the last one has no condition. */
  readonly routes: readonly { readonly name: string; readonly when: DraftTable; readonly leaves: readonly Leaf[] }[];
  readonly affinity?: string;
  readonly warnings: readonly string[];
}

/** Something that could not be imported, by name. */
export interface HelperSkip {
  readonly name: string;
  readonly reason: string;
}

/** Reads `[svc.providers.*]`; one without a usable endpoint is skipped with its reason. */
export function readHelperProviders(written: unknown): {
  providers: ReadonlyMap<string, HelperProvider>;
  skipped: readonly HelperSkip[];
} {
  const providers = new Map<string, HelperProvider>();
  const skipped: HelperSkip[] = [];
  for (const [id, table] of Object.entries(tableOf(written)).sort(byName)) {
    const provider = isTable(table) ? readProvider(id, table, skipped) : undefined;
    if (provider) providers.set(id, provider);
  }
  return { providers, skipped };
}

function readProvider(id: string, table: ForeignTable, skipped: HelperSkip[]): HelperProvider | undefined {
  const written = Object.entries(tableOf(table['endpoints'])).flatMap(([name, value]) =>
    isTable(value) ? [{ id: name, value }] : [],
  );
  if (textOf(pick(table, 'base_url')) !== undefined && !written.some(({ id: name }) => name === 'default'))
    written.unshift({ id: 'default', value: { base_url: pick(table, 'base_url') } });
  const endpoints: HelperEndpoint[] = [];
  for (const { id: name, value } of written) {
    const problem = baseUrlProblem(pick(value, 'base_url'));
    if (problem === undefined) endpoints.push(readEndpoint(name, value, `${id}.${name}`));
    else skipped.push({ name: written.length === 1 ? id : `${id}.${name}`, reason: problem });
  }
  if (written.length === 0) skipped.push({ name: id, reason: 'it has no endpoint' });
  if (endpoints.length === 0) return undefined;
  endpoints.sort((a, b) => a.priority - b.priority || compare(a.id, b.id) || compare(a.baseUrl, b.baseUrl));
  return {
    id,
    label: textOf(table['alias']),
    enabled: table['enabled'] !== false,
    target: readHelperTarget(table, id),
    endpoints,
  };
}

/** Reads one endpoint or v1 upstream whose base_url has been found usable. */
export function readEndpoint(id: string, table: ForeignTable, where: string): HelperEndpoint {
  return {
    id,
    baseUrl: textOf(pick(table, 'base_url')) ?? '',
    enabled: table['enabled'] !== false,
    priority: numberOf(table['priority']) ?? 0,
    target: readHelperTarget(table, where),
  };
}

/** Orders entries as codex-helper does: by the bytes of their names. */
export function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return compare(a[0], b[0]);
}

/** Compares by code unit, without regard to language. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
