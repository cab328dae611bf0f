/** Where a request goes: an origin for the connection pool and a path with its query. */
export interface Target {
  readonly origin: string;
  readonly path: string;
}

/**
 * Joins a base URL (without a trailing slash) and a client path. The client's `/v1` is dropped where the base brings a path of its
 * own, so that `/v1/responses` never becomes `/v1/v1/responses` and reaches `https://host/backend-api/codex/responses`.
 */
export function targetOf(baseUrl: string, pathAndQuery: string): Target {
  const slash = baseUrl.indexOf('/', baseUrl.indexOf('://') + 3);
  if (slash < 0) return { origin: baseUrl, path: pathAndQuery };
  const base = baseUrl.slice(slash);
  const rest = startsWithVersion(pathAndQuery) ? pathAndQuery.slice(3) : pathAndQuery;
  const path = rest.startsWith(base) && rest.charCodeAt(base.length) === SLASH ? rest : base + rest;
  return { origin: baseUrl.slice(0, slash), path };
}

const SLASH = 0x2f;

function startsWithVersion(path: string): boolean {
  return path.startsWith('/v1') && (path.length === 3 || path[3] === '/' || path[3] === '?');
}
