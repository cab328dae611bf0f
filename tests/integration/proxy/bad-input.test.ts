import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { errorCodes, type ErrorCode, type ErrorCodeInfo } from '../../../shared/errors/codes.js';
import { rawCall, type RawRequest } from '../../helpers/raw-client.js';
import { httpRequest, rawSocket, type RawSocket } from '../../helpers/raw-socket.js';
import { provider, type TestRelay } from '../../helpers/relay.js';
import { eventually, relaySuite } from '../../helpers/relay-suite.js';
import type { ScriptedUpstream } from '../../helpers/scripted-upstream.js';

const suite = relaySuite();
const MIB = 1024 * 1024;
type Headers = Readonly<Record<string, string>>;

const good = JSON.stringify({ model: 'gpt-5.5', stream: true, input: [] });

interface Setup {
  readonly relay: TestRelay;
  readonly upstream: ScriptedUpstream;
}

async function setup(config = ''): Promise<Setup> {
  const upstream = await suite.upstream();
  const relay = await suite.relay(config + provider('only', upstream.baseUrl));
  return { relay, upstream };
}

function socketTo(relay: TestRelay): RawSocket {
  return suite.track(rawSocket(relay.url));
}

/** Sends a request that must be refused, and checks the answer, that it never reached the upstream, and that the relay goes on. */
async function refused({ relay, upstream }: Setup, request: RawRequest, code: ErrorCode): Promise<string> {
  const call = rawCall(relay.url, { ...request, headers: { 'content-type': 'application/json', ...request.headers } });
  expect(await call.end()).toBe('complete');
  const row: ErrorCodeInfo = errorCodes[code];
  expect([call.status, codeIn(call.text())]).toEqual([row.status, code]);
  expect(call.headers['content-type']).toMatch(/^application\/json/);
  expect(upstream.requests).toHaveLength(0);
  await stillServes(relay);
  expect(upstream.turns).toHaveLength(1);
  return call.text();
}

function codeIn(body: string): unknown {
  const parsed = JSON.parse(body) as { readonly error?: { readonly code?: unknown } };
  return parsed.error?.code;
}

async function stillServes(relay: TestRelay, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  const got = await relay.turn({ headers });
  expect([got.status, got.types.at(-1)]).toEqual([200, 'response.completed']);
}

describe('a body that is no JSON object gets INGRESS_BAD_JSON', () => {
  const bodies: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['white space', '  \n'],
    ['text', 'hello'],
    ['an array', '[{"model":"gpt-5.5"}]'],
    ['a string', '"gpt-5.5"'],
    ['null', 'null'],
    ['half an object', '{"model":"gpt-5.5"'],
    ['a string that never closes', '{"model":"gpt-5.5}'],
    ['two objects', '{"model":"a"}{"model":"b"}'],
    ['a form', 'model=gpt-5.5&stream=true'],
    ['binary', '\u0000\u0001\u0002'],
    ['nesting without end', `{"input":${'['.repeat(100_000)}`],
  ];
  it.each(bodies)('%s', async (_name, body) => {
    await refused(await setup(), { body }, 'INGRESS_BAD_JSON');
  });

  it.each(['/v1/responses', '/responses', '/v1/responses/compact', '/v1/chat/completions', '/v1/messages'])(
    'on %s',
    async (path) => {
      await refused(await setup(), { path, body: '[]' }, 'INGRESS_BAD_JSON');
    },
  );

  it('says so in the words of the protocol', async () => {
    const text = await refused(await setup(), { path: '/v1/messages', body: '[]' }, 'INGRESS_BAD_JSON');
    expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])(
    'but a good body passes with the content type %j',
    async (type) => {
      const { relay, upstream } = await setup();
      const call = rawCall(relay.url, { body: good, headers: { 'content-type': type } });
      await call.end();
      expect(call.status).toBe(200);
      expect(upstream.turns[0]?.body.toString()).toBe(good);
    },
  );
});

describe('a content type that is none gets INGRESS_BAD_REQUEST', () => {
  it.each(['nonsense', ';;;'])('%j', async (type) => {
    await refused(await setup(), { body: good, headers: { 'content-type': type } }, 'INGRESS_BAD_REQUEST');
  });
});

describe('a body over the limit gets INGRESS_BODY_TOO_LARGE', () => {
  const limited = '[server]\nmax_body_mb = 1\n';
  const large = Buffer.concat([Buffer.from('{"model":"gpt-5.5","input":"'), Buffer.alloc(3 * MIB, 0x61), Buffer.from('"}')]);

  it('when its length says so', async () => {
    await refused(await setup(limited), { body: large }, 'INGRESS_BODY_TOO_LARGE');
  });

  it('when it comes in chunks', async () => {
    const state = await setup(limited);
    await refused(state, { body: large, headers: { 'transfer-encoding': 'chunked' } }, 'INGRESS_BODY_TOO_LARGE');
  });

  it('on a path we do not model, too', async () => {
    await refused(await setup(limited), { path: '/v1/files', body: large }, 'INGRESS_BODY_TOO_LARGE');
  });

  it('and the client can read that also when it sends everything first, far more than fits the buffers', async () => {
    const framings: readonly Headers[] = [{}, { 'content-length': '', 'transfer-encoding': 'chunked' }];
    for (const headers of framings) {
      const { relay } = await setup(limited);
      const socket = socketTo(relay);
      const body = Buffer.alloc(24 * MIB, 0x61);
      const framed =
        'transfer-encoding' in headers
          ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
          : body;
      socket.write(httpRequest('/v1/responses', framed, headers));
      expect(await socket.closed()).toBe('end');
      expect(socket.text()).toMatch(/^HTTP\/1\.1 413 /);
      expect(socket.text()).toContain('INGRESS_BODY_TOO_LARGE');
      await stillServes(relay);
    }
  });

  it('without waiting for a body that is only announced', async () => {
    const { relay } = await setup(limited);
    const socket = socketTo(relay);
    socket.write(httpRequest('/v1/responses', '', { 'content-length': String(5 * MIB) }));
    expect(await socket.until((text) => text.includes('INGRESS_BODY_TOO_LARGE'))).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('and not at the limit itself', async () => {
    const { relay, upstream } = await setup(limited);
    const body = Buffer.concat([Buffer.from('{"model":"gpt-5.5","input":"'), Buffer.alloc(MIB - 30, 0x61), Buffer.from('"}')]);
    expect(body.length).toBe(MIB);
    const call = rawCall(relay.url, { body, headers: { 'content-type': 'application/json' } });
    await call.end();
    expect(call.status).toBe(200);
    expect(upstream.turns[0]?.body.equals(body)).toBe(true);
  });
});

describe('an encoded body', () => {
  const damaged = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 9);
  const corrupt: readonly (readonly [string, Buffer])[] = [
    ['gzip', damaged(gzipSync(good))],
    ['br', damaged(brotliCompressSync(good))],
    ['deflate', damaged(deflateSync(good))],
    ['zstd', Buffer.from('28b52ffd0058411000', 'hex')],
    ['gzip', Buffer.from(good)],
    ['zstd', Buffer.from(good)],
    ['gzip, gzip', gzipSync(good)],
    ['gzip, gzip, gzip, gzip, gzip', gzipSync(good)],
  ];
  it.each(corrupt)('that is not the %s it says gets INGRESS_BAD_ENCODING', async (encoding, body) => {
    await refused(await setup(), { body, headers: { 'content-encoding': encoding } }, 'INGRESS_BAD_ENCODING');
  });

  it.each(['compress', 'aes128gcm', 'gzip, x-unknown'])('in %s gets INGRESS_UNSUPPORTED_ENCODING', async (encoding) => {
    await refused(await setup(), { body: good, headers: { 'content-encoding': encoding } }, 'INGRESS_UNSUPPORTED_ENCODING');
  });

  const zeros = Buffer.alloc(40 * MIB, 0x20);
  const bombs: readonly (readonly [string, Buffer])[] = [
    ['gzip', gzipSync(zeros)],
    ['deflate', deflateSync(zeros)],
    ['gzip, gzip', gzipSync(gzipSync(zeros))],
    [
      'zstd',
      Buffer.concat([
        Buffer.from('28b52ffd0038', 'hex'),
        ...Array.from({ length: 400 }, (_, n) => Buffer.from(n === 399 ? '03001000' : '02001000', 'hex')),
      ]),
    ],
  ];
  it.each(bombs)('that unpacks from %s to more than the limit gets INGRESS_BODY_TOO_LARGE', async (encoding, body) => {
    expect(body.length).toBeLessThan(MIB);
    await refused(
      await setup('[server]\nmax_body_mb = 8\n'),
      { body, headers: { 'content-encoding': encoding } },
      'INGRESS_BODY_TOO_LARGE',
    );
  });

  it('goes upstream decoded, without the header', async () => {
    const { relay, upstream } = await setup();
    const headers = { 'content-type': 'application/json', 'content-encoding': 'br, gzip' };
    const call = rawCall(relay.url, { body: gzipSync(brotliCompressSync(good)), headers });
    await call.end();
    expect(call.status).toBe(200);
    expect(upstream.turns[0]?.body.toString()).toBe(good);
    expect(upstream.turns[0]?.headers['content-encoding']).toBeUndefined();
  });
});

describe('with body_encoding = "passthrough"', () => {
  const passthrough = '[server]\nbody_encoding = "passthrough"\n';
  const zipped = gzipSync(good);
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };

  it('a compressed body goes upstream as it came, and is routed by what is in it', async () => {
    const { relay, upstream } = await setup(passthrough);
    const call = rawCall(relay.url, { body: zipped, headers });
    await call.end();
    expect(call.status).toBe(200);
    expect(upstream.turns[0]?.body.equals(zipped)).toBe(true);
    expect(upstream.turns[0]?.headers['content-encoding']).toBe('gzip');
    const [record] = await relay.ended(1);
    expect([record?.model, record?.stream]).toEqual(['gpt-5.5', true]);
  });

  it('a body that a rule changes goes upstream plain', async () => {
    const upstream = await suite.upstream();
    const relay = await suite.relay(passthrough + provider('only', upstream.baseUrl, 'model_map = { "gpt-5.5" = "vendor/x" }'));
    const call = rawCall(relay.url, { body: zipped, headers });
    await call.end();
    expect(call.status).toBe(200);
    expect(upstream.turns[0]?.json).toMatchObject({ model: 'vendor/x' });
    expect(upstream.turns[0]?.headers['content-encoding']).toBeUndefined();
  });

  it('a body that cannot be read is refused all the same', async () => {
    await refused(await setup(passthrough), { body: good, headers }, 'INGRESS_BAD_ENCODING');
  });
});

describe('who calls', () => {
  const foreignHosts = [
    'evil.example',
    'evil.example:3211',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    '[::1].evil.example',
  ];
  it.each(foreignHosts)('by the Host %s gets INGRESS_HOST_REFUSED', async (host) => {
    await refused(await setup(), { body: good, headers: { host } }, 'INGRESS_HOST_REFUSED');
  });

  const foreignOrigins = [
    'https://evil.example',
    'null',
    'http://203.0.113.7',
    'http://192.168.1.20:8080',
    'chrome-extension://abc',
    'http://localhost.evil.example',
    'file://',
    'garbage',
  ];
  it.each(foreignOrigins)('from the web page %s gets INGRESS_HOST_REFUSED', async (origin) => {
    await refused(await setup(), { body: good, headers: { origin } }, 'INGRESS_HOST_REFUSED');
  });

  it.each(['GET /v1/models', 'POST /v1/files', 'GET /', 'POST /v1/chat/completions'])('is asked on %s too', async (line) => {
    const [method, path] = line.split(' ');
    const state = await setup();
    const body = method === 'POST' ? { body: good } : {};
    await refused(
      state,
      { method: method ?? '', path: path ?? '', ...body, headers: { host: 'evil.example' } },
      'INGRESS_HOST_REFUSED',
    );
  });

  const welcome: readonly Headers[] = [
    { host: 'localhost:3211' },
    { host: '[::1]:3211' },
    { host: 'relay.lan:3211' },
    { origin: 'http://localhost:5173' },
    { host: 'relay.lan', origin: 'http://relay.lan' },
    { host: '192.168.1.5:3211', origin: 'http://192.168.1.5:3211' },
  ];
  it.each(welcome)('is welcome with %j', async (headers) => {
    const { relay } = await setup('[server]\nallowed_hosts = ["relay.lan"]\n');
    const call = rawCall(relay.url, { body: good, headers: { 'content-type': 'application/json', ...headers } });
    await call.end();
    expect(call.status).toBe(200);
  });
});

describe('client keys', () => {
  const keyed =
    '[server]\nclient_keys = [{ name = "laptop", key = "laptop-key-1" }, { name = "gone", key_env = "SURELY_UNSET" }]\n';

  it.each([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer laptop-key-2' }],
    ['a prefix of the key', { authorization: 'Bearer laptop-key' }],
    ['a longer key', { authorization: 'Bearer laptop-key-11' }],
    ['an empty key', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic laptop-key-1' }],
    ['the word undefined', { authorization: 'Bearer undefined' }],
    ['a wrong x-api-key', { 'x-api-key': 'nope-nope' }],
  ])('%s gets INGRESS_UNAUTHORIZED on every path', async (_name, headers) => {
    const upstream = await suite.upstream();
    const relay = await suite.relay(keyed + provider('only', upstream.baseUrl));
    for (const [method, path] of [
      ['POST', '/v1/responses'],
      ['GET', '/v1/models'],
      ['POST', '/v1/files'],
      ['POST', '/v1/messages'],
    ] as const) {
      const body = method === 'POST' ? { body: good } : {};
      const call = rawCall(relay.url, { method, path, ...body, headers: { 'content-type': 'application/json', ...headers } });
      await call.end();
      expect([path, call.status, codeIn(call.text())]).toEqual([path, 401, 'INGRESS_UNAUTHORIZED']);
      expect(call.text()).not.toContain('laptop-key');
    }
    expect(upstream.requests).toHaveLength(0);
    await stillServes(relay, { authorization: 'Bearer laptop-key-1' });
  });

  const right: readonly Headers[] = [
    { authorization: 'Bearer laptop-key-1' },
    { 'x-api-key': 'laptop-key-1' },
    { authorization: 'Bearer my-own-login', 'x-api-key': 'laptop-key-1' },
  ];
  it.each(right)('the right one, %j, is let in and never sent upstream, nor logged', async (headers) => {
    const upstream = await suite.upstream();
    const relay = await suite.relay(
      `${keyed}[log]\nhttp_debug = "all"\n[providers.through]\nbase_url = "${upstream.baseUrl}"\npass_client_auth = true\n${provider('second', upstream.baseUrl, 'level = 2')}`,
    );
    for (const [method, path] of [
      ['POST', '/v1/responses'],
      ['GET', '/v1/models'],
      ['POST', '/v1/files'],
    ] as const) {
      const body = method === 'POST' ? { body: good } : {};
      const call = rawCall(relay.url, { method, path, ...body, headers: { 'content-type': 'application/json', ...headers } });
      await call.end();
      expect([path, call.status]).toEqual([path, 200]);
    }
    const [record] = await relay.ended(1);
    expect(upstream.requests.length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(upstream.requests.map((request) => request.rawHeaders))).not.toContain('laptop-key');
    expect(JSON.stringify(record)).not.toContain('laptop-key');
    expect(JSON.stringify(relay.events)).not.toContain('laptop-key');
    expect(relay.ports.logger.text()).not.toContain('laptop-key');
  });

  it('that do not resolve admit nobody', async () => {
    const upstream = await suite.upstream();
    const relay = await suite.relay(
      `[server]\nclient_keys = [{ name = "gone", key_env = "SURELY_UNSET" }]\n${provider('only', upstream.baseUrl)}`,
    );
    const attempts: readonly Headers[] = [
      {},
      { authorization: 'Bearer ' },
      { authorization: 'Bearer undefined' },
      { 'x-api-key': '' },
    ];
    for (const headers of attempts) {
      const call = rawCall(relay.url, { body: good, headers: { 'content-type': 'application/json', ...headers } });
      await call.end();
      expect([call.status, codeIn(call.text())]).toEqual([401, 'INGRESS_UNAUTHORIZED']);
    }
    expect(upstream.requests).toHaveLength(0);
  });
});

describe('what is no HTTP, or hardly', () => {
  const garbage: readonly (readonly [string, string])[] = [
    ['a garbage line', 'hello there\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['an unknown version', 'POST /v1/responses HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n'],
    ['an unknown method', 'BREW /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
    ['a header without a colon', 'POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nnonsense\r\n\r\n'],
    ['a control character in a header', 'POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: b\x01c\r\n\r\n'],
    ['two lengths', 'POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{'],
    [
      'a length and chunks, which smuggles',
      'POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', 'POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n'],
    ['a broken chunk', 'POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
  ];
  it.each(garbage)('%s gets INGRESS_BAD_REQUEST and a closed connection', async (_name, bytes) => {
    const { relay, upstream } = await setup();
    const socket = socketTo(relay);
    socket.write(Buffer.from(bytes, 'latin1'));
    await socket.closed();
    expect(socket.text()).toMatch(/^HTTP\/1\.1 400 /);
    expect(codeIn(bodyOf(socket.text()))).toBe('INGRESS_BAD_REQUEST');
    expect(upstream.requests).toHaveLength(0);
    await stillServes(relay);
  });

  it.each([
    ['HTTP/1.1 without a Host', 'POST /v1/responses HTTP/1.1\r\ncontent-length: 0\r\n\r\n'],
    ['HTTP/1.0 without a Host', 'POST /v1/responses HTTP/1.0\r\ncontent-length: 0\r\n\r\n'],
    ['an empty Host', 'POST /v1/responses HTTP/1.1\r\nhost:\r\ncontent-length: 0\r\n\r\n'],
    ['a line without a version', 'POST /v1/responses\r\n\r\n'],
  ])('%s gets INGRESS_HOST_REFUSED', async (_name, bytes) => {
    const { relay, upstream } = await setup();
    const socket = socketTo(relay);
    socket.write(bytes);
    await socket.until((text) => text.includes('INGRESS'));
    expect(socket.text()).toMatch(/^HTTP\/1\.1 403 /);
    expect(socket.text()).toContain('INGRESS_HOST_REFUSED');
    expect(upstream.requests).toHaveLength(0);
    await stillServes(relay);
  });

  it('headers without end are cut off', async () => {
    const { relay } = await setup();
    const socket = socketTo(relay);
    socket.write(`POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nx-long: ${'x'.repeat(100_000)}\r\n\r\n`);
    await socket.closed();
    expect(socket.text()).toMatch(/^HTTP\/1\.1 431 /);
    expect(codeIn(bodyOf(socket.text()))).toBe('INGRESS_BAD_REQUEST');
    await stillServes(relay);
  });

  it('HTTP/1.0 is answered, and the connection closed', async () => {
    const { relay } = await setup();
    const socket = socketTo(relay);
    socket.write(httpRequest('/v1/responses', good, {}, 'POST /v1/responses HTTP/1.0'));
    await socket.closed();
    expect(socket.text()).toMatch(/^HTTP\/1\.1 200 /);
    expect(socket.text()).not.toMatch(/transfer-encoding/i);
    expect(bodyOf(socket.text())).toMatch(/response\.completed[\s\S]*\n\n$/);
  });

  it('a WebSocket upgrade gets INGRESS_WEBSOCKET_UNSUPPORTED, so that Codex falls back', async () => {
    const { relay, upstream } = await setup();
    const socket = socketTo(relay);
    socket.write(
      'GET /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await socket.closed();
    expect(socket.text()).toMatch(/^HTTP\/1\.1 426 /);
    expect(codeIn(bodyOf(socket.text()))).toBe('INGRESS_WEBSOCKET_UNSUPPORTED');
    expect(upstream.upgrades).toEqual([]);
    await stillServes(relay);
  });

  it('a Host that is foreign is refused on an upgrade too', async () => {
    const { relay, upstream } = await setup();
    const socket = socketTo(relay);
    socket.write('GET /v1/responses HTTP/1.1\r\nhost: evil.example\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
    await socket.until((text) => text.includes('INGRESS'));
    expect(socket.text()).toMatch(/^HTTP\/1\.1 403 /);
    expect(upstream.upgrades).toEqual([]);
  });

  it('CONNECT makes no tunnel', async () => {
    const { relay, upstream } = await setup();
    const socket = socketTo(relay);
    socket.write(`CONNECT ${new URL(upstream.origin).host} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n`);
    await socket.closed();
    expect(socket.text()).not.toMatch(/^HTTP\/1\.1 2/);
    expect(upstream.requests).toHaveLength(0);
  });
});

describe('one connection', () => {
  it('serves pipelined requests in order, the refused between the good', async () => {
    const { relay, upstream } = await setup();
    const socket = socketTo(relay);
    const plain = JSON.stringify({ model: 'gpt-5.5', input: [] });
    socket.write(
      Buffer.concat([
        httpRequest('/v1/responses', plain),
        httpRequest('/v1/responses', '[]'),
        httpRequest('/v1/responses', plain),
      ]),
    );
    const text = await socket.until((sofar) => (sofar.match(/HTTP\/1\.1 /g) ?? []).length === 3 && sofar.trimEnd().endsWith('}'));
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(['200', '400', '200']);
    expect(upstream.turns).toHaveLength(2);
    expect(socket.isOpen).toBe(true);
  });

  it.each([
    ['a bad body', '[]', {}, '400'],
    ['a wrong encoding', 'x', { 'content-encoding': 'gzip' }, '400'],
    ['a foreign Origin', good, { origin: 'https://evil.example' }, '403'],
  ])('survives %s and serves the next request', async (_name, body, headers, status) => {
    const { relay } = await setup();
    const socket = socketTo(relay);
    socket.write(httpRequest('/v1/responses', body, headers));
    await socket.until((text) => text.includes('INGRESS'));
    expect(socket.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (!socket.isOpen || /connection: close/i.test(socket.text())) {
      expect(await socket.closed()).toBe('end');
      return stillServes(relay);
    }
    socket.write(httpRequest('/v1/responses', good));
    await socket.until((text) => text.includes('response.completed'));
    expect(socket.text()).toContain('HTTP/1.1 200 ');
  });

  it('that comes slowly, byte by byte, is served all the same', async () => {
    const { relay, upstream } = await setup();
    const socket = socketTo(relay);
    for (const byte of httpRequest('/v1/responses', good)) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await socket.until((text) => text.includes('response.completed'));
    expect(upstream.turns[0]?.body.toString()).toBe(good);
  });

  it('that is dropped in the middle of its body costs nothing', async () => {
    const { relay, upstream } = await setup();
    for (const how of ['end', 'destroy'] as const) {
      const socket = socketTo(relay);
      socket.write(httpRequest('/v1/responses', good.slice(0, 10), { 'content-length': '5000' }));
      const { logger } = relay.ports;
      const before = logger.lines.length;
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket[how]();
      await eventually(() => logger.lines.length > before);
      expect(logger.lines.at(-1)?.fields).toMatchObject({ code: 'INGRESS_BAD_REQUEST' });
    }
    expect(upstream.requests).toHaveLength(0);
    expect(relay.records()).toEqual([]);
    const status = await relay.core.control.call('status.get', {});
    expect([status.liveTurns.length, status.endpoints[0]?.state.leases]).toEqual([0, 0]);
    await stillServes(relay);
  });

  it('is told to go on when it asks first', async () => {
    const { relay } = await setup();
    const socket = socketTo(relay);
    const [head = '', body = ''] = httpRequest('/v1/responses', good, { expect: '100-continue' }).toString().split('\r\n\r\n');
    socket.write(`${head}\r\n\r\n`);
    await socket.until((text) => text.startsWith('HTTP/1.1 100 '));
    socket.write(body);
    expect(await socket.until((text) => text.includes('response.completed'))).toContain('HTTP/1.1 200 ');
  });
});

describe('after everything bad at once', () => {
  it('the relay serves a good turn, leases nothing and has logged no bug', async () => {
    const { relay, upstream } = await setup('[server]\nmax_body_mb = 1\n');
    const bad = Array.from({ length: 20 }, (_, n) => {
      const socket = socketTo(relay);
      const kinds = [
        '\x16\x03\x01',
        httpRequest('/v1/responses', '[]'),
        httpRequest('/v1/responses', good.slice(3)),
        httpRequest('/v1/responses', gzipSync(Buffer.alloc(4 * MIB)), { 'content-encoding': 'gzip' }),
      ];
      socket.write(kinds[n % kinds.length] ?? '');
      return socket;
    });
    await Promise.all(bad.map((socket) => socket.until((text) => text.includes('INGRESS'))));
    for (const socket of bad) socket.destroy();
    await stillServes(relay);
    expect(upstream.turns).toHaveLength(1);
    const status = await relay.core.control.call('status.get', {});
    expect([status.liveTurns.length, status.endpoints[0]?.state.leases]).toEqual([0, 0]);
    expect(relay.ports.logger.lines.filter((line) => line.level === 'error')).toEqual([]);
    await relay.ended(1);
    expect(relay.records()).toHaveLength(1);
  });
});

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}
