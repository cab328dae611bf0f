import type { TurnRecord } from '../../../shared/domain/turn-record.js';

/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

/** Headers as Node gives them, as undici takes them (name, value, name, value...), or as pairs. */
export type HeadersLike =
  Readonly<Record<string, string | readonly string[] | undefined>> | readonly string[] | readonly (readonly [string, string])[];

/** One header as logged. */
export interface LoggedHeader {
  readonly name: string;
  readonly value: string;
}

const secretHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-goog-api-key',
  'x-forwarded-api-key',
  'chatgpt-account-id',
]);
const secretHeaderEnding = /(?:api[-_]?key|[-_]key|token|secret|password|authorization|cookie)$/i;

const headerLine =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-goog-api-key|x-forwarded-api-key|chatgpt-account-id)(["']?\s*[:=]\s*["']?)(?!\s)[^\r\n"'}]+/gi;
const jsonField =
  /("(?:api[-_]?key|x-api-key|access_token|refresh_token|id_token|auth_token|client_secret|password|secret|token|authorization|cookie|account_id|chatgpt-account-id)"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)/gi;
const queryField = /([?&](?:key|api[-_]?key|access_token|refresh_token|id_token|token|code)=)[^&\s"'#]+/gi;
const scheme = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi;
const knownShapes =
  /\b(?:sk-[A-Za-z0-9_*-]{6,}|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?|AIza[A-Za-z0-9_-]{20,}|gh[opsu]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|xox[abprs]-[A-Za-z0-9-]{8,}|AKIA[A-Z0-9]{12,})/g;
const urlUserInfo = /(\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"']{1,256}@/gi;

/** True for header names whose value is a credential or identifies an account. */
export function isSecretHeader(name: string): boolean {
  return secretHeaders.has(name.toLowerCase()) || secretHeaderEnding.test(name);
}

/** Takes credentials out of free text: key shapes, JWTs, Bearer values, secret JSON fields and query values, and the given literal secrets. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let result = text;
  for (const secret of secrets) {
    if (secret.length >= 4) result = result.replaceAll(secret, REDACTED);
  }
  return result
    .replace(headerLine, (_match, name: string, separator: string) => `${name}${separator}${REDACTED}`)
    .replace(jsonField, (_match, field: string) => `${field}"${REDACTED}"`)
    .replace(queryField, (_match, field: string) => `${field}${REDACTED}`)
    .replace(scheme, (_match, name: string) => `${name} ${REDACTED}`)
    .replace(knownShapes, REDACTED)
    .replace(urlUserInfo, (_match, prefix: string) => `${prefix}${REDACTED}@`);
}

/** Headers for the log, in their order, with the value of every secret one replaced. */
export function redactHeaders(headers: HeadersLike, secrets: readonly string[] = []): readonly LoggedHeader[] {
  return headerPairs(headers).map(([name, value]) => ({
    name,
    value: isSecretHeader(name) ? REDACTED : redactText(value, secrets),
  }));
}

/** The record with credentials taken out of its messages and URLs; the same object when there is nothing to look at. */
export function redactTurn(turn: TurnRecord): TurnRecord {
  const suspicious =
    turn.error !== undefined ||
    turn.upstream_base_url.includes('@') ||
    turn.attempts.some((attempt) => attempt.message !== undefined || attempt.url.includes('@'));
  if (!suspicious) return turn;
  return {
    ...turn,
    upstream_base_url: redactText(turn.upstream_base_url),
    ...(turn.error && { error: { ...turn.error, message: redactText(turn.error.message) } }),
    attempts: turn.attempts.map((attempt) => ({
      ...attempt,
      url: redactText(attempt.url),
      ...(attempt.message !== undefined && { message: redactText(attempt.message) }),
    })),
  };
}

function headerPairs(headers: HeadersLike): readonly (readonly [string, string])[] {
  if (!Array.isArray(headers)) {
    return Object.entries(headers as Readonly<Record<string, string | readonly string[] | undefined>>).flatMap(([name, value]) =>
      value === undefined ? [] : typeof value === 'string' ? [[name, value] as const] : value.map((one) => [name, one] as const),
    );
  }
  const list: readonly (string | readonly [string, string])[] = headers;
  const pairs: (readonly [string, string])[] = [];
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    if (typeof item !== 'string') {
      if (item) pairs.push(item);
      continue;
    }
    const value = list[index + 1];
    pairs.push([item, typeof value === 'string' ? value : '']);
    index += 1;
  }
  return pairs;
}
