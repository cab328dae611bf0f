import type { SessionKey } from '../../../shared/domain/routing.js';

/** The places in a request body that may name the session. */
export interface SessionBody {
  readonly prompt_cache_key?: string;
  readonly session_id?: string;
  readonly metadata_session_id?: string;
  readonly conversation_id?: string;
}

/** Lower-case, most trusted first: old Codex, current Codex, other clients. */
const sessionHeaders = ['session_id', 'session-id', 'x-session-id', 'conversation_id', 'thread-id'] as const;

const SANE_ID = /^[\x21-\x7e]{1,256}$/;

function sane(value: string | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed !== undefined && SANE_ID.test(trimmed) ? trimmed : undefined;
}

/** Whose turn this is: headers first, then the body; values that are empty, too long or hold odd characters do not count. */
export function readSessionKey(headers: Readonly<Record<string, string | undefined>>, body: SessionBody): SessionKey | undefined {
  for (const name of sessionHeaders) {
    const id = sane(headers[name]);
    if (id !== undefined) return { id, source: 'header' };
  }
  const inBody = sane(body.session_id) ?? sane(body.conversation_id);
  if (inBody !== undefined) return { id: inBody, source: 'body' };
  const cacheKey = sane(body.prompt_cache_key);
  if (cacheKey !== undefined) return { id: cacheKey, source: 'prompt_cache_key' };
  const inMetadata = sane(body.metadata_session_id);
  return inMetadata === undefined ? undefined : { id: inMetadata, source: 'metadata' };
}
