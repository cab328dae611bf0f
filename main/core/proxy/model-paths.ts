import type { ModelPath } from './turn.js';

const responses: ModelPath = { protocol: 'responses', mayStream: true };
const compact: ModelPath = { protocol: 'responses', mayStream: false };
const chat: ModelPath = { protocol: 'chat', mayStream: true };
const messages: ModelPath = { protocol: 'messages', mayStream: true };

/** Paths that are model calls: routed, failed over and recorded. Everything else goes to the active provider as it is. */
export const modelPaths: Readonly<Record<string, ModelPath>> = {
  '/v1/responses': responses,
  '/responses': responses,
  '/v1/responses/compact': compact,
  '/responses/compact': compact,
  '/v1/chat/completions': chat,
  '/chat/completions': chat,
  '/v1/messages': messages,
  '/messages': messages,
};

/** Paths that list models: merged over the usable providers. */
export const modelListPaths = ['/v1/models', '/models'] as const;
