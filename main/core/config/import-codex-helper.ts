import { isTable, numberOf, pick, tableOf, tablesOf, textOf, type ForeignTable } from './foreign-values.js';
import { emptyDraft, type DraftTable, type ImportDraft } from './import-draft.js';
import { emitProviders, type EmittedService } from './import-helper-emit.js';
import { planRouting } from './import-helper-graph.js';
import { readHelperProviders, type HelperPlan, type HelperProvider, type HelperSkip } from './import-helper-model.js';
import { importHelperRetry } from './import-helper-retry.js';
import { planStations, readConfigs } from './import-helper-stations.js';

interface Service {
  readonly id: 'codex' | 'claude';
  readonly plan: HelperPlan;
  readonly skipped: readonly HelperSkip[];
  readonly emitted: EmittedService;
}

/** Reads a parsed codex-helper config of any version, TOML or JSON, and the parsed filter.json beside it. */
export function importCodexHelper(config: unknown, filters: unknown): ImportDraft {
  const root = tableOf(config);
  const names = new Set<string>();
  const services = (['codex', 'claude'] as const).flatMap((id) => (isTable(root[id]) ? [readService(id, root[id], names)] : []));
  const preferred = textOf(pick(root, 'default_service')) ?? 'codex';
  const main = services.find(({ id }) => id === preferred) ?? services[0];
  const retry = importHelperRetry(root['retry']);
  const other = readOther(root);
  return {
    ...emptyDraft,
    providers: services.flatMap(({ emitted }) => emitted.draft.providers),
    secrets: services.flatMap(({ emitted }) => emitted.draft.secrets),
    skipped: services.flatMap(({ skipped }) => skipped),
    routes: services.flatMap((service) => emitRoutes(service, services)),
    filters: readFilters(filters),
    settings: [...(main ? routingSettings(main) : []), ...retry.settings, ...other.settings],
    warnings: [
      ...services.flatMap(({ plan, emitted }) => [...plan.warnings, ...emitted.draft.warnings]),
      ...services.filter((service) => service !== main).flatMap(lostChoice),
      ...retry.warnings,
      ...other.warnings,
    ],
  };
}

function readService(id: Service['id'], table: ForeignTable, names: Set<string>): Service {
  const { providers, plan, skipped } = readAnyVersion(table);
  const options = { names, protocol: id === 'claude' ? 'messages' : undefined };
  return { id, plan, skipped, emitted: emitProviders(providers, plan, options) };
}

/** The shape tells the version better than the number, which hand-written files get wrong. */
function readAnyVersion(table: ForeignTable): {
  providers: ReadonlyMap<string, HelperProvider>;
  plan: HelperPlan;
  skipped: readonly HelperSkip[];
} {
  if (isTable(table['configs']) && !isTable(table['providers'])) return readConfigs(table);
  const { providers, skipped } = readHelperProviders(table['providers']);
  const stations = pick(table, 'stations', 'groups');
  const plan = isTable(stations) && !isTable(table['routing']) ? planStations(table, providers) : planRouting(table, providers);
  return { providers, plan, skipped };
}

function routingSettings({ plan, emitted }: Service): ImportDraft['settings'] {
  const settings: { path: string[]; value: string }[] = [];
  const active = plan.active && emitted.nameOf(plan.active);
  const pinned = plan.pinned && emitted.nameOf(plan.pinned);
  if (active !== undefined) settings.push({ path: ['routing', 'active'], value: active });
  if (pinned !== undefined) settings.push({ path: ['routing', 'pinned'], value: pinned });
  if (plan.affinity !== undefined) settings.push({ path: ['routing', 'affinity'], value: plan.affinity });
  return settings;
}

function lostChoice({ id, plan }: Service): readonly string[] {
  const choice = plan.pinned ?? plan.active;
  return choice
    ? [`${id}: its choice of "${choice.provider}" was left out, because only one service can choose the active provider.`]
    : [];
}

/** A route admits only the providers it names, so those of the other service are added to every one; the protocol keeps them apart. */
function emitRoutes(service: Service, services: readonly Service[]): readonly DraftTable[] {
  const others = services
    .filter((other) => other !== service)
    .flatMap(({ emitted }) => emitted.draft.providers.map(({ name }) => name));
  return service.plan.routes.flatMap(({ name, when, leaves }) => {
    const own = leaves.map((leaf) => service.emitted.nameOf(leaf)).filter((provider) => provider !== undefined);
    const providers = [...new Set([...own, ...others])];
    return own.length === 0 ? [] : [{ name: routeName(name), ...when, providers }];
  });
}

function routeName(name: string): string {
  const cleaned = name
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
  return cleaned === '' ? 'route' : cleaned;
}

function readFilters(filters: unknown): readonly DraftTable[] {
  const rows = Array.isArray(filters) ? tablesOf(filters) : isTable(filters) ? [filters] : [];
  return rows.flatMap((row) => {
    const { op, source, target } = row;
    if ((op !== 'replace' && op !== 'remove') || typeof source !== 'string' || source === '') return [];
    return [{ op, source, ...(typeof target === 'string' && { target }) }];
  });
}

const understood: readonly string[] = [
  'version',
  'default_service',
  'defaultService',
  'codex',
  'claude',
  'retry',
  'notify',
  'ui',
];
const understoodInService: readonly string[] = [
  'active',
  'configs',
  'providers',
  'stations',
  'groups',
  'routing',
  'client_patch',
  'active_station',
  'active_group',
  'activeStation',
  'activeGroup',
];

function readOther(root: ForeignTable): Pick<ImportDraft, 'settings' | 'warnings'> {
  const settings: { path: string[]; value: string | number | boolean }[] = [];
  const lost = Object.keys(root).filter((key) => !understood.includes(key));
  const language = textOf(tableOf(root['ui'])['language']);
  if (language === 'en' || language === 'zh' || language === 'auto') settings.push({ path: ['ui', 'language'], value: language });
  lost.push(
    ...Object.keys(tableOf(root['ui']))
      .filter((key) => key !== 'language')
      .map((key) => `ui.${key}`),
  );
  const notify = tableOf(root['notify']);
  if (typeof notify['enabled'] === 'boolean') settings.push({ path: ['notify', 'enabled'], value: notify['enabled'] });
  const minimumMs = numberOf(pick(tableOf(notify['policy']), 'min_duration_ms'));
  if (minimumMs !== undefined && minimumMs >= 0)
    settings.push({ path: ['notify', 'min_duration_s'], value: Math.min(86_400, minimumMs / 1000) });
  lost.push(
    ...Object.keys(notify)
      .filter((key) => key !== 'enabled' && key !== 'policy')
      .map((key) => `notify.${key}`),
  );
  for (const id of ['codex', 'claude'] as const) {
    const service = tableOf(root[id]);
    lost.push(
      ...Object.keys(service)
        .filter((key) => !understoodInService.includes(key))
        .map((key) => `${id}.${key}`),
    );
    const patch = tableOf(service['client_patch']);
    if (id === 'codex' && typeof patch['responses_websocket'] === 'boolean')
      settings.push({ path: ['clients', 'codex', 'responses_websocket'], value: patch['responses_websocket'] });
    lost.push(
      ...Object.keys(patch)
        .filter((key) => key !== 'responses_websocket')
        .map((key) => `${id}.client_patch.${key}`),
    );
  }
  return { settings, warnings: lost.map((key) => `${key} has no counterpart and was left out.`) };
}
