import { assertNever } from '../../../shared/assert.js';
import type { Protocol } from '../../../shared/domain/protocol.js';

/** What one SSE payload means for the life of a stream. */
export type EventMeaning =
  /** Says only that the stream has begun; can be held back. */
  | 'handshake'
  /** Part of the answer. */
  | 'content'
  /** The upstream says the turn failed. */
  | 'failure'
  /** The answer is complete. */
  | 'completed'
  /** The answer ended early but regularly, for example at the token limit. */
  | 'incomplete';

type Fields = Readonly<Record<string, unknown>>;

const responsesMeaning: Readonly<Record<string, EventMeaning>> = {
  'response.created': 'handshake',
  'response.in_progress': 'handshake',
  'response.queued': 'handshake',
  'response.metadata': 'handshake',
  'codex.rate_limits': 'handshake',
  keepalive: 'handshake',
  'response.failed': 'failure',
  error: 'failure',
  'response.completed': 'completed',
  'response.done': 'completed',
  'response.incomplete': 'incomplete',
};

const messagesMeaning: Readonly<Record<string, EventMeaning>> = {
  message_start: 'handshake',
  ping: 'handshake',
  error: 'failure',
  message_stop: 'completed',
};

/** Judges one parsed SSE payload. */
export function meaningOf(protocol: Protocol, event: unknown): EventMeaning {
  const fields = typeof event === 'object' && event !== null ? (event as Fields) : {};
  const type = typeof fields['type'] === 'string' ? fields['type'] : '';
  switch (protocol) {
    case 'responses':
      if (type === '' && isError(fields['error'])) return 'failure';
      return responsesMeaning[type] ?? 'content';
    case 'messages':
      return messagesMeaning[type] ?? 'content';
    case 'chat':
    case 'gemini':
    case 'ollama':
      return isError(fields['error']) ? 'failure' : 'content';
    default:
      return assertNever(protocol);
  }
}

function isError(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || (typeof value === 'string' && value !== '');
}
