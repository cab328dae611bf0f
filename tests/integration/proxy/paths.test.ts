import { describe, expect, it } from 'vitest';
import { manualClock } from '../../helpers/manual-clock.js';
import { rawCall, rawTurn } from '../../helpers/raw-client.js';
import { provider } from '../../helpers/relay.js';
import { eventually, oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import {
  closedPort,
  hangBeforeHeaders,
  json,
  modelList,
  status503,
  text,
  turnBody,
  type Dialect,
  type Step,
} from '../../helpers/scripted-upstream.js';

const suite = relaySuite();

interface ErrorAnswer {
  readonly error: Readonly<Record<string, unknown>>;
}

describe('model paths', () => {
  const paths: readonly (readonly [string, Dialect])[] = [
    ['/v1/responses', 'responses'],
    ['/responses', 'responses'],
    ['/v1/responses/compact', 'responses'],
    ['/responses/compact', 'responses'],
    ['/v1/chat/completions', 'chat'],
    ['/chat/completions', 'chat'],
    ['/v1/messages', 'messages'],
    ['/messages', 'messages'],
  ];
  it.each(paths)('%s goes to a provider of its protocol, the body as it is', async (path, dialect) => {
    const a = await suite.upstream();
    const b = await suite.upstream([json(200, turnBody(dialect))]);
    const other = dialect === 'chat' ? 'messages' : 'chat';
    const relay = await suite.relay(
      provider('a', a.baseUrl, `protocol = "${other}"`) + provider('b', b.baseUrl, `protocol = "${dialect}"`),
    );
    const body = '{ "stream" : false,\n "model":"gpt-5.5", "odd":1.0e2, "odd":"\\u00e9" }';
    const call = rawCall(relay.url, { path: `${path}?beta=a%20b`, body, headers: { 'content-type': 'application/json' } });
    expect(await call.end()).toBe('complete');
    expect(call.status).toBe(200);
    expect(call.text()).toBe(JSON.stringify(turnBody(dialect)));
    expect(b.turns[0]?.path).toBe(`/v1${path.replace('/v1', '')}?beta=a%20b`);
    expect(b.turns[0]?.body.toString('utf8')).toBe(body);
    expect(a.turns).toHaveLength(0);
    expect((await relay.ended(1))[0]).toMatchObject({ path, protocol: dialect, stream: false, end: 'completed' });
  });

  it('a compaction is one document whatever its body says of streaming, and fails over like a turn', async () => {
    const a = await suite.upstream([status503]);
    const b = await suite.upstream([json(200, { output: [{ type: 'compaction', encrypted_content: 'x' }] })]);
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl));
    const got = await relay.turn({ path: '/v1/responses/compact', stream: true });
    expect(got.status).toBe(200);
    expect(JSON.parse(got.text)).toEqual({ output: [{ type: 'compaction', encrypted_content: 'x' }] });
  });

  it('messages providers get the key as x-api-key, unless told otherwise', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl, 'protocol = "messages"'));
    await relay.turn({
      path: '/v1/messages',
      codex: false,
      headers: { 'x-api-key': 'client-own', 'anthropic-version': '2023-06-01' },
    });
    expect(a.turns[0]?.headers).toMatchObject({ 'x-api-key': 'sk-a', 'anthropic-version': '2023-06-01' });
    expect(a.turns[0]?.headers['authorization']).toBeUndefined();
    const bearer = await suite.relay(provider('a', a.baseUrl, 'protocol = "messages"\nauth = "bearer"'));
    await bearer.turn({ path: '/v1/messages', codex: false });
    expect(a.turns[1]?.headers['authorization']).toBe('Bearer sk-a');
    expect(a.turns[1]?.headers['x-api-key']).toBeUndefined();
  });

  it.each([
    ['/v1/chat/completions', { error: { type: 'invalid_request_error', code: 'ROUTE_NOT_FOUND' } }],
    ['/v1/messages', { type: 'error', error: { type: 'not_found_error', code: 'ROUTE_NOT_FOUND' } }],
  ])('%s without a provider of its protocol is a 404 in the words of that protocol', async (path, shape) => {
    const a = await suite.upstream();
    const off = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl) + provider('off', off.baseUrl, 'enabled = false'));
    const got = await relay.turn({ path, codex: false });
    expect(got.status).toBe(404);
    expect(JSON.parse(got.text)).toMatchObject(shape);
    expect(got.text).toContain('a/default: speaks another protocol (responses)');
    expect(a.requests).toHaveLength(0);
  });

  it('an answer with another status than 200 is no failure', async () => {
    const a = await suite.upstream([json(201, { ok: true })]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const got = await relay.turn({ stream: false });
    expect([got.status, got.text]).toEqual([201, '{"ok":true}']);
  });
});

describe('base URLs', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['', '/v1/responses', '/v1/responses'],
    ['/', '/v1/responses', '/v1/responses'],
    ['/v1', '/responses', '/v1/responses'],
    ['/v1/', '/v1/responses', '/v1/responses'],
    ['/backend-api/codex', '/v1/responses', '/backend-api/codex/responses'],
    ['/openai/v1beta/', '/v1/responses', '/openai/v1beta/responses'],
    ['/a%20b/v1', '/v1/responses?q=%2F', '/a%20b/v1/responses?q=%2F'],
  ];
  it.each(cases)('%s and the path %s make %s', async (base, path, expected) => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.origin + base));
    expect((await relay.turn({ path })).status).toBe(200);
    expect(a.requests[0]?.path).toBe(expected);
  });
});

describe('model lists', () => {
  const codexList = { models: [{ slug: 'gpt-5.5', display_name: 'GPT-5.5' }, { slug: 'gpt-5.5-codex' }] };

  it.each(['/v1/models', '/models'])('%s merges what the usable providers offer, each model once', async (path) => {
    const a = await suite.upstream([json(200, modelList(['gpt-5.5', 'own-of-a']))]);
    const b = await suite.upstream([json(200, codexList)]);
    const c = await suite.upstream([json(200, modelList(['claude-5']))]);
    const off = await suite.upstream();
    const relay = await suite.relay(
      provider('a', a.baseUrl) +
        provider('b', b.baseUrl, 'model_map = { "alias" = "x", "wild-*" = "y-*" }') +
        provider('c', c.baseUrl, 'protocol = "messages"') +
        provider('off', off.baseUrl, 'enabled = false'),
    );
    const response = await fetch(`${relay.url}${path}?client_version=0.169.0`);
    const list = (await response.json()) as { object: string; data: { id: string }[]; models: { slug: string }[] };
    expect(response.status).toBe(200);
    expect(list.data.map((model) => model.id)).toEqual(['gpt-5.5', 'own-of-a', 'gpt-5.5-codex', 'claude-5', 'alias']);
    expect(list.models).toEqual(codexList.models);
    expect(a.requests[0]?.path).toBe('/v1/models?client_version=0.169.0');
    expect(a.requests[0]?.headers['authorization']).toBe('Bearer sk-a');
    expect(c.requests[0]?.headers['x-api-key']).toBe('sk-c');
    expect(off.requests).toHaveLength(0);
  });

  it('leaves out who fails, and who does not answer within three seconds', async () => {
    const clock = manualClock();
    const good = await suite.upstream([json(200, modelList(['m-1']))]);
    const slow = await suite.upstream([hangBeforeHeaders]);
    const broken = await suite.upstream([json(500, { error: { message: 'no' } })]);
    const odd = await suite.upstream([text(200, '<html>', { 'content-type': 'text/html' })]);
    const trickle: Step = {
      name: 'trickle',
      run: ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"object":"list","data":[');
      },
    };
    const half = await suite.upstream([trickle]);
    const relay = await suite.relay(
      provider('slow', slow.baseUrl) +
        provider('broken', broken.baseUrl) +
        provider('odd', odd.baseUrl) +
        provider('half', half.baseUrl) +
        provider('dead', `http://127.0.0.1:${await closedPort()}/v1`) +
        provider('good', good.baseUrl),
      { ports: { clock } },
    );
    const call = rawCall(relay.url, { method: 'GET', path: '/v1/models' });
    await eventually(() => [slow, half, good, broken, odd].every((upstream) => upstream.requests.length === 1));
    clock.advance(3000);
    expect(await call.end()).toBe('complete');
    expect(JSON.parse(call.text())).toMatchObject({ object: 'list', data: [{ id: 'm-1' }] });
    expect(JSON.parse(call.text())).not.toHaveProperty('models');
    expect(await slow.requests[0]?.finished).toBe('aborted');
    expect((await relay.turn()).status).toBe(200);
  });

  it('a key that cannot be sent leaves only its own provider out', async () => {
    const a = await suite.upstream();
    const b = await suite.upstream([json(200, modelList(['m-1']))]);
    const relay = await suite.relay(
      `[providers.a]\nbase_url = "${a.baseUrl}"\napi_key = "clé “smart”"\n${provider('b', b.baseUrl)}`,
    );
    const response = await fetch(`${relay.url}/v1/models`);
    expect(await response.json()).toMatchObject({ data: [{ id: 'm-1' }] });
    expect((await relay.turn()).types.at(-1)).toBe('response.completed');
    expect(a.requests).toHaveLength(0);
  });

  it('is empty without providers', async () => {
    const relay = await suite.relay('');
    const response = await fetch(`${relay.url}/v1/models`);
    expect([response.status, await response.json()]).toEqual([200, { object: 'list', data: [] }]);
  });
});

describe('WebSocket upgrades', () => {
  it.each(['/v1/responses', '/responses', '/v1/realtime'])('%s answers 426 at once', async (path) => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    const call = rawCall(relay.url, { method: 'GET', path, headers });
    expect(await call.end()).toBe('complete');
    expect(call.status).toBe(426);
    expect(JSON.parse(call.text()) as ErrorAnswer).toMatchObject({ error: { code: 'INGRESS_WEBSOCKET_UNSUPPORTED' } });
    expect([a.requests.length, a.upgrades.length]).toEqual([0, 0]);
  });
});

describe('a relay without providers', () => {
  it('says so on every path, and stays up', async () => {
    const relay = await suite.relay('');
    const turn = await relay.turn({ codex: false });
    expect([turn.status, turn.text.includes('ROUTE_NO_PROVIDERS')]).toEqual([503, true]);
    const codex = rawTurn(relay.url);
    await codex.end();
    expect(codex.text()).toContain('ROUTE_NO_PROVIDERS');
    const other = await fetch(`${relay.url}/v1/files`);
    expect([other.status, (await other.text()).includes('ROUTE_NO_PROVIDERS')]).toEqual([503, true]);
  });
});
