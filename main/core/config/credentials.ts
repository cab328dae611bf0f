import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CredentialLookup } from '../../../shared/domain/config-snapshot.js';
import type { Credential, Endpoint } from '../../../shared/domain/endpoint.js';
import { assertNever } from '../../../shared/assert.js';
import type { Clock } from '../ports.js';

const authRecheckMs = 250;

/** What {@link createCredentialLookup} reads from. */
export interface CredentialSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly codexHome: string;
  readonly clock: Clock;
  /** The value of a stored secret as last read; undefined when there is none. */
  readonly secret: (name: string) => string | undefined;
  /** The key that the file itself holds for an endpoint. */
  readonly inlineKey: (endpoint: Endpoint) => string | undefined;
}

/** Answers credentials without waiting; an environment variable that is not set is looked for in Codex's auth.json. */
export function createCredentialLookup(sources: CredentialSources): CredentialLookup {
  const fromEnvironment = createNamedKeyLookup(sources);
  return (endpoint) => {
    const reference = endpoint.credential;
    switch (reference.kind) {
      case 'env':
        return fromEnvironment(reference.name);
      case 'secret':
        return present(sources.secret(reference.name), `secret:${reference.name}`);
      case 'inline':
        return present(sources.inlineKey(endpoint), 'inline');
      case 'client':
        return { state: 'client' };
      case 'none':
        return { state: 'none' };
      default:
        return assertNever(reference);
    }
  };
}

/** Looks a key up by the name of its environment variable, then by the same name in Codex's auth.json. */
export function createNamedKeyLookup(
  sources: Pick<CredentialSources, 'env' | 'codexHome' | 'clock'>,
): (name: string) => Extract<Credential, { state: 'value' | 'missing' }> {
  const authKeys = createAuthFileReader(join(sources.codexHome, 'auth.json'), sources.clock);
  return (name) => {
    const fromEnv = present(sources.env[name], `env:${name}`);
    if (fromEnv.state === 'value') return fromEnv;
    const fromCodex = present(authKeys().get(name), `codex-auth:${name}`);
    return fromCodex.state === 'value' ? fromCodex : fromEnv;
  };
}

function present(value: string | undefined, source: string): Extract<Credential, { state: 'value' | 'missing' }> {
  const trimmed = value?.trim() ?? '';
  return trimmed === '' ? { state: 'missing', source } : { state: 'value', value: trimmed, source };
}

/** Top-level string fields of a JSON file, read again when the file changed; looks at the file four times a second at most. */
function createAuthFileReader(file: string, clock: Clock): () => ReadonlyMap<string, string> {
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  let stamp = '';
  let keys: ReadonlyMap<string, string> = new Map();
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - checkedAtMs < authRecheckMs) return keys;
    checkedAtMs = nowMs;
    const current = fileStamp(file);
    if (current === stamp) return keys;
    stamp = current;
    keys = readStringFields(file);
    return keys;
  };
}

function fileStamp(file: string): string {
  const info = statSync(file, { throwIfNoEntry: false });
  return info ? `${String(info.mtimeMs)} ${String(info.size)} ${String(info.ino)}` : '';
}

function readStringFields(file: string): ReadonlyMap<string, string> {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof content !== 'object' || content === null) return new Map();
    return new Map(Object.entries(content).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    // Codex is writing it, or there is none: no keys then. A later look finds the finished file.
    return new Map();
  }
}
