import {
  baseUrlProblem,
  isTable,
  numberOf,
  pick,
  stringsOf,
  tableOf,
  tablesOf,
  textOf,
  type ForeignTable,
} from './foreign-values.js';
import { readHelperTarget } from './import-helper-endpoint.js';
import {
  byName,
  compare,
  readEndpoint,
  type HelperPlan,
  type HelperProvider,
  type HelperSkip,
  type Leaf,
  type PlannedLeaf,
} from './import-helper-model.js';

/** Reads v1 `[svc.configs.*]`: every config becomes a provider, every upstream one of its endpoints. */
export function readConfigs(service: ForeignTable): {
  providers: ReadonlyMap<string, HelperProvider>;
  plan: HelperPlan;
  skipped: readonly HelperSkip[];
} {
  const configs = Object.entries(tableOf(service['configs'])).sort(byName);
  const activeId = activeConfig(service['active'], configs);
  const skipped: HelperSkip[] = [];
  const warnings: string[] = [];
  const providers = new Map<string, HelperProvider>();
  const leaves: PlannedLeaf[] = [];
  for (const [id, table] of configs) {
    if (!isTable(table)) continue;
    const endpoints = tablesOf(table['upstreams']).flatMap((upstream, index) => {
      const problem = baseUrlProblem(pick(upstream, 'base_url'));
      const name = `u${String(index + 1)}`;
      if (problem !== undefined) skipped.push({ name: `${id}.${name}`, reason: problem });
      return problem === undefined ? [readEndpoint(name, upstream, `${id}.${name}`)] : [];
    });
    if (endpoints.length === 0) {
      skipped.push({ name: id, reason: 'it has no usable upstream' });
      continue;
    }
    const enabled = table['enabled'] !== false;
    if (!enabled && id === activeId) warnings.push(`${id}: it was active though disabled, so it was imported enabled.`);
    const label = textOf(table['alias']);
    providers.set(id, { id, label, enabled: enabled || id === activeId, target: readHelperTarget({}, id), endpoints });
    leaves.push(...endpoints.map((endpoint) => ({ provider: id, endpoint: endpoint.id, level: clampLevel(table['level']) })));
  }
  const active =
    activeId !== undefined && providers.has(activeId) ? leaves.find(({ provider }) => provider === activeId) : undefined;
  return { providers, plan: { leaves, routes: [], warnings, ...(active && { active }) }, skipped };
}

function activeConfig(active: unknown, configs: readonly (readonly [string, unknown])[]): string | undefined {
  if (active === true) return configs.find(([, table]) => tableOf(table)['enabled'] !== false)?.[0];
  return textOf(active);
}

function clampLevel(level: unknown): number {
  return Math.min(10, Math.max(1, Math.round(numberOf(level) ?? 1)));
}

interface Station {
  readonly id: string;
  readonly level: number;
  readonly leaves: readonly Leaf[];
}

/** Reads v2 `[svc.stations.*]` over providers: the best station that names an endpoint decides its level. */
export function planStations(service: ForeignTable, providers: ReadonlyMap<string, HelperProvider>): HelperPlan {
  const activeId = textOf(pick(service, 'active_station', 'active_group'));
  const warnings: string[] = [];
  const stations = Object.entries(tableOf(pick(service, 'stations', 'groups')))
    .filter((entry): entry is [string, ForeignTable] => isTable(entry[1]))
    .filter(([id, station]) => station['enabled'] !== false || id === activeId)
    .map(([id, station]) => ({ id, level: clampLevel(station['level']), leaves: membersOf(id, station, providers, warnings) }))
    .sort((a, b) => a.level - b.level || Number(b.id === activeId) - Number(a.id === activeId) || compare(a.id, b.id));
  const leaves = distinctLeaves(stations);
  const activeLeaves = stations.find(({ id }) => id === activeId)?.leaves ?? [];
  const [active] = activeLeaves;
  // Only a provider can be active here; the order of the file stands for the rest of a station.
  const single = active && activeLeaves.every(({ provider }) => provider === active.provider);
  return { leaves, routes: [], warnings, ...(single && { active }) };
}

function membersOf(
  station: string,
  table: ForeignTable,
  providers: ReadonlyMap<string, HelperProvider>,
  warnings: string[],
): readonly Leaf[] {
  const members = [...tablesOf(table['members'])].sort(
    (a, b) => Number(b['preferred'] === true) - Number(a['preferred'] === true),
  );
  return members.flatMap((member) => {
    const provider = providers.get(textOf(member['provider']) ?? '');
    if (!provider) {
      warnings.push(
        `station ${station}: its member "${textOf(member['provider']) ?? ''}" is not an imported provider and was left out.`,
      );
      return [];
    }
    const wanted = stringsOf(pick(member, 'endpoint_names', 'endpoints'));
    const endpoints = provider.endpoints.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
    return endpoints.map(({ id }) => ({ provider: provider.id, endpoint: id }));
  });
}

function distinctLeaves(stations: readonly Station[]): readonly PlannedLeaf[] {
  const seen = new Map<string, PlannedLeaf>();
  for (const { level, leaves } of stations) {
    for (const leaf of leaves) {
      const key = `${leaf.provider}/${leaf.endpoint}`;
      if (!seen.has(key)) seen.set(key, { ...leaf, level });
    }
  }
  return [...seen.values()];
}
