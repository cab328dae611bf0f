import type { Endpoint } from '../../../shared/domain/endpoint.js';
import type { TurnFacts } from '../../../shared/domain/routing.js';
import { openExchange, type Exchange } from '../upstream/exchange.js';
import { requestHeaders } from '../upstream/headers.js';
import { targetOf } from '../upstream/target-url.js';
import type { ProxyDeps } from './proxy-deps.js';
import { planTurn } from './stages/plan-turn.js';

/** A model list that satisfies both kinds of client: `data` for OpenAI clients, `models` for Codex. */
export interface ModelsList {
  readonly object: 'list';
  readonly data: readonly Entry[];
  /** Present only when an upstream speaks Codex's own shape; an empty list would hide its bundled models. */
  readonly models?: readonly Entry[];
}

type Entry = Readonly<Record<string, unknown>>;

/** Codex waits 5 s for its model list before its first turn; upstreams slower than this are left out. */
const TIMEOUT_MS = 3_000;
const MAX_LIST_BYTES = 8 * 1024 * 1024;

/** Asks every usable endpoint for its models and merges the answers; an endpoint that fails is left out. */
export async function listModels(
  deps: ProxyDeps,
  facts: TurnFacts,
  rawHeaders: readonly string[],
  url: string,
  usedOurKey: boolean,
): Promise<ModelsList> {
  const snapshot = deps.snapshot();
  const usable = (['responses', 'chat', 'messages'] as const).flatMap((protocol) => {
    const plan = planTurn(deps, snapshot, { ...facts, protocol, model: undefined }, { dryRun: true });
    return plan.candidates.map((candidate) => candidate.endpoint);
  });
  const fetched = usable.map((endpoint) => fetchList(deps, endpoint, rawHeaders, url, usedOurKey).catch(() => nothing));
  const lists = await Promise.all(fetched);
  const data = new Map<string, Entry>();
  const models = new Map<string, Entry>();
  for (const [index, list] of lists.entries()) {
    for (const entry of list.data) add(data, entry, 'id');
    for (const entry of list.models) {
      add(models, entry, 'slug');
      if (typeof entry['slug'] === 'string')
        add(data, { id: entry['slug'], object: 'model', owned_by: usable[index]?.provider }, 'id');
    }
  }
  for (const endpoint of usable)
    for (const id of declaredModels(endpoint)) add(data, { id, object: 'model', owned_by: endpoint.provider }, 'id');
  return { object: 'list', data: [...data.values()], ...(models.size === 0 ? {} : { models: [...models.values()] }) };
}

function declaredModels(endpoint: Endpoint): readonly string[] {
  return [...endpoint.models, ...Object.keys(endpoint.modelMap)].filter((pattern) => !pattern.includes('*'));
}

function add(into: Map<string, Entry>, entry: Entry, key: 'id' | 'slug'): void {
  const id = entry[key];
  if (typeof id === 'string' && !into.has(id)) into.set(id, entry);
}

interface Lists {
  readonly data: readonly Entry[];
  readonly models: readonly Entry[];
}

const nothing: Lists = { data: [], models: [] };

async function fetchList(
  deps: ProxyDeps,
  endpoint: Endpoint,
  raw: readonly string[],
  url: string,
  clientUsedOurKey: boolean,
): Promise<Lists> {
  const target = targetOf(endpoint.baseUrl, url);
  const credential = deps.credential(endpoint);
  const headers = requestHeaders({ raw, endpoint, credential, clientUsedOurKey, bodyLength: 0, decoded: false, identity: true });
  const dispatcher = await deps.dispatchers.for(endpoint, target.origin);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ok = false;
    // A request that cannot be sent at all fails before these are there.
    const running: { exchange?: Exchange; cancel?: () => void } = {};
    const done = (lists: Lists): void => {
      running.cancel?.();
      running.exchange?.abort();
      resolve(lists);
    };
    running.exchange = openExchange(
      dispatcher,
      {
        method: 'GET',
        origin: target.origin,
        path: target.path,
        headers: headers.slice(0, -2),
        body: null,
      },
      {
        onHead: (status) => void (ok = status === 200),
        onData(chunk) {
          size += chunk.length;
          if (size > MAX_LIST_BYTES) done(nothing);
          else chunks.push(chunk);
        },
        onEnd: () => done(ok ? parseList(Buffer.concat(chunks)) : nothing),
        onError: () => done(nothing),
      },
    );
    running.cancel = deps.clock.after(TIMEOUT_MS, () => done(nothing));
  });
}

function parseList(bytes: Buffer): Lists {
  try {
    const parsed = JSON.parse(bytes.toString('utf8')) as { data?: unknown; models?: unknown };
    return { data: entries(parsed.data), models: entries(parsed.models) };
  } catch {
    return nothing;
  }
}

function entries(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value.filter((item): item is Entry => typeof item === 'object' && item !== null) : [];
}
