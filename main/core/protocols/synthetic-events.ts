import { assertNever } from '../../../shared/assert.js';
import type { ErrorCode } from '../../../shared/errors/codes.js';
import type { Protocol } from '../../../shared/domain/protocol.js';

/** An error of ours, to be said in the client's protocol. */
export interface RelayError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly turnId: string;
  readonly nowMs: number;
  /** When trying again makes sense. */
  readonly retryAfterMs?: number;
}

/** The terminal SSE event that tells the client its stream failed and may be sent again. */
export function errorEvent(protocol: Protocol, error: RelayError): string {
  switch (protocol) {
    case 'responses':
      return `event: response.failed\ndata: ${JSON.stringify(failedResponse(error))}\n\n`;
    case 'messages':
      return `event: error\ndata: ${JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: error.message } })}\n\n`;
    case 'chat':
      return `data: ${JSON.stringify({ error: { message: error.message, type: 'server_error', code: error.code } })}\n\ndata: [DONE]\n\n`;
    case 'gemini':
    case 'ollama':
      return `data: ${JSON.stringify(errorBody(protocol, error, 503))}\n\n`;
    default:
      return assertNever(protocol);
  }
}

/** Codex retries rate_limit_exceeded and waits for the time named in the words "try again in Ns". */
function failedResponse(error: RelayError): unknown {
  return {
    type: 'response.failed',
    sequence_number: 1,
    response: {
      id: `resp_switchyard_${error.turnId}`,
      object: 'response',
      created_at: Math.floor(error.nowMs / 1000),
      status: 'failed',
      background: false,
      output: [],
      error: {
        code: error.retryAfterMs === undefined ? 'server_error' : 'rate_limit_exceeded',
        message: withWait(error),
      },
      usage: null,
      user: null,
      metadata: { switchyard_code: error.code, switchyard_turn: error.turnId },
    },
  };
}

/** Codex takes the first wait it finds, and an upstream's own words may name one that is not ours. */
function withWait({ message, retryAfterMs }: RelayError): string {
  if (retryAfterMs === undefined) return message;
  const wait = `Please try again in ${seconds(retryAfterMs)}s.`;
  return /try again in/i.test(message) ? `${wait} ${message}` : `${message} ${wait}`;
}

/** The JSON error body of a protocol. */
export function errorBody(protocol: Protocol, error: RelayError, status: number): unknown {
  const details = { switchyard_turn: error.turnId };
  switch (protocol) {
    case 'messages':
      return { type: 'error', error: { type: anthropicType(status), message: error.message, code: error.code, ...details } };
    case 'gemini':
      return { error: { code: status, message: error.message, status: error.code, details: [details] } };
    case 'ollama':
      return { error: error.message, code: error.code, ...details };
    case 'responses':
    case 'chat':
      return { error: { message: error.message, type: openAiType(status), code: error.code, ...details } };
    default:
      return assertNever(protocol);
  }
}

/** An event that keeps the client's idle timer from running out; Codex counts data events only. */
export function keepaliveEvent(protocol: Protocol): string {
  switch (protocol) {
    case 'responses':
      return 'data: {"type":"keepalive"}\n\n';
    case 'messages':
      return 'event: ping\ndata: {"type":"ping"}\n\n';
    case 'chat':
    case 'gemini':
    case 'ollama':
      return ': keepalive\n\n';
    default:
      return assertNever(protocol);
  }
}

function seconds(waitMs: number): string {
  return String(Math.max(0.2, Math.ceil(waitMs / 100) / 10));
}

function openAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
}

function anthropicType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 404) return 'not_found_error';
  if (status === 413) return 'request_too_large';
  if (status === 429) return 'rate_limit_error';
  if (status < 500) return 'invalid_request_error';
  return status === 503 ? 'overloaded_error' : 'api_error';
}
