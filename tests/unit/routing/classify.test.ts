import { describe, expect, it } from 'vitest';
import {
  classifyBadAnswer,
  classifyResponse,
  classifyTransport,
  type ResponseHead,
} from '../../../main/core/routing/classify.js';
import { isQuotaFailure } from '../../../main/core/routing/error-phrases.js';
import { NOW } from './fixtures.js';

const json = { 'content-type': 'application/json' };
const error = (fields: Record<string, unknown>): string => JSON.stringify({ error: fields });

function classify(status: number, bodyHead = '', fields: Partial<ResponseHead> = {}) {
  return classifyResponse({ status, headers: json, bodyHead, nowMs: NOW, isStreamExpected: true, ...fields });
}

describe('Cloudflare', () => {
  it.each([
    ['server names it', { server: 'Cloudflare' }],
    ['cf-ray is there', { 'cf-ray': '8f-FRA' }],
  ])('524 is its timeout when %s', (_, headers) => {
    expect(classify(524, '', { headers })).toMatchObject({ class: 'cloudflare_timeout', status: 524, reached: true });
  });

  it('524 from another server is a server error', () => {
    expect(classify(524, '', { headers: { server: 'nginx' } })?.class).toBe('server_error');
  });

  it.each(['__CF$cv$params', '/cdn-cgi/', 'challenge-platform', 'cf-chl-'])(
    'a page with %s is a challenge at any status',
    (mark) => {
      const page = `<!DOCTYPE html><title>Just a moment...</title><script>${mark}</script>`;
      const headers = { 'content-type': 'text/html; charset=UTF-8', 'cf-ray': '8f-FRA' };
      for (const status of [200, 403, 429, 503]) {
        expect(classify(status, page, { headers })).toMatchObject({ class: 'cloudflare_challenge', status, cfRay: '8f-FRA' });
      }
    },
  );

  it('the same words in JSON are no challenge', () => {
    expect(classify(403, error({ message: 'see /cdn-cgi/ page' }))?.class).toBe('auth');
  });

  it('cf-mitigated says so on its own', () => {
    expect(classify(403, '', { headers: { 'cf-mitigated': 'challenge' } })?.class).toBe('cloudflare_challenge');
  });

  it('a page without the marks at 403 is a refused credential', () => {
    expect(classify(403, '<html><title>403 Forbidden</title>', { headers: { 'content-type': 'text/html' } })?.class).toBe('auth');
  });
});

describe('capability mismatch', () => {
  const messages = [
    'The model `gpt-9` is not supported',
    'unsupported model: gpt-9',
    'This relay does not support the model',
    'model gpt-9 is not available for your plan',
    'Model temporarily unavailable',
    'The model `gpt-9` does not exist or you do not have access to it.',
    'service_tier priority is not supported',
    'Unsupported value: reasoning effort',
    '模型不存在',
  ];
  it.each(messages)('%s', (message) => {
    for (const status of [400, 404, 409, 422]) {
      const failure = classify(status, error({ message }), { requestedModel: 'gpt-9' });
      expect(failure).toMatchObject({ class: 'capability_mismatch', status, model: 'gpt-9' });
    }
  });

  it('reads plain text, too', () => {
    expect(classify(400, 'model not supported', { headers: {} })?.class).toBe('capability_mismatch');
  });

  it('believes the code model_not_found at any status', () => {
    expect(classify(403, error({ code: 'model_not_found', message: 'no' }), { requestedModel: 'm' })).toMatchObject({
      class: 'capability_mismatch',
      code: 'model_not_found',
      model: 'm',
    });
  });

  it('does not read a server error that mentions a model as one', () => {
    expect(classify(500, error({ message: 'model backend not available' }))?.class).toBe('server_error');
  });
});

describe('rate limits', () => {
  const phrases = [
    'rate_limit_error',
    'rate_limit_exceeded',
    'rate_limit_reached',
    'rate_limit_total_reached',
    'Rate limit',
    'you are rate limited',
    'Too Many Requests',
    'usage_limit',
    'usage_limit_reached',
    'usage limit',
    'insufficient_quota',
    'insufficient_user_quota',
    'pre_consume_token_quota_failed',
    'quota exceeded',
    'quota exhausted',
    'Resource exhausted',
    'billing_error',
    'billing issue',
    'Insufficient balance',
    'model_cooldown',
    '请求数限制',
    '额度不足',
    '余额不足',
    '预扣费额度失败',
  ];
  it.each(phrases)('"%s" on any refusal, as message, flat error, type or code', (phrase) => {
    expect(classify(400, error({ message: `x ${phrase} y` }))?.class).toBe('rate_limited');
    expect(classify(403, JSON.stringify({ error: phrase }))?.class).toBe('rate_limited');
    expect(classify(500, error({ type: phrase, message: 'no' }))?.class).toBe('rate_limited');
    expect(classify(503, error({ code: phrase, message: 'no' }))?.class).toBe('rate_limited');
  });

  it('429 is one without any words', () => {
    expect(classify(429)).toMatchObject({ class: 'rate_limited', status: 429, retryAfterMs: undefined });
  });

  it('takes the wait the upstream names', () => {
    expect(classify(429, '', { headers: { 'retry-after': '7' } })?.retryAfterMs).toBe(7000);
    expect(classify(429, error({ type: 'usage_limit_reached', resets_in_seconds: 60 }))).toMatchObject({
      class: 'rate_limited',
      code: 'usage_limit_reached',
      retryAfterMs: 60_000,
    });
  });

  it('tells used-up allowance from pace', () => {
    const quota = [
      error({ code: 'insufficient_quota' }),
      error({ type: 'usage_limit_reached' }),
      error({ message: '账户余额不足' }),
    ];
    for (const body of quota) {
      const failure = classify(429, body);
      expect(failure !== undefined && isQuotaFailure(failure)).toBe(true);
    }
    const pace = classify(429, error({ code: 'rate_limit_exceeded', message: 'Quota exceeded: requests per minute' }));
    expect(pace !== undefined && isQuotaFailure(pace)).toBe(false);
  });

  it('concerns one model only when the words do', () => {
    const requestedModel = 'gpt-5.5';
    const words = 'Rate limit reached for gpt-5.5 in organization org-x on tokens per min';
    expect(classify(429, error({ message: words }), { requestedModel })?.model).toBe('gpt-5.5');
    expect(classify(429, error({ message: 'Rate limit reached' }), { requestedModel })?.model).toBeUndefined();
    expect(classify(429, error({ code: 'model_cooldown' }), { requestedModel })?.model).toBe('gpt-5.5');
  });
});

describe('overload', () => {
  const phrases = [
    'Overloaded',
    'overloaded_error',
    'server_is_overloaded',
    'slow_down',
    'no capacity',
    'no capacity available',
    'No available channel for model',
    'no channel available',
    'get channel failed',
    'Selected model is at capacity',
    'capacity exhausted',
    'Concurrency limit exceeded',
    'too many pending requests',
    'connection limit',
    'conn_queue_full',
    'queue full',
    'max concurrent requests',
    'maximum concurrent',
    'too many concurrent requests',
    '超过并发上限',
    '正在排队',
    '当前分组 default 下对于模型 gpt-5 无可用渠道',
  ];
  it.each(phrases)('"%s", also on 400 and 429', (phrase) => {
    for (const status of [400, 429, 500, 503]) expect(classify(status, error({ message: phrase }))?.class).toBe('overloaded');
  });

  it.each([503, 529])('%i is one without words', (status) => {
    expect(classify(status)?.class).toBe('overloaded');
  });

  it('is believed before rate limit words, and rate limit words before a bare 503', () => {
    expect(classify(429, error({ message: 'rate limit: too many concurrent requests' }))?.class).toBe('overloaded');
    expect(classify(503, error({ code: 'insufficient_quota' }))?.class).toBe('rate_limited');
  });

  it('of one model is marked as such', () => {
    expect(classify(503, error({ message: 'The model is overloaded' }), { requestedModel: 'gpt-5.5' })?.model).toBe('gpt-5.5');
    expect(classify(503, error({ message: 'Overloaded' }), { requestedModel: 'gpt-5.5' })?.model).toBeUndefined();
  });
});

describe('errors of the client', () => {
  it.each(['invalid_request_error', 'validation_error', 'bad_request', 'context_limit', 'token_limit', 'content_filter'])(
    'the type %s',
    (type) => {
      for (const status of [400, 409, 413, 415, 422])
        expect(classify(status, error({ type, message: 'no' }))?.class).toBe('client_error');
    },
  );

  it.each([
    'tool_use ids must be unique',
    'all messages must have non-empty content',
    'string should match pattern ^srvtoolu_',
    'unexpected tool_use_id found',
    'could not parse JSON body',
    'schema validation failed',
  ])('the message "%s"', (message) => {
    expect(classify(400, error({ message }))?.class).toBe('client_error');
  });

  it.each([
    'context_length_exceeded',
    'invalid_prompt',
    'cyber_policy',
    'bio_policy',
    'content_filter',
    'invalid_encrypted_content',
  ])('the code %s, whatever the status and the message', (code) => {
    const message = 'This model is not available, rate limit';
    for (const status of [400, 403, 500])
      expect(classify(status, error({ code, message }))).toMatchObject({ class: 'client_error', code });
  });

  it('a previous response that is not there', () => {
    expect(classify(404, error({ message: "Previous response with id 'resp_1' not found." }))?.class).toBe('client_error');
    expect(classify(400, error({ code: 'previous_response_not_found' }))?.class).toBe('client_error');
  });

  it.each([400, 406, 409, 410, 411, 413, 415, 422, 426, 431])('%i without words', (status) => {
    expect(classify(status)?.class).toBe('client_error');
  });
});

describe('the rest', () => {
  it.each([
    [401, 'auth'],
    [402, 'auth'],
    [403, 'auth'],
    [404, 'bad_answer'],
    [405, 'bad_answer'],
    [408, 'timeout'],
    [302, 'bad_answer'],
    [500, 'server_error'],
    [501, 'server_error'],
    [502, 'server_error'],
    [504, 'server_error'],
    [520, 'server_error'],
    [599, 'server_error'],
  ])('%i is %s', (status, expected) => {
    expect(classify(status)).toMatchObject({ kind: 'failure', class: expected, status, reached: true });
  });

  it('a bad key that comes as 400 is auth', () => {
    expect(classify(400, error({ code: 400, status: 'INVALID_ARGUMENT', message: 'API key not valid' }))?.class).toBe(
      'client_error',
    );
    expect(classify(400, error({ code: 'invalid_api_key', message: 'no' }))?.class).toBe('auth');
  });

  it('a web page at 400 is no answer of an API', () => {
    expect(classify(400, '<html><title>400 The plain HTTP request was sent to HTTPS port</title>', { headers: {} })?.class).toBe(
      'bad_answer',
    );
  });

  it('names status and reason in the message, and keeps secrets out of message and body head', () => {
    const failure = classify(500, error({ message: 'broke with Bearer abcdefghijkl' }));
    expect(failure?.message).toBe('HTTP 500: broke with Bearer ***');
    expect(failure?.bodyHead).not.toContain('abcdefghijkl');
    expect(classify(503)?.message).toBe('HTTP 503 from the upstream');
  });
});

describe('a 2xx', () => {
  const events = { 'content-type': 'text/event-stream' };

  it.each([
    ['an event stream', events, 'event: response.created\ndata: {"type":"response.created"}\n\n', true],
    ['an event stream sent as text/html', { 'content-type': 'text/html' }, 'data: {"choices":[]}\n\n', true],
    ['nothing yet', events, '', true],
    ['JSON where JSON was asked for', json, '{"object":"response","status":"completed","error":null}', false],
    [
      'words about errors in a good answer',
      json,
      '{"output":[{"text":"{\\"error\\":{\\"message\\":\\"rate limit\\"}}"}]}',
      false,
    ],
    ['a cut-off answer', json, '{"output":[{"error":{"message":"x"', false],
  ])('passes %s', (_, headers, body, isStreamExpected) => {
    expect(classify(200, body, { headers, isStreamExpected })).toBeUndefined();
  });

  it.each([
    ['a page', { 'content-type': 'text/html' }, '<html><title>Login</title>', 'bad_answer'],
    ['a page sent as an event stream', events, '<!DOCTYPE html>', 'bad_answer'],
    ['JSON instead of a stream', json, '{"object":"response","status":"completed","error":null}', 'bad_answer'],
    ['an error document', json, error({ code: 'server_is_overloaded', message: 'busy' }), 'overloaded'],
    ['a flat error', json, '{"error":"余额不足"}', 'rate_limited'],
    ['a failed response', json, '{"object":"response","status":"failed","error":{"code":"server_error"}}', 'stream_failed'],
  ])('refuses %s', (_, headers, body, expected) => {
    expect(classify(200, body, { headers })).toMatchObject({ class: expected, status: 200 });
  });

  it('is never a throttle for its words alone', () => {
    expect(classify(200, 'rate limit overloaded', { headers: events })).toBeUndefined();
  });

  it('304 and informational statuses are left alone', () => {
    expect(classify(304)).toBeUndefined();
    expect(classify(101)).toBeUndefined();
  });
});

describe('classifyBadAnswer', () => {
  it.each([
    ['empty', '', 'HTTP 200 with an empty body'],
    ['html', '<title>Sign in</title>', 'HTTP 200 with a web page instead of an answer (Sign in)'],
    ['json-not-sse', '{}', 'HTTP 200 with plain JSON instead of an event stream'],
    ['not-json', 'hello', 'HTTP 200 with something that is not JSON'],
  ] as const)('%s', (kind, body, message) => {
    expect(classifyBadAnswer(kind, 200, body)).toMatchObject({ class: 'bad_answer', status: 200, message, bodyHead: body });
  });
});

describe('classifyTransport', () => {
  it.each([
    ['ECONNREFUSED', 'connect', 'transport', false, 'connection refused'],
    ['ENOTFOUND', 'connect', 'transport', false, 'host name not found'],
    ['UND_ERR_CONNECT_TIMEOUT', 'connect', 'timeout', false, 'no connection within the connect timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'headers', 'timeout', true, 'no answer within the time limit'],
    ['ECONNRESET', 'headers', 'transport', true, 'connection reset before an answer'],
    ['ECONNRESET', 'body', 'transport', true, 'connection reset while reading the answer'],
    ['ECONNRESET', 'connect', 'transport', false, 'connection reset while connecting'],
    ['CERT_HAS_EXPIRED', 'connect', 'transport', false, 'TLS certificate has expired'],
    ['ECONNREFUSED', 'headers', 'transport', false, 'connection refused'],
  ] as const)('%s during %s', (code, phase, expected, reached, message) => {
    expect(classifyTransport({ code, message: 'raw', phase })).toMatchObject({
      class: expected,
      reached,
      message,
      code,
      status: undefined,
    });
  });

  it('falls back to the error text, without secrets', () => {
    const failure = classifyTransport({ message: 'odd sk-abcdefghijkl', phase: 'headers' });
    expect(failure).toMatchObject({ class: 'transport', message: 'odd sk-*** before an answer', code: undefined });
  });
});
