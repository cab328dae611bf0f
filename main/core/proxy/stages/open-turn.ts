import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TurnFacts } from '../../../../shared/domain/routing.js';
import { SwitchyardError } from '../../../../shared/errors/switchyard-error.js';
import { readBodyFacts, readWorkingFolder, type BodyFacts } from '../../protocols/body-facts.js';
import { readSessionKey } from '../../routing/session-key.js';
import type { ProxyDeps } from '../proxy-deps.js';
import type { ModelPath, ReceivedBody, Turn, TurnAbort } from '../turn.js';
import type { Caller } from './authenticate.js';

/** What the earlier stages know. */
export interface OpenTurnInput {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly kind: ModelPath;
  readonly caller: Caller;
  readonly body: ReceivedBody;
  readonly startedAtMs: number;
  readonly startedMonotonicMs: number;
  readonly abort: TurnAbort;
}

/** Reads the facts of a request and gives it an identity. @throws SwitchyardError INGRESS_BAD_JSON */
export function openTurn(deps: ProxyDeps, input: OpenTurnInput): Turn {
  const { request, body } = input;
  const bodyFacts = readBodyFacts(body.bytes);
  if (bodyFacts === undefined) {
    throw new SwitchyardError(
      'INGRESS_BAD_JSON',
      body.bytes.length === 0 ? 'The request has no body.' : 'The request body is not a JSON object.',
    );
  }
  const facts = readFacts(input, bodyFacts);
  return {
    id: deps.random.uuid(),
    startedAtMs: input.startedAtMs,
    startedMonotonicMs: input.startedMonotonicMs,
    snapshot: deps.snapshot(),
    request,
    response: input.response,
    kind: input.kind,
    body,
    bodyFacts,
    facts,
    isCodex: isCodex(facts),
    usedOurKey: input.caller.clientKey !== undefined,
    abort: input.abort,
    attempts: [],
    upstreamMs: 0,
  };
}

function readFacts(input: OpenTurnInput, body: BodyFacts): TurnFacts {
  const { request, kind, caller } = input;
  const headers = request.headers as TurnFacts['headers'];
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return {
    protocol: kind.protocol,
    method: request.method ?? 'POST',
    path: query < 0 ? url : url.slice(0, query),
    model: body.model,
    stream: kind.mayStream && body.stream,
    session: readSessionKey(headers, {
      prompt_cache_key: body.promptCacheKey,
      session_id: body.sessionId,
      conversation_id: body.conversationId,
      metadata_session_id: body.metadataSessionId,
    }),
    project: readWorkingFolder(input.body.bytes),
    clientKey: caller.clientKey,
    headers,
    stateBound: body.stateBound,
  };
}

/** Codex names itself in two headers; other clients of the protocol get plain HTTP errors instead of its retryable event. */
function isCodex(facts: TurnFacts): boolean {
  return facts.headers['originator']?.startsWith('codex') === true || facts.headers['user-agent']?.startsWith('codex') === true;
}
