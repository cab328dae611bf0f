import { labelFor, safeName, type DraftTable, type ImportDraft } from './import-draft.js';
import type { HelperTarget } from './import-helper-endpoint.js';
import type { HelperEndpoint, HelperPlan, HelperProvider, Leaf, PlannedLeaf } from './import-helper-model.js';

/** What one service of codex-helper comes to; `nameOf` finds our provider of one of its endpoints. */
export interface EmittedService {
  readonly draft: Pick<ImportDraft, 'providers' | 'secrets' | 'warnings'>;
  readonly nameOf: (leaf: Leaf) => string | undefined;
}

/** A provider of ours: those endpoints of one of theirs that share a level, which here belongs to the provider. */
interface Part {
  readonly provider: HelperProvider;
  readonly name: string;
  readonly level: number;
  readonly endpoints: readonly HelperEndpoint[];
  /** Endpoints that no route reaches. */
  readonly unused: readonly HelperEndpoint[];
}

/** Writes providers in order of preference; what no route reaches is imported disabled. */
export function emitProviders(
  providers: ReadonlyMap<string, HelperProvider>,
  plan: Pick<HelperPlan, 'leaves'>,
  options: { readonly names: Set<string>; readonly protocol: string | undefined },
): EmittedService {
  const parts = splitByLevel(providers, plan.leaves, options.names);
  const emitted = parts.map((part) => emitPart(part, options.protocol));
  return {
    draft: {
      providers: emitted.map(({ name, table }) => ({ name, table })),
      secrets: emitted.flatMap(({ secrets }) => secrets),
      warnings: emitted.flatMap(({ warnings }) => warnings),
    },
    nameOf: (leaf) =>
      parts.find(({ provider, endpoints }) => provider.id === leaf.provider && endpoints.some(({ id }) => id === leaf.endpoint))
        ?.name,
  };
}

function splitByLevel(
  providers: ReadonlyMap<string, HelperProvider>,
  leaves: readonly PlannedLeaf[],
  names: Set<string>,
): readonly Part[] {
  const parts: Part[] = [];
  const groups = groupByLevel(leaves);
  const taken = new Map<string, string>();
  for (const group of groups.values()) {
    const [first] = group;
    const provider = first && providers.get(first.provider);
    if (!first || !provider) continue;
    const base = taken.get(provider.id);
    const only = group.length === 1 ? first.endpoint : `level${String(first.level)}`;
    const name = safeName(base === undefined ? provider.id : `${base}-${only}`, names);
    const reached = new Set(leaves.filter((leaf) => leaf.provider === provider.id).map(({ endpoint }) => endpoint));
    parts.push({
      provider,
      name,
      level: first.level,
      endpoints: group.flatMap((leaf) => provider.endpoints.filter(({ id }) => id === leaf.endpoint)),
      unused: base === undefined ? provider.endpoints.filter(({ id }) => !reached.has(id)) : [],
    });
    if (base === undefined) taken.set(provider.id, name);
  }
  const lost = [...providers.values()].filter(({ id }) => !taken.has(id));
  return [
    ...parts.toSorted((a, b) => a.level - b.level),
    ...lost.map((provider) => ({
      provider,
      name: safeName(provider.id, names),
      level: 10,
      endpoints: [],
      unused: provider.endpoints,
    })),
  ];
}

function groupByLevel(leaves: readonly PlannedLeaf[]): ReadonlyMap<string, readonly PlannedLeaf[]> {
  const groups = new Map<string, PlannedLeaf[]>();
  for (const leaf of leaves) {
    const key = `${String(leaf.level)}/${leaf.provider}`;
    groups.set(key, [...(groups.get(key) ?? []), leaf]);
  }
  return groups;
}

interface EmittedPart {
  readonly name: string;
  readonly table: DraftTable;
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  readonly warnings: readonly string[];
}

function emitPart({ provider, name, level, endpoints, unused }: Part, protocol: string | undefined): EmittedPart {
  const unreached = endpoints.length === 0;
  const label = labelFor(provider.label ?? provider.id, name);
  const all = [...endpoints, ...unused];
  const [only] = all;
  const inlined = all.length === 1 && (only?.id === 'default' || only?.id === 'u1') ? only : undefined;
  const secrets: { name: string; value: string }[] = [];
  const clientAuth = all.some(({ target }) => [provider.target, target].every(({ credential }) => credential.kind === 'client'));
  const table: DraftTable = {
    ...(label !== undefined && { label }),
    ...(inlined && { base_url: inlined.baseUrl }),
    level,
    ...((!provider.enabled || unreached || inlined?.enabled === false) && { enabled: false }),
    ...(protocol !== undefined && { protocol }),
    ...credentialOf(
      inlined && inlined.target.credential.kind !== 'client' ? inlined.target : provider.target,
      name,
      protocol,
      secrets,
    ),
    ...(clientAuth && { pass_client_auth: true }),
    ...provider.target.table,
    ...inlined?.target.table,
    ...(inlined?.target.table['tags'] !== undefined && { tags: { ...provider.target.tags, ...inlined.target.tags } }),
  };
  if (!inlined) table['endpoints'] = Object.fromEntries(emitEndpoints({ name, endpoints, unused }, protocol, secrets));
  const warnings = [...provider.target.warnings, ...all.flatMap(({ target }) => target.warnings)];
  if (unreached && provider.enabled) warnings.push(`${provider.id}: no route reaches it, so it was imported disabled.`);
  if (!unreached)
    warnings.push(...unused.map(({ id }) => `${provider.id}.${id}: no route reaches it, so it was imported disabled.`));
  return { name, table, secrets, warnings };
}

function emitEndpoints(
  { name, endpoints, unused }: Pick<Part, 'name' | 'endpoints' | 'unused'>,
  protocol: string | undefined,
  secrets: { name: string; value: string }[],
): readonly (readonly [string, DraftTable])[] {
  const ids = new Set<string>();
  return [...endpoints, ...unused].map((endpoint, index) => {
    const id = safeName(endpoint.id, ids);
    const table: DraftTable = {
      base_url: endpoint.baseUrl,
      ...((!endpoint.enabled || index >= endpoints.length) && { enabled: false }),
      ...(endpoint.priority !== 0 && Number.isInteger(endpoint.priority) && { order: endpoint.priority }),
      ...credentialOf(endpoint.target, `${name}-${id}`, protocol, secrets),
      ...endpoint.target.table,
    };
    return [id, table] as const;
  });
}

function credentialOf(
  { credential }: HelperTarget,
  secretName: string,
  protocol: string | undefined,
  secrets: { name: string; value: string }[],
): DraftTable {
  if (credential.kind === 'client') return {};
  // The scheme is written only where it is not the one the protocol has anyway.
  const auth: DraftTable =
    credential.auth === (protocol === 'messages' ? 'x-api-key' : 'bearer') ? {} : { auth: credential.auth };
  if (credential.kind === 'env') return { api_key_env: credential.name, ...auth };
  secrets.push({ name: secretName, value: credential.value });
  return { secret: secretName, ...auth };
}
