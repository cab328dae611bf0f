import type { FailureClass } from '../../../shared/config/schema.js';
import type { AttemptFailure } from '../../../shared/domain/routing.js';
import { buildFailure } from './build-failure.js';
import { isRecord, looksLikeHtml, readErrorBody, readErrorValue, type ErrorBody } from './error-body.js';
import {
  concernsOneModel,
  looksLikeRequestFault,
  namesAuthFailure,
  namesCapabilityMismatch,
  namesMissingModel,
  namesOverload,
  namesRateLimit,
  namesRequestFault,
} from './error-phrases.js';
import { headerValue, readRetryAfterMs, type ResponseHeaders } from './retry-after.js';

export { classifyTransport } from './classify-transport.js';

/** An answer's beginning, as far as it was read before anything went to the client. */
export interface ResponseHead {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ResponseHeaders;
  readonly bodyHead: string;
  readonly nowMs: number;
  /** The model the endpoint was asked for, after mapping. */
  readonly requestedModel?: string;
  readonly isStreamExpected: boolean;
}

/** How a 200 can fail to be an answer. */
export type BadAnswerKind = 'empty' | 'html' | 'json-not-sse' | 'not-json';

const CHALLENGE_MARKS = ['__CF$cv$params', '/cdn-cgi/', 'challenge-platform', 'cf-chl-'] as const;

/** By the body's own look first: relays send JSON and event streams as text/html, too. */
function isHtml(head: ResponseHead): boolean {
  if (looksLikeHtml(head.bodyHead)) return true;
  const isTyped = (headerValue(head.headers, 'content-type') ?? '').trim().toLowerCase().startsWith('text/html');
  return isTyped && !/^\s*(?:[[{:]|data:|event:|id:|retry:)/.test(head.bodyHead);
}

function isChallenge(head: ResponseHead): boolean {
  if (headerValue(head.headers, 'cf-mitigated')?.toLowerCase() === 'challenge') return true;
  return isHtml(head) && CHALLENGE_MARKS.some((mark) => head.bodyHead.includes(mark));
}

function isCloudflare(headers: ResponseHeaders): boolean {
  return headers['cf-ray'] !== undefined || (headerValue(headers, 'server') ?? '').toLowerCase().includes('cloudflare');
}

function throttleClass(status: number | undefined, body: ErrorBody): FailureClass | undefined {
  if (namesOverload(body)) return 'overloaded';
  if (status === 429 || namesRateLimit(body)) return 'rate_limited';
  return status === 503 || status === 529 ? 'overloaded' : undefined;
}

const capabilityStatuses: ReadonlySet<number | undefined> = new Set([400, 404, 409, 422, undefined]);

/** What code, type and message alone say, in the order in which they are to be believed; status undefined for in-band errors. */
function classByWords(status: number | undefined, body: ErrorBody): FailureClass | undefined {
  if (status !== 429 && namesRequestFault(body)) return 'client_error';
  if (namesMissingModel(body)) return 'capability_mismatch';
  if (capabilityStatuses.has(status) && namesCapabilityMismatch(body)) return 'capability_mismatch';
  const throttle = throttleClass(status, body);
  if (throttle !== undefined) return throttle;
  return namesAuthFailure(body) ? 'auth' : undefined;
}

/** What is left when the words of a refusal say nothing we know. */
function classByStatus(status: number, body: ErrorBody): FailureClass {
  if (status >= 500) return 'server_error';
  if (status === 401 || status === 402 || status === 403) return 'auth';
  if (status === 408) return 'timeout';
  // No API answers these with a page, and a path that is not there is a wrong base_url, not a wrong request.
  if (status === 404 || status === 405 || (status === 400 && body.format === 'html')) return 'bad_answer';
  return status >= 400 ? 'client_error' : 'bad_answer';
}

function scopedModel(failureClass: FailureClass, body: ErrorBody, model: string | undefined): string | undefined {
  if (model === undefined) return undefined;
  if (failureClass === 'capability_mismatch') return model;
  const throttled = failureClass === 'rate_limited' || failureClass === 'overloaded';
  return throttled && concernsOneModel(body, model) ? model : undefined;
}

function describeStatus(status: number, body: ErrorBody): string {
  if (status >= 300 && status < 400) return `HTTP ${status}, a redirect instead of an answer`;
  return body.message === '' ? `HTTP ${status} from the upstream` : `HTTP ${status}: ${body.message}`;
}

function classifyRefusal(head: ResponseHead, body: ErrorBody): AttemptFailure {
  const { status, headers, bodyHead, nowMs } = head;
  const failureClass = classByWords(status, body) ?? classByStatus(status, body);
  return buildFailure({
    class: failureClass,
    status,
    message: describeStatus(status, body),
    code: body.code ?? body.type,
    retryAfterMs: readRetryAfterMs(headers, bodyHead, nowMs),
    model: scopedModel(failureClass, body, head.requestedModel),
    bodyHead,
    cfRay: headerValue(headers, 'cf-ray'),
  });
}

/** What a JSON text must hold to be worth parsing for an error; good answers carry `"error": null`. */
const MAYBE_ERROR =
  /"error"\s*:\s*["{]|"status"\s*:\s*"failed"|"success"\s*:\s*false|"type"\s*:\s*"(?:response\.)?(?:error|failed)"/;

function classifySuccess(head: ResponseHead): AttemptFailure | undefined {
  const { status, bodyHead, nowMs, requestedModel } = head;
  if (isHtml(head)) return classifyBadAnswer('html', status, bodyHead);
  if (!/^\uFEFF?\s*[[{]/.test(bodyHead)) return undefined;
  const inBand = MAYBE_ERROR.test(bodyHead) ? classifyStreamEvent(parseJson(bodyHead), nowMs, requestedModel) : undefined;
  return inBand ?? (head.isStreamExpected ? classifyBadAnswer('json-not-sse', status, bodyHead) : undefined);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/**
 * Judges an answer by status, headers and the beginning of its body. Undefined when nothing speaks against it: any 2xx
 * whose body so far is not a web page, an error document or JSON where a stream was asked for; and 304.
 */
export function classifyResponse(head: ResponseHead): AttemptFailure | undefined {
  const { status, headers, bodyHead } = head;
  if (status === 304 || status < 200) return undefined;
  const cfRay = headerValue(headers, 'cf-ray');
  const retryAfterMs = status < 300 ? undefined : readRetryAfterMs(headers, '', head.nowMs);
  if (status === 524 && isCloudflare(headers)) {
    const message = 'Cloudflare gave up waiting for the upstream (HTTP 524)';
    return buildFailure({ class: 'cloudflare_timeout', status, message, retryAfterMs, bodyHead, cfRay });
  }
  if (isChallenge(head)) {
    const message = `Cloudflare asks for a browser check (HTTP ${status})`;
    return buildFailure({ class: 'cloudflare_challenge', status, message, retryAfterMs, bodyHead, cfRay });
  }
  return status < 300 ? classifySuccess(head) : classifyRefusal(head, readErrorBody(bodyHead));
}

const badAnswers: Readonly<Record<BadAnswerKind, string>> = {
  empty: 'an empty body',
  html: 'a web page instead of an answer',
  'json-not-sse': 'plain JSON instead of an event stream',
  'not-json': 'something that is not JSON',
};

/** The failure of an answer whose status was good and whose body is none of the protocol. */
export function classifyBadAnswer(kind: BadAnswerKind, status: number, bodyHead: string): AttemptFailure {
  const said = kind === 'empty' ? '' : readErrorBody(bodyHead).message;
  const challenge = kind === 'html' && CHALLENGE_MARKS.some((mark) => bodyHead.includes(mark));
  const suffix = kind === 'html' && said !== '' ? ` (${said})` : '';
  return buildFailure({
    class: challenge ? 'cloudflare_challenge' : 'bad_answer',
    status,
    message: `HTTP ${status} with ${badAnswers[kind]}${suffix}`,
    bodyHead,
  });
}

/** A failed response object without the instructions, tools and input it repeats. */
function failedResponse(response: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { error: response['error'], metadata: response['metadata'] };
}

/** The part of a parsed event or answer that holds its error; undefined when it reports none. */
function errorPart(event: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!isRecord(event)) return undefined;
  const type = typeof event['type'] === 'string' ? event['type'] : '';
  if (type === 'response.failed') return isRecord(event['response']) ? failedResponse(event['response']) : event;
  if (type === 'error' || type === 'response.error') return event;
  if (event['object'] === 'response' && event['status'] === 'failed') return failedResponse(event);
  const error = event['error'];
  if (isRecord(error) ? Object.keys(error).length > 0 : typeof error === 'string' && error !== '') return event;
  return event['success'] === false && event['message'] !== undefined ? event : undefined;
}

function classInBand(body: ErrorBody): FailureClass {
  const byWords = classByWords(undefined, body);
  if (byWords !== undefined) return byWords;
  if (body.status === 429) return 'rate_limited';
  if (body.status === 503 || body.status === 529) return 'overloaded';
  if (body.status !== undefined && [401, 402, 403].includes(body.status)) return 'auth';
  if (looksLikeRequestFault(body) || (body.status !== undefined && body.status < 500)) return 'client_error';
  return 'stream_failed';
}

/** Headers that a WebSocket error frame carries along. */
function quotedHeaders(part: Readonly<Record<string, unknown>>): ResponseHeaders {
  const headers = isRecord(part['headers']) ? Object.entries(part['headers']) : [];
  return Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/**
 * The failure that a parsed SSE event, WebSocket frame or JSON answer reports inside a 200; undefined when it reports none.
 * Its status is the one the event names, else 200.
 */
export function classifyStreamEvent(event: unknown, nowMs: number, requestedModel?: string): AttemptFailure | undefined {
  const part = errorPart(event);
  if (part === undefined) return undefined;
  const body = readErrorValue(part);
  const text = JSON.stringify(part);
  const failureClass = classInBand(body);
  const what = body.code ?? body.type ?? 'no reason given';
  return buildFailure({
    class: failureClass,
    status: body.status ?? 200,
    message: body.message === '' ? `the upstream reported a failure inside its answer (${what})` : body.message,
    code: body.code ?? body.type,
    retryAfterMs: readRetryAfterMs(quotedHeaders(part), text, nowMs),
    model: scopedModel(failureClass, body, requestedModel),
    bodyHead: text,
  });
}
