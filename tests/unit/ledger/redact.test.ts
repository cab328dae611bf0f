import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildHttpDebug, previewBody } from '../../../main/core/ledger/http-debug.js';
import { redactHeaders, redactText } from '../../../main/core/ledger/redact.js';

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl';

describe('redactHeaders', () => {
  it.each([
    'authorization',
    'Proxy-Authorization',
    'cookie',
    'Set-Cookie',
    'x-api-key',
    'x-goog-api-key',
    'x-forwarded-api-key',
    'chatgpt-account-id',
    'x-relay-token',
    'API-KEY',
  ])('hides the value of %s', (name) => {
    expect(redactHeaders({ [name]: 'canary' })).toEqual([{ name, value: '[redacted]' }]);
  });

  it('keeps everything else, in order, whichever way the headers come', () => {
    const expected = [
      { name: 'content-type', value: 'application/json' },
      { name: 'x-ratelimit-remaining-tokens', value: '149984' },
      { name: 'accept', value: 'a' },
      { name: 'accept', value: 'b' },
    ];
    expect(
      redactHeaders({
        'content-type': 'application/json',
        'x-ratelimit-remaining-tokens': '149984',
        accept: ['a', 'b'],
        gone: undefined,
      }),
    ).toEqual(expected);
    expect(redactHeaders(expected.flatMap(({ name, value }) => [name, value]))).toEqual(expected);
    expect(redactHeaders(expected.map(({ name, value }) => [name, value] as const))).toEqual(expected);
  });

  it('finds a credential under a name nobody expects', () => {
    expect(
      JSON.stringify(redactHeaders({ 'x-odd': `Bearer ${jwt}`, 'x-odder': 'my-relay-pass' }, ['my-relay-pass'])),
    ).not.toMatch(/eyJ|my-relay-pass/);
  });
});

describe('redactText', () => {
  it.each([
    ['an OpenAI key', 'Incorrect API key provided: sk-proj-canary_0123456789.', 'canary'],
    ['a JWT', `token is ${jwt}!`, 'eyJ'],
    ['a Bearer value', 'sent Bearer canary.value-123 upstream', 'canary'],
    ['a header line', 'curl -H "Authorization: Basic Y2FuYXJ5OmNhbmFyeQ=="', 'Y2Fu'],
    ['a cookie line', 'Cookie: a=canary; b=canary\r\nAccept: x', 'canary'],
    ['a JSON field', '{"access_token":"can\\"ary","x":1}', 'can'],
    ['a JSON field cut at the end', '{"api_key": "canary-and-m', 'canary'],
    ['a query value', 'https://g.example/v1?key=canary&alt=sse', 'canary'],
    ['a user in a URL', 'socks5://me:canary@10.0.0.1:1080 refused', 'canary'],
    ['a Google key', 'AIzaSyCanaryCanaryCanaryCanary012', 'Canary'],
  ])('removes %s', (_name, text, secret) => {
    expect(redactText(text)).not.toContain(secret);
    expect(redactText(text)).toContain('[redacted]');
  });

  it('leaves ordinary text alone', () => {
    const text =
      'The token count is 12; see https://a.example/x?page=2 and task-runner sk-short. {"model":"gpt-5","max_tokens":5}';
    expect(redactText(text)).toBe(text);
  });

  it('removes given secrets wherever they stand, and is stable', () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[a-zA-Z0-9]{12,40}$/), fc.string(), (before, secret, after) => {
        const once = redactText(`${before}${secret}${after}`, [secret]);
        expect(once).not.toContain(secret);
        expect(redactText(once, [secret])).toBe(once);
      }),
    );
  });

  it('takes linear time on long hostile text', () => {
    for (const part of ['authorization:', '"token":"\\', 'Bearer ', 'eyJ', 'sk-', 'a://', '?key=', ' ']) {
      redactText(part.repeat(200_000 / part.length));
    }
  });
});

describe('previewBody', () => {
  const body = (head: Uint8Array, extra: object = {}) => ({ head, totalBytes: head.byteLength, ...extra });

  it('keeps short text whole', () => {
    expect(previewBody(body(Buffer.from('{"a":"é"}'), { contentType: 'application/json' }), 1024)).toEqual({
      content_type: 'application/json',
      encoding: 'utf8',
      data: '{"a":"é"}',
      truncated: false,
      original_len: 10,
    });
  });

  it('cuts at the limit without breaking a character, and says so', () => {
    const preview = previewBody({ head: Buffer.from('éééé'), totalBytes: 5000 }, 5);
    expect(preview).toMatchObject({ encoding: 'utf8', data: 'éé', truncated: true, original_len: 5000 });
  });

  it('gives binary as base64', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
    expect(previewBody(body(bytes), 1024)).toMatchObject({
      encoding: 'base64',
      data: bytes.toString('base64'),
      truncated: false,
    });
  });

  it('recognises a secret that the limit would cut, and one inside binary', () => {
    const text = `${'x'.repeat(20)} sk-canary0123456789`;
    expect(previewBody(body(Buffer.from(text)), 27).data).not.toContain('can');
    const binary = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from('Bearer canary0123456789')]);
    const preview = previewBody(body(binary), 1024);
    expect(preview.encoding).toBe('base64');
    expect(Buffer.from(preview.data, 'base64').toString('latin1')).not.toContain('canary');
  });

  it('shows nothing of a compressed body or with a limit of 0', () => {
    const bytes = gzipSync('sk-canary0123456789');
    expect(previewBody(body(bytes, { contentEncoding: 'gzip' }), 1024)).toMatchObject({ data: '', truncated: true });
    expect(previewBody(body(Buffer.from('x')), 0)).toMatchObject({ data: '', truncated: true });
  });
});

it('builds a capture without a credential in any part of it', () => {
  const canary = 'relay-canary-0123';
  const captured = { head: Buffer.from(`{"note":"${canary}","api_key":"${canary}"}`), totalBytes: 50 };
  const debug = buildHttpDebug({
    bodyLimitBytes: 1024,
    secrets: [canary],
    clientUri: `/v1/responses?key=${canary}`,
    clientHeaders: { authorization: `Bearer ${canary}`, accept: 'text/event-stream' },
    clientBody: captured,
    targetUrl: `https://x:${canary}@relay.example/v1/responses`,
    upstreamRequestHeaders: ['authorization', `Bearer ${canary}`],
    upstreamRequestBody: captured,
    upstreamStatus: 401,
    upstreamResponseHeaders: ['set-cookie', `a=${canary}`, 'x-echo', canary],
    upstreamResponseBody: captured,
    upstreamHeadersMs: 3,
    upstreamError: `bad key ${canary}`,
    upstreamErrorClass: 'auth',
  });
  expect(JSON.stringify(debug)).not.toContain('canary');
  expect(debug).toMatchObject({
    request_body_len: 50,
    upstream_status: 401,
    upstream_headers_ms: 3,
    upstream_error_class: 'auth',
  });
  expect(debug.client_headers).toContainEqual({ name: 'accept', value: 'text/event-stream' });
});
