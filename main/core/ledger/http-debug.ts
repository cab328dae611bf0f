import { isUtf8 } from 'node:buffer';
import { redactHeaders, redactText, type HeadersLike, type LoggedHeader } from './redact.js';

/** Bytes kept of a body, and how many there were in all. */
export interface CapturedBody {
  /** The beginning of the body; may be longer than what will be logged. */
  readonly head: Uint8Array;
  readonly totalBytes: number;
  readonly contentType?: string;
  /** Set when the bytes are still compressed; such a body is never logged, since its secrets cannot be found. */
  readonly contentEncoding?: string;
}

/** The beginning of a body as logged. */
export interface BodyPreview {
  readonly content_type?: string;
  readonly encoding: 'utf8' | 'base64';
  readonly data: string;
  readonly truncated: boolean;
  readonly original_len: number;
}

/** What the proxy knows of one exchange when it ends. */
export interface HttpDebugInput {
  readonly bodyLimitBytes: number;
  /** Credentials that were used; taken out wherever they appear literally. */
  readonly secrets: readonly string[];
  readonly clientUri: string;
  readonly clientHeaders: HeadersLike;
  readonly clientBody?: CapturedBody;
  readonly targetUrl?: string;
  readonly upstreamRequestHeaders?: HeadersLike;
  readonly upstreamRequestBody?: CapturedBody;
  readonly upstreamStatus?: number;
  readonly upstreamResponseHeaders?: HeadersLike;
  readonly upstreamResponseBody?: CapturedBody;
  readonly upstreamHeadersMs?: number;
  readonly upstreamFirstChunkMs?: number;
  readonly upstreamBodyReadMs?: number;
  readonly upstreamError?: string;
  readonly upstreamErrorClass?: string;
  readonly upstreamCfRay?: string;
}

/** `http_debug` of a line of requests.jsonl. Field names are a contract: only ever added to. */
export interface HttpDebug {
  readonly request_body_len?: number;
  readonly upstream_request_body_len?: number;
  readonly upstream_headers_ms?: number;
  readonly upstream_first_chunk_ms?: number;
  readonly upstream_body_read_ms?: number;
  readonly upstream_status?: number;
  readonly upstream_error?: string;
  readonly upstream_error_class?: string;
  readonly upstream_cf_ray?: string;
  readonly client_uri: string;
  readonly target_url?: string;
  readonly client_headers: readonly LoggedHeader[];
  readonly upstream_request_headers?: readonly LoggedHeader[];
  readonly upstream_response_headers?: readonly LoggedHeader[];
  readonly client_body?: BodyPreview;
  readonly upstream_request_body?: BodyPreview;
  readonly upstream_response_body?: BodyPreview;
}

/** How far past the limit a body is searched, so that a secret cut by the limit is still recognised. */
const LOOKAHEAD_BYTES = 4096;

/** Builds the debug capture of one exchange: headers redacted, bodies redacted and cut to the limit, absent parts left out. */
export function buildHttpDebug(input: HttpDebugInput): HttpDebug {
  const { secrets } = input;
  const headers = (list: HeadersLike | undefined) => (list === undefined ? undefined : redactHeaders(list, secrets));
  const body = (captured: CapturedBody | undefined) =>
    captured === undefined ? undefined : previewBody(captured, input.bodyLimitBytes, secrets);
  const text = (value: string | undefined) => (value === undefined ? undefined : redactText(value, secrets));
  return {
    request_body_len: input.clientBody?.totalBytes,
    upstream_request_body_len: input.upstreamRequestBody?.totalBytes,
    upstream_headers_ms: input.upstreamHeadersMs,
    upstream_first_chunk_ms: input.upstreamFirstChunkMs,
    upstream_body_read_ms: input.upstreamBodyReadMs,
    upstream_status: input.upstreamStatus,
    upstream_error: text(input.upstreamError),
    upstream_error_class: input.upstreamErrorClass,
    upstream_cf_ray: input.upstreamCfRay,
    client_uri: redactText(input.clientUri, secrets),
    target_url: text(input.targetUrl),
    client_headers: redactHeaders(input.clientHeaders, secrets),
    upstream_request_headers: headers(input.upstreamRequestHeaders),
    upstream_response_headers: headers(input.upstreamResponseHeaders),
    client_body: body(input.clientBody),
    upstream_request_body: body(input.upstreamRequestBody),
    upstream_response_body: body(input.upstreamResponseBody),
  };
}

/** The first `limitBytes` of a body as text where it is UTF-8, else as base64, with credentials taken out before the cut. */
export function previewBody(body: CapturedBody, limitBytes: number, secrets: readonly string[] = []): BodyPreview {
  const base = {
    ...(body.contentType !== undefined && { content_type: body.contentType }),
    original_len: body.totalBytes,
  };
  const compressed = body.contentEncoding !== undefined && !/^(identity)?$/i.test(body.contentEncoding.trim());
  if (compressed || limitBytes <= 0) return { ...base, encoding: 'utf8', data: '', truncated: body.totalBytes > 0 };
  const seen = Buffer.from(body.head.buffer, body.head.byteOffset, Math.min(body.head.byteLength, limitBytes + LOOKAHEAD_BYTES));
  const complete = wholeCharacters(seen);
  const asText = isUtf8(complete);
  // latin1 maps bytes to characters one to one, so plain-text secrets inside binary bodies are found too.
  const redacted = redactText(asText ? complete.toString('utf8') : seen.toString('latin1'), secrets);
  const bytes = Buffer.from(redacted, asText ? 'utf8' : 'latin1');
  const cut = bytes.length > limitBytes;
  const kept = cut ? bytes.subarray(0, limitBytes) : bytes;
  return {
    ...base,
    encoding: asText ? 'utf8' : 'base64',
    data: asText ? wholeCharacters(kept).toString('utf8') : kept.toString('base64'),
    truncated: cut || body.totalBytes > seen.byteLength,
  };
}

/** Drops a UTF-8 character that was cut at the end. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}
