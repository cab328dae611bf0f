import type { IncomingHttpHeaders } from 'node:http';
import type { Credential, Endpoint } from '../../../../shared/domain/endpoint.js';
import type { AttemptFailure } from '../../../../shared/domain/routing.js';
import { isIdentityHeader } from '../../upstream/headers.js';

/** What one attempt was sent with. */
export interface SentSecrets {
  readonly endpoint: Endpoint;
  readonly credential: Credential;
  readonly clientHeaders: IncomingHttpHeaders;
}

/** Shorter values would take ordinary words out of a text. */
const SHORTEST_SECRET = 6;

/**
 * The failure without the credentials and own headers the request was sent with: upstreams quote them, in shapes no pattern
 * knows, and a failure's words go to logs, events and faces.
 */
export function hideSecrets(failure: AttemptFailure, sent: SentSecrets): AttemptFailure {
  const found = secretsOf(sent).filter((secret) => failure.message.includes(secret) || failure.bodyHead.includes(secret));
  if (found.length === 0) return failure;
  const hide = (text: string): string => found.reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text);
  return { ...failure, message: hide(failure.message), bodyHead: hide(failure.bodyHead) };
}

function secretsOf({ endpoint, credential, clientHeaders }: SentSecrets): readonly string[] {
  const values = Object.values(endpoint.headers);
  if (credential.state === 'value') values.push(credential.value);
  if (credential.state === 'client') {
    for (const [name, value] of Object.entries(clientHeaders))
      if (typeof value === 'string' && isIdentityHeader(name)) values.push(value);
  }
  return values.map((value) => value.replace(/^(?:Bearer|Basic)\s+/i, '')).filter((value) => value.length >= SHORTEST_SECRET);
}
