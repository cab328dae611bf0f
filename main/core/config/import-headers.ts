import type { ForeignTable } from './foreign-values.js';
import { textTableOf } from './foreign-values.js';

/** Static headers of a foreign provider, with the ones that are credentials taken out. */
export interface SortedHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** A key found in Authorization or x-api-key. */
  readonly credential: { readonly value: string; readonly auth: 'bearer' | 'x-api-key' } | undefined;
  /** Names of headers that look like keys and have no place of their own. */
  readonly leftOut: readonly string[];
}

/** Sorts headers into those that may stand in a file and those that may not. */
export function sortHeaders(written: ForeignTable): SortedHeaders {
  const headers: Record<string, string> = {};
  const leftOut: string[] = [];
  let credential: SortedHeaders['credential'];
  for (const [name, value] of Object.entries(textTableOf(written))) {
    const bearer = name.toLowerCase() === 'authorization' ? /^Bearer\s+(\S+)$/i.exec(value)?.[1] : undefined;
    if (bearer !== undefined) credential = { value: bearer, auth: 'bearer' };
    else if (name.toLowerCase() === 'x-api-key') credential ??= { value, auth: 'x-api-key' };
    else if (/authorization|cookie|secret|token|key/i.test(name)) leftOut.push(name);
    else if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) headers[name] = value;
    else leftOut.push(name);
  }
  return { headers, credential, leftOut };
}
