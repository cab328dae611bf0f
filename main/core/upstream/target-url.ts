/** Where a request goes: an origin for the connection pool and a path with its query. */
export interface Target {
  readonly origin: string;
  readonly path: string;
}

/**
 * Joins a base URL and a client path. The client's `/v1` is dropped where the base brings a path of its own,
 * so that `/v1/responses` never becomes `/v1/v1/responses` and reaches `https://host/backend-api/codex/responses`.
 */
export function targetOf(baseUrl: string, pathAndQuery: string): Target {
  const url = new URL(baseUrl);
  const base = url.pathname.replace(/\/+$/, '');
  if (base === '') return { origin: url.origin, path: pathAndQuery };
  const rest = /^\/v1(?=[/?]|$)/.test(pathAndQuery) ? pathAndQuery.slice(3) : pathAndQuery;
  return { origin: url.origin, path: rest.startsWith(`${base}/`) ? rest : `${base}${rest}` };
}
