import { isTable, pick, stringsOf, tableOf, tablesOf, textOf, textTableOf, type ForeignTable } from './foreign-values.js';
import type { DraftTable } from './import-draft.js';
import type { HelperPlan, HelperProvider, Leaf, PlannedLeaf } from './import-helper-model.js';

type Providers = ReadonlyMap<string, HelperProvider>;

/** One way through the graph: the conditions under which it is taken, and its groups of endpoints, best first. */
interface Path {
  readonly when: readonly ForeignTable[];
  readonly names: readonly string[];
  readonly groups: readonly (readonly Leaf[])[];
}

interface Graph {
  readonly providers: Providers;
  readonly routes: Readonly<Record<string, unknown>>;
  readonly warnings: string[];
}

const maxPaths = 32;
const affinities: readonly string[] = ['off', 'preferred-group', 'fallback-sticky', 'hard'];

/** Reads `[svc.routing]` of v3 (flat policy), v4 and v5 (route graph): nesting order becomes levels, conditions become routes. */
export function planRouting(service: ForeignTable, providers: Providers): HelperPlan {
  const routing = tableOf(service['routing']);
  const graph: Graph = { providers, routes: routesOf(routing, providers), warnings: lossesOf(routing) };
  const entry = textOf(routing['entry']) ?? defaultEntry(graph.routes);
  const pinned = pinnedLeaf(graph, entry);
  const paths = expand(graph, entry, []).slice(0, maxPaths);
  const fallback = paths.at(-1) ?? { when: [], names: [], groups: [] };
  const leaves = levelled([fallback, ...paths.slice(0, -1)]);
  const affinity = textOf(pick(routing, 'affinity_policy'));
  return {
    leaves: pinned ? withOthers(leaves, providers) : leaves,
    routes: paths.length > 1 ? routesFor(paths, graph) : [],
    warnings: graph.warnings,
    ...(pinned && { pinned }),
    ...(affinity !== undefined && affinities.includes(affinity) && { affinity }),
  };
}

function lossesOf(routing: ForeignTable): string[] {
  return ['fallback_ttl_ms', 'reprobe_preferred_after_ms']
    .filter((key) => pick(routing, key) !== undefined)
    .map((key) => `routing.${key} has no exact counterpart and was left out; see [routing] failback and failback_after_s.`);
}

/** The routes of a graph; a flat policy is written as the graph it stands for, and no routing as all providers in order. */
function routesOf(routing: ForeignTable, providers: Providers): Readonly<Record<string, unknown>> {
  if (isTable(routing['routes'])) return routing['routes'];
  const listed = stringsOf(routing['order']);
  const children = listed.length > 0 ? listed : [...providers.keys()];
  const policy = textOf(routing['policy']) ?? 'ordered-failover';
  if (policy !== 'pool-fallback') return { [flatEntry]: { ...routing, strategy: policy, children } };
  const pools = tableOf(routing['pools']);
  const chain = stringsOf(routing['chain']);
  const used = routing['on_exhausted'] === 'stop' ? chain.slice(0, 1) : chain;
  return {
    [flatEntry]: { strategy: 'ordered-failover', children: used.flatMap((pool) => stringsOf(tableOf(pools[pool])['providers'])) },
  };
}

// A space cannot begin a name there, so this collides with no provider.
const flatEntry = ' entry';

function defaultEntry(routes: Readonly<Record<string, unknown>>): string {
  return ['main', flatEntry, ...Object.keys(routes)].find((name) => Object.hasOwn(routes, name)) ?? 'main';
}

function expand(graph: Graph, reference: string, trail: readonly string[]): readonly Path[] {
  const leaves = providerLeaves(graph.providers, reference);
  if (leaves) return [{ when: [], names: [], groups: [leaves] }];
  const route = Object.hasOwn(graph.routes, reference) ? graph.routes[reference] : undefined;
  if (isTable(route) && !trail.includes(reference)) return expandRoute(graph, reference, route, [...trail, reference]);
  const single = endpointLeaf(graph.providers, reference);
  if (single) return [{ when: [], names: [], groups: [[single]] }];
  graph.warnings.push(
    `route: "${reference.trim()}" ${trail.includes(reference) ? 'contains itself' : 'is not a provider, route or endpoint that was imported'}; it was left out.`,
  );
  return [{ when: [], names: [], groups: [] }];
}

function expandRoute(graph: Graph, name: string, route: ForeignTable, trail: readonly string[]): readonly Path[] {
  const strategy = textOf(route['strategy']) ?? 'ordered-failover';
  switch (strategy) {
    case 'manual-sticky':
      return expand(graph, textOf(route['target']) ?? stringsOf(route['children'])[0] ?? '', trail);
    case 'conditional': {
      const then = expand(graph, textOf(route['then']) ?? '', trail);
      const rest = expand(graph, textOf(route['default']) ?? '', trail);
      const when = tableOf(route['when']);
      return [...then.map((path) => ({ ...path, when: [when, ...path.when], names: [name, ...path.names] })), ...rest];
    }
    case 'tag-preferred':
      return inSequence(graph, preferTags(graph, route, trail), trail);
    case 'ordered-failover':
      return inSequence(graph, stringsOf(route['children']), trail);
    default:
      graph.warnings.push(`route ${name}: the strategy "${strategy}" is not known and was taken as ordered-failover.`);
      return inSequence(graph, stringsOf(route['children']), trail);
  }
}

/** All children one after the other; where several have conditions, every combination, the most conditional first. */
function inSequence(graph: Graph, children: readonly string[], trail: readonly string[]): readonly Path[] {
  let paths: readonly Path[] = [{ when: [], names: [], groups: [] }];
  for (const child of children) {
    const expanded = expand(graph, child, trail);
    paths = paths.flatMap((path) =>
      expanded.map((next) => ({
        when: [...path.when, ...next.when],
        names: [...path.names, ...next.names],
        groups: [...path.groups, ...next.groups],
      })),
    );
    if (paths.length <= maxPaths) continue;
    graph.warnings.push('routing: it has too many combinations of conditions; the last ones were left out.');
    paths = paths.slice(-maxPaths);
  }
  return paths;
}

function preferTags(graph: Graph, route: ForeignTable, trail: readonly string[]): readonly string[] {
  const filters = tablesOf(pick(route, 'prefer_tags')).map(textTableOf);
  const quiet: Graph = { ...graph, warnings: [] };
  const preferred = (child: string): boolean =>
    expand(quiet, child, trail).some(({ groups }) =>
      groups.flat().some((leaf) => filters.some((filter) => hasTags(graph.providers, leaf, filter))),
    );
  const children = stringsOf(route['children']);
  const first = children.filter(preferred);
  return route['on_exhausted'] === 'stop' ? first : [...first, ...children.filter((child) => !first.includes(child))];
}

function hasTags(providers: Providers, leaf: Leaf, filter: Readonly<Record<string, string>>): boolean {
  const provider = providers.get(leaf.provider);
  const endpoint = provider?.endpoints.find(({ id }) => id === leaf.endpoint);
  const tags = { ...provider?.target.tags, ...endpoint?.target.tags };
  return Object.entries(filter).every(([name, value]) => tags[name] === value);
}

function providerLeaves(providers: Providers, id: string): readonly Leaf[] | undefined {
  return providers.get(id)?.endpoints.map((endpoint) => ({ provider: id, endpoint: endpoint.id }));
}

function endpointLeaf(providers: Providers, reference: string): Leaf | undefined {
  for (const provider of providers.values()) {
    const endpoint = provider.endpoints.find(({ id }) => `${provider.id}.${id}` === reference);
    if (endpoint) return { provider: provider.id, endpoint: endpoint.id };
  }
  return undefined;
}

/** The target of a manual-sticky entry, where it is a provider or endpoint: that is what pinned means here. */
function pinnedLeaf({ providers, routes }: Graph, entry: string): Leaf | undefined {
  const route = tableOf(Object.hasOwn(routes, entry) ? routes[entry] : undefined);
  const target = route['strategy'] === 'manual-sticky' ? textOf(route['target']) : undefined;
  if (target === undefined) return undefined;
  return providerLeaves(providers, target)?.[0] ?? (Object.hasOwn(routes, target) ? undefined : endpointLeaf(providers, target));
}

function levelled(paths: readonly Path[]): readonly PlannedLeaf[] {
  const planned = new Map<string, PlannedLeaf>();
  for (const { groups } of paths) {
    groups.forEach((group, index) => {
      for (const leaf of group) {
        const key = `${leaf.provider}/${leaf.endpoint}`;
        if (!planned.has(key)) planned.set(key, { ...leaf, level: Math.min(10, index + 1) });
      }
    });
  }
  return [...planned.values()];
}

/** A pin keeps the others out by itself, so they stay enabled behind it. */
function withOthers(leaves: readonly PlannedLeaf[], providers: Providers): readonly PlannedLeaf[] {
  const known = new Set(leaves.map(({ provider, endpoint }) => `${provider}/${endpoint}`));
  const others = [...providers.values()].flatMap(({ id, endpoints }) =>
    endpoints
      .filter((endpoint) => !known.has(`${id}/${endpoint.id}`))
      .map((endpoint) => ({ provider: id, endpoint: endpoint.id, level: 2 })),
  );
  return [...leaves, ...others];
}

function routesFor(paths: readonly Path[], { warnings }: Graph): HelperPlan['routes'] {
  return paths.flatMap((path, index) => {
    const leaves = path.groups.flat();
    if (index === paths.length - 1) return [{ name: 'otherwise', when: {}, leaves }];
    const name = path.names.join('-');
    const when = conditionsOf(path.when);
    if (when.table) return [{ name, when: when.table, leaves }];
    warnings.push(`route ${name}: its condition (${when.reason}) has no counterpart, so the route was left out.`);
    return [];
  });
}

function conditionsOf(whens: readonly ForeignTable[]): { readonly table?: DraftTable; readonly reason: string } {
  const table: DraftTable = {};
  for (const when of whens) {
    const lost = ['service_tier', 'reasoning_effort', 'method'].filter((key) => textOf(pick(when, key)) !== undefined);
    if (lost.length > 0) return { reason: lost.join(', ') };
    for (const key of ['model', 'path'] as const) {
      const value = textOf(when[key]);
      if (value === undefined) continue;
      if (value.split('*').length > 2) return { reason: `${key} with more than one *` };
      if (table[key] !== undefined && table[key] !== value) return { reason: `two different conditions on ${key}` };
      table[key] = value;
    }
    const headers = textTableOf(when['headers']);
    if (Object.keys(headers).length > 0) table['header'] = { ...tableOf(table['header']), ...headers } as Record<string, string>;
  }
  return Object.keys(table).length > 0 ? { table, reason: '' } : { reason: 'empty' };
}
