import type { Credential, Endpoint } from '../../../shared/domain/endpoint.js';

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
  'host',
  'expect',
  'content-length',
]);

/** Headers that identify the client's own login; they go upstream only when the endpoint passes the client's login on. */
const clientIdentity = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'chatgpt-account-id',
  'x-openai-fedramp',
  'openai-organization',
  'openai-project',
  'cookie',
]);

/** True for headers by which a client logs in; lower-case name. */
export function isIdentityHeader(name: string): boolean {
  return clientIdentity.has(name);
}

/** What decides the headers of one dispatch. */
export interface RequestHeaderInput {
  /** Name, value, name, value... as the client sent them. */
  readonly raw: readonly string[];
  readonly endpoint: Endpoint;
  readonly credential: Credential;
  /** The client's Authorization is a key of ours and must not leave. */
  readonly clientUsedOurKey: boolean;
  readonly bodyLength: number;
  /** The body was decoded, so its content-encoding no longer holds. */
  readonly decoded: boolean;
  /** Ask for an answer in plain bytes, which can be read on the way. */
  readonly identity: boolean;
}

/** The header list for the upstream: everything of the client's but hop-by-hop, with credentials replaced. */
export function requestHeaders(input: RequestHeaderInput): string[] {
  const { raw, endpoint, credential } = input;
  const passClient = credential.state === 'client' && !input.clientUsedOurKey;
  const dropped = connectionTokens(raw);
  const out: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || dropped?.has(lower)) continue;
    if (!passClient && clientIdentity.has(lower)) continue;
    if (input.decoded && lower === 'content-encoding') continue;
    if (input.identity && lower === 'accept-encoding') continue;
    if (lower.startsWith('x-switchyard-') || overridden(endpoint, lower)) continue;
    out.push(name, raw[index + 1] ?? '');
  }
  for (const name in endpoint.headers) out.push(name, endpoint.headers[name] ?? '');
  if (credential.state === 'value') pushCredential(out, endpoint, credential.value);
  out.push('content-length', String(input.bodyLength));
  return out;
}

function overridden(endpoint: Endpoint, lower: string): boolean {
  for (const name in endpoint.headers) if (name.toLowerCase() === lower) return true;
  return false;
}

/** A header the user wrote for the endpoint stands in place of the usual one. */
function pushCredential(out: string[], endpoint: Endpoint, value: string): void {
  const name = endpoint.auth === 'x-api-key' ? 'x-api-key' : 'authorization';
  if (!overridden(endpoint, name)) out.push(name, endpoint.auth === 'x-api-key' ? value : `Bearer ${value}`);
}

/** Names listed in Connection headers are hop-by-hop too (RFC 9110, 7.6.1). */
function connectionTokens(raw: readonly string[]): Set<string> | undefined {
  let tokens: Set<string> | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (name.length === 10 && name.toLowerCase() === 'connection') tokens = tokensOf(raw[index + 1], tokens);
  }
  return tokens;
}

function tokensOf(connection: string | undefined, known?: Set<string>): Set<string> | undefined {
  const value = connection?.toLowerCase();
  if (value === undefined || value === 'keep-alive' || value === 'close') return known;
  const tokens = known ?? new Set<string>();
  for (const token of value.split(',')) tokens.add(token.trim());
  return tokens;
}

/** Answer headers as undici gives them. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One value of an answer header. */
export function headerOf(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'object' ? value[0] : value;
}

/** What decides the headers of one answer. */
export interface ResponseHeaderInput {
  readonly upstream: AnswerHeaders;
  /** The body was decoded by us. */
  readonly decoded: boolean;
  /** False where events of ours may be added to the body. */
  readonly keepLength: boolean;
  /** Set when the model was mapped: Codex warns of a reroute when this header names another model. */
  readonly clientModel: string | undefined;
  /** Our own headers, name, value, name, value... */
  readonly own: readonly string[];
}

/** The header list for the client: the upstream's but hop-by-hop, plus our own. */
export function responseHeaders(input: ResponseHeaderInput): string[] {
  const out: string[] = [];
  const dropped = tokensOf(headerOf(input.upstream, 'connection'));
  for (const name in input.upstream) {
    const value = input.upstream[name];
    if (value === undefined) continue;
    if (name === 'content-length') {
      if (input.keepLength && !input.decoded && typeof value === 'string') out.push(name, value);
      continue;
    }
    if (hopByHop.has(name) || dropped?.has(name) || (input.decoded && name === 'content-encoding')) continue;
    if (name.startsWith('x-switchyard-')) continue;
    if (name === 'openai-model' && input.clientModel !== undefined) out.push(name, input.clientModel);
    else if (typeof value === 'string') out.push(name, value);
    else for (const item of value) out.push(name, item);
  }
  out.push(...input.own);
  return out;
}
