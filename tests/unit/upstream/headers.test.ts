import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Credential, Endpoint } from '../../../shared/domain/endpoint.js';
import { headerOf, requestHeaders, responseHeaders, type RequestHeaderInput } from '../../../main/core/upstream/headers.js';

const endpoint: Endpoint = {
  key: 'relay/default',
  provider: 'relay',
  endpoint: 'default',
  label: 'relay',
  level: 1,
  protocol: 'responses',
  baseUrl: 'https://relay.example/v1',
  credential: { kind: 'inline' },
  auth: 'bearer',
  enabled: true,
  tags: {},
  models: [],
  modelMap: {},
  headers: {},
  weight: 1,
  maxConcurrent: undefined,
  limitGroup: 'relay/default',
  continuityDomain: 'relay',
  proxy: 'direct',
  connectTimeoutMs: 1000,
  headersTimeoutMs: 0,
  order: 0,
};
const ours: Credential = { state: 'value', value: 'sk-upstream', source: 'inline' };

function sent(raw: readonly string[], more: Partial<RequestHeaderInput> = {}): readonly (readonly [string, string])[] {
  const list = requestHeaders({
    raw,
    endpoint,
    credential: ours,
    clientUsedOurKey: false,
    bodyLength: 7,
    decoded: false,
    identity: true,
    ...more,
  });
  expect(list.length % 2).toBe(0);
  return Array.from({ length: list.length / 2 }, (_, index) => [
    (list[index * 2] ?? '').toLowerCase(),
    list[index * 2 + 1] ?? '',
  ]);
}

function names(pairs: readonly (readonly [string, string])[]): readonly string[] {
  return pairs.map(([name]) => name);
}

const secrets: readonly (readonly [string, string])[] = [
  ['Authorization', 'Bearer client-secret'],
  ['x-api-key', 'client-secret'],
  ['api-key', 'client-secret'],
  ['X-Goog-Api-Key', 'client-secret'],
  ['ChatGPT-Account-ID', 'client-secret'],
  ['Cookie', 'session=client-secret'],
  ['Proxy-Authorization', 'Basic client-secret'],
  ['OpenAI-Organization', 'client-secret'],
  ['OpenAI-Project', 'client-secret'],
  ['X-OpenAI-Fedramp', 'client-secret'],
];

describe('what goes upstream', () => {
  it('keeps the names, values, order and repetition of everything that is end to end', () => {
    const raw = [
      'Content-Type',
      'application/json',
      'X-Codex-Thing',
      'a',
      'x-codex-thing',
      'b',
      'User-Agent',
      'codex_exec/0.169.0',
      'originator',
      'codex_exec',
    ];
    const list = requestHeaders({
      raw,
      endpoint,
      credential: { state: 'none' },
      clientUsedOurKey: false,
      bodyLength: 7,
      decoded: false,
      identity: true,
    });
    expect(list).toEqual([...raw, 'content-length', '7']);
  });

  it('leaves out what belongs to this connection only, and what Connection names', () => {
    const raw = [
      'Host',
      'localhost',
      'Connection',
      'keep-alive, X-Hop, x-other',
      'connection',
      'x-third',
      'Keep-Alive',
      '5',
      'Transfer-Encoding',
      'chunked',
      'TE',
      'trailers',
      'Trailer',
      'x',
      'Upgrade',
      'websocket',
      'Expect',
      '100-continue',
      'Content-Length',
      '99',
      'Proxy-Connection',
      'x',
      'X-Hop',
      '1',
      'x-OTHER',
      '2',
      'X-Third',
      '3',
      'x-kept',
      '4',
    ];
    expect(sent(raw, { credential: { state: 'none' } })).toEqual([
      ['x-kept', '4'],
      ['content-length', '7'],
    ]);
  });

  it.each(secrets)("never holds the client's %s when the endpoint has a credential or none", (name, value) => {
    for (const credential of [ours, { state: 'none' }, { state: 'missing', source: 'env:X' }] as const) {
      const pairs = sent([name, value, name.toUpperCase(), value], { credential });
      expect(JSON.stringify(pairs)).not.toContain('client-secret');
    }
  });

  it("never holds a key of ours, even where the client's login is passed on", () => {
    for (const [name, value] of secrets) {
      expect(JSON.stringify(sent([name, value], { credential: { state: 'client' }, clientUsedOurKey: true }))).not.toContain(
        'client-secret',
      );
    }
  });

  it("holds the client's login where that is what the endpoint is for", () => {
    const raw = ['Authorization', 'Bearer login', 'ChatGPT-Account-ID', 'acct'];
    expect(sent(raw, { credential: { state: 'client' } })).toEqual([
      ['authorization', 'Bearer login'],
      ['chatgpt-account-id', 'acct'],
      ['content-length', '7'],
    ]);
  });

  it('holds exactly one credential of ours, in the header the endpoint wants', () => {
    expect(sent(['authorization', 'Bearer x'])).toContainEqual(['authorization', 'Bearer sk-upstream']);
    expect(names(sent(['authorization', 'Bearer x'])).filter((name) => name === 'authorization')).toHaveLength(1);
    const apiKey = sent(['x-api-key', 'x'], { endpoint: { ...endpoint, auth: 'x-api-key' } });
    expect(apiKey.filter(([name]) => name === 'x-api-key' || name === 'authorization')).toEqual([['x-api-key', 'sk-upstream']]);
  });

  it("takes headers of the config before the client's and before our own credential", () => {
    const custom = { ...endpoint, headers: { 'User-Agent': 'mine', 'X-Extra': '1', Authorization: 'Token special' } };
    const pairs = sent(['user-agent', 'codex', 'x-extra', '0'], { endpoint: custom });
    expect(pairs).toEqual([
      ['user-agent', 'mine'],
      ['x-extra', '1'],
      ['authorization', 'Token special'],
      ['content-length', '7'],
    ]);
  });

  it('asks for plain bytes where the answer is read on the way', () => {
    expect(names(sent(['Accept-Encoding', 'gzip, br']))).not.toContain('accept-encoding');
    expect(names(sent(['Accept-Encoding', 'gzip, br'], { identity: false }))).toContain('accept-encoding');
  });

  it('names the content-encoding only while it holds', () => {
    expect(sent(['Content-Encoding', 'zstd'])).toContainEqual(['content-encoding', 'zstd']);
    expect(names(sent(['Content-Encoding', 'zstd'], { decoded: true }))).not.toContain('content-encoding');
  });

  it('does not repeat what we tell clients', () => {
    expect(names(sent(['X-Switchyard-Turn', 't', 'x-switchyard-anything', '1']))).toEqual(['authorization', 'content-length']);
  });

  it('never holds a client secret or a hop-by-hop name, whatever else is sent', () => {
    const header = fc.oneof(
      fc.constantFrom(...secrets),
      fc.constantFrom(
        ['Connection', 'close'],
        ['connection', 'authorization, x-a'],
        ['Transfer-Encoding', 'chunked'],
        ['HOST', 'h'],
      ),
      fc.tuple(fc.stringMatching(/^[xX]-[a-z]{1,5}$/), fc.string()),
    );
    fc.assert(
      fc.property(fc.array(header), fc.constantFrom<Credential>(ours, { state: 'none' }), (headers, credential) => {
        const pairs = sent(headers.flat(), { credential });
        expect(JSON.stringify(pairs)).not.toContain('client-secret');
        for (const gone of ['host', 'connection', 'transfer-encoding', 'proxy-authorization'])
          expect(names(pairs)).not.toContain(gone);
        expect(pairs.at(-1)).toEqual(['content-length', '7']);
      }),
    );
  });
});

describe('what comes back', () => {
  const answer = (
    upstream: Readonly<Record<string, string | readonly string[]>>,
    more: Partial<Parameters<typeof responseHeaders>[0]> = {},
  ) =>
    responseHeaders({
      upstream,
      decoded: false,
      keepLength: true,
      clientModel: undefined,
      own: ['x-switchyard-turn', 't1'],
      ...more,
    });

  it('keeps what is end to end, repetition included, and adds our own', () => {
    expect(answer({ 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'], 'x-request-id': 'r' })).toEqual([
      'content-type',
      'text/plain',
      'set-cookie',
      'a=1',
      'set-cookie',
      'b=2',
      'x-request-id',
      'r',
      'x-switchyard-turn',
      't1',
    ]);
  });

  it('leaves out what belongs to the upstream connection only, and what Connection names', () => {
    const gone = {
      connection: 'keep-alive, x-hop',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      'x-hop': '1',
      trailer: 'x',
      upgrade: 'h2c',
    };
    expect(answer({ ...gone, 'x-kept': '1' })).toEqual(['x-kept', '1', 'x-switchyard-turn', 't1']);
  });

  it('keeps the length only while it holds', () => {
    expect(answer({ 'content-length': '5' })).toContain('content-length');
    expect(answer({ 'content-length': '5' }, { keepLength: false })).not.toContain('content-length');
    expect(answer({ 'content-length': '5', 'content-encoding': 'gzip' }, { decoded: true })).toEqual(['x-switchyard-turn', 't1']);
    expect(answer({ 'content-encoding': 'gzip' })).toContain('content-encoding');
  });

  it('names the model the client asked for when it was mapped', () => {
    expect(answer({ 'openai-model': 'vendor/x' }, { clientModel: 'gpt-5.5' })).toContain('gpt-5.5');
    expect(answer({ 'openai-model': 'vendor/x' })).toContain('vendor/x');
  });

  it('says only once whose turn it was when the upstream is a Switchyard too', () => {
    expect(answer({ 'x-switchyard-turn': 'theirs', 'x-switchyard-attempts': '3' })).toEqual(['x-switchyard-turn', 't1']);
  });

  it('can be asked for one value', () => {
    expect(headerOf({ a: ['1', '2'] }, 'a')).toBe('1');
    expect(headerOf({ a: '1' }, 'a')).toBe('1');
    expect(headerOf({}, 'a')).toBeUndefined();
  });
});
