import type { Protocol } from './protocol.js';

/** `<provider>/<endpoint>`: the identity of an endpoint in states, logs and affinity. */
export type EndpointKey = `${string}/${string}`;

/** One target with everything inherited from its provider filled in. Holds no secret. */
export interface Endpoint {
  readonly key: EndpointKey;
  readonly provider: string;
  readonly endpoint: string;
  readonly label: string;
  readonly level: number;
  readonly protocol: Protocol;
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** Where the credential comes from; the value is asked for at dispatch. */
  readonly credential: CredentialReference;
  readonly auth: 'bearer' | 'x-api-key';
  readonly enabled: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** Patterns with one `*` at most; empty means every model. */
  readonly models: readonly string[];
  readonly modelMap: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly weight: number;
  readonly maxConcurrent: number | undefined;
  /** Endpoints with the same group share one concurrency limit; defaults to the endpoint key. */
  readonly limitGroup: string;
  readonly continuityDomain: string;
  /** `environment`, `direct` or a proxy URL. */
  readonly proxy: string;
  readonly connectTimeoutMs: number;
  /** 0 = none. */
  readonly headersTimeoutMs: number;
  /** Position inside the provider, lower first; providers keep the order of the file. */
  readonly order: number;
}

/** Where an endpoint's credential comes from. `client` forwards what the client sent; `none` sends nothing. */
export type CredentialReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'secret'; readonly name: string }
  | { readonly kind: 'inline' }
  | { readonly kind: 'client' }
  | { readonly kind: 'none' };

/** A credential at the moment of dispatch. The value never leaves the proxy. */
export type Credential =
  | { readonly state: 'value'; readonly value: string; readonly source: string }
  | { readonly state: 'client' }
  | { readonly state: 'none' }
  | { readonly state: 'missing'; readonly source: string };
