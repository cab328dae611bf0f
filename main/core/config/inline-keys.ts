import type { Endpoint } from '../../../shared/domain/endpoint.js';
import type { ResolvedEndpoint } from './resolve-endpoints.js';

/** The keys that the file itself holds, kept away from everything that is shown. */
export interface InlineKeys {
  /** Takes over the keys of a new good reading. */
  readonly remember: (endpoints: readonly ResolvedEndpoint[]) => void;
  /** The key of an endpoint: that of its own snapshot, also when a newer one is in use. */
  readonly find: (endpoint: Endpoint) => string | undefined;
}

/** Makes an empty keeper. */
export function createInlineKeys(): InlineKeys {
  // Weak, so that the keys of a snapshot go when the last turn that runs on it has ended.
  const byEndpoint = new WeakMap<Endpoint, string>();
  let current: ReadonlyMap<string, string> = new Map();
  return {
    remember: (endpoints) => {
      const held = endpoints.flatMap(({ endpoint, inlineKey }) => (inlineKey === undefined ? [] : [{ endpoint, inlineKey }]));
      for (const { endpoint, inlineKey } of held) byEndpoint.set(endpoint, inlineKey);
      current = new Map(held.map(({ endpoint, inlineKey }) => [endpoint.key, inlineKey]));
    },
    find: (endpoint) => byEndpoint.get(endpoint) ?? current.get(endpoint.key),
  };
}
