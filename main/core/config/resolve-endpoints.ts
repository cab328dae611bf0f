import type { Config, EndpointConfig, ProviderConfig } from '../../../shared/config/schema.js';
import type { CredentialReference, Endpoint, EndpointKey } from '../../../shared/domain/endpoint.js';
import type { Protocol } from '../../../shared/domain/protocol.js';

const defaultConnectTimeoutS = 10;
const defaultHeadersTimeoutS = 600;

/** The endpoint id of a provider that gives a base_url instead of endpoints. */
export const shorthandEndpoint = 'default';

/** An endpoint and, where the file holds its key itself, that key; the two never travel together any further. */
export interface ResolvedEndpoint {
  readonly endpoint: Endpoint;
  readonly inlineKey: string | undefined;
}

/** Names in the order in which they stand in the file; objects put names that look like numbers first. */
export type NameOrder = (path: readonly string[], names: readonly string[]) => readonly string[];

/** All endpoints of a valid config with everything inherited filled in: providers in file order, endpoints by `order`. */
export function resolveEndpoints(config: Config, nameOrder: NameOrder): readonly ResolvedEndpoint[] {
  return nameOrder(['providers'], Object.keys(config.providers)).flatMap((name) => {
    const provider = config.providers[name];
    return provider ? resolveProvider(name, provider, nameOrder) : [];
  });
}

type Written = Partial<EndpointConfig> & { readonly base_url: string };

function resolveProvider(name: string, provider: ProviderConfig, nameOrder: NameOrder): readonly ResolvedEndpoint[] {
  const endpoints = provider.endpoints ?? {};
  const written: [string, Written][] = nameOrder(['providers', name, 'endpoints'], Object.keys(endpoints)).flatMap((id) => {
    const endpoint = endpoints[id];
    return endpoint ? [[id, endpoint]] : [];
  });
  if (provider.base_url !== undefined) written.unshift([shorthandEndpoint, { base_url: provider.base_url }]);
  // Equal orders stay equal: such endpoints are peers, among which the strategy of the level chooses.
  const sorted = written.toSorted(([, a], [, b]) => (a.order ?? 0) - (b.order ?? 0));
  return sorted.map(([id, endpoint]) => resolveEndpoint({ name, provider, id, written: endpoint, alone: sorted.length === 1 }));
}

interface Origin {
  readonly name: string;
  readonly provider: ProviderConfig;
  readonly id: string;
  readonly written: Written;
  readonly alone: boolean;
}

function resolveEndpoint({ name, provider, id, written, alone }: Origin): ResolvedEndpoint {
  const key: EndpointKey = `${name}/${id}`;
  const protocol = written.protocol ?? provider.protocol;
  const label = provider.label ?? name;
  const credential = resolveCredential(provider, written);
  const endpoint: Endpoint = {
    key,
    provider: name,
    endpoint: id,
    label: alone ? label : `${label} (${id})`,
    level: provider.level,
    protocol,
    baseUrl: written.base_url.replace(/\/+$/, ''),
    credential: credential.reference,
    auth: written.auth ?? provider.auth ?? defaultAuth(protocol),
    enabled: provider.enabled && (written.enabled ?? true),
    tags: { ...provider.tags, ...written.tags },
    models: written.models ?? provider.models ?? [],
    modelMap: written.model_map ?? provider.model_map ?? {},
    headers: mergeHeaders(provider.headers, written.headers),
    weight: written.weight ?? provider.weight ?? 1,
    maxConcurrent: written.max_concurrent ?? provider.max_concurrent,
    limitGroup: written.limit_group ?? provider.limit_group ?? key,
    continuityDomain: written.continuity_domain ?? provider.continuity_domain ?? key,
    proxy: written.proxy ?? provider.proxy ?? 'environment',
    connectTimeoutMs: seconds(written.connect_timeout_s ?? provider.connect_timeout_s ?? defaultConnectTimeoutS),
    headersTimeoutMs: seconds(written.headers_timeout_s ?? provider.headers_timeout_s ?? defaultHeadersTimeoutS),
    order: written.order ?? 0,
  };
  return { endpoint, inlineKey: credential.inlineKey };
}

interface ResolvedCredential {
  readonly reference: CredentialReference;
  readonly inlineKey: string | undefined;
}

function resolveCredential(provider: ProviderConfig, written: Written): ResolvedCredential {
  const source = credentialKeys.some((key) => written[key] !== undefined) ? written : provider;
  if (source.api_key_env !== undefined) return { reference: { kind: 'env', name: source.api_key_env }, inlineKey: undefined };
  if (source.secret !== undefined) return { reference: { kind: 'secret', name: source.secret }, inlineKey: undefined };
  if (source.api_key !== undefined) return { reference: { kind: 'inline' }, inlineKey: source.api_key };
  return { reference: { kind: provider.pass_client_auth === true ? 'client' : 'none' }, inlineKey: undefined };
}

/** The keys of a provider or endpoint that name a credential; one of them at most may be given. */
export const credentialKeys = ['api_key_env', 'secret', 'api_key'] as const;

function mergeHeaders(
  provider: Readonly<Record<string, string>> | undefined,
  endpoint: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const own = new Set(Object.keys(endpoint ?? {}).map((name) => name.toLowerCase()));
  const inherited = Object.entries(provider ?? {}).filter(([name]) => !own.has(name.toLowerCase()));
  return { ...Object.fromEntries(inherited), ...endpoint };
}

function defaultAuth(protocol: Protocol): Endpoint['auth'] {
  return protocol === 'messages' ? 'x-api-key' : 'bearer';
}

function seconds(value: number): number {
  return Math.round(value * 1000);
}
