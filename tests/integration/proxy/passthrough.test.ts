import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rawCall } from '../../helpers/raw-client.js';
import { provider } from '../../helpers/relay.js';
import { relaySuite } from '../../helpers/relay-suite.js';
import { closedPort, hangBeforeHeaders, json, status503, text, type Step } from '../../helpers/scripted-upstream.js';

const suite = relaySuite();

describe('every other path goes to the active provider as it is', () => {
  it('GET with a query', async () => {
    const a = await suite.upstream();
    const b = await suite.upstream([json(200, { here: true })]);
    const relay = await suite.relay(`[routing]\nactive = "b"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}`);
    const response = await fetch(`${relay.url}/v1/files/f%2F1?limit=2&after=a%20b&x=`, {
      headers: { authorization: 'Bearer mine' },
    });
    expect([response.status, await response.json()]).toEqual([200, { here: true }]);
    expect(b.requests[0]).toMatchObject({ method: 'GET', path: '/v1/files/f%2F1?limit=2&after=a%20b&x=' });
    expect(b.requests[0]?.headers).toMatchObject({ authorization: 'Bearer sk-b', host: new URL(b.origin).host });
    expect(a.requests).toHaveLength(0);
  });

  it.each(['multipart/form-data; boundary=xyz', 'application/octet-stream', 'application/json', 'text/plain'])(
    'POST of binary bytes as %s',
    async (type) => {
      const body = randomBytes(300_000);
      const a = await suite.upstream([text(200, body, { 'content-type': 'audio/mpeg' })]);
      const relay = await suite.relay(provider('a', a.baseUrl));
      const call = rawCall(relay.url, { path: '/v1/audio/speech', body, headers: { 'content-type': type } });
      expect(await call.end()).toBe('complete');
      expect(a.requests[0]?.body.equals(body)).toBe(true);
      expect(a.requests[0]?.headers['content-type']).toBe(type);
      expect(call.bytes().equals(body)).toBe(true);
      expect(call.headers['content-type']).toBe('audio/mpeg');
    },
  );

  it('a body without a length streams', async () => {
    const body = randomBytes(100_000);
    const a = await suite.upstream([json(200, {})]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawCall(relay.url, {
      path: '/v1/uploads',
      body,
      headers: { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' },
    });
    await call.end();
    expect(a.requests[0]?.body.equals(body)).toBe(true);
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])('%s', async (method) => {
    const a = await suite.upstream([text(200, '', { 'x-answer': 'yes' })]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawCall(relay.url, { method, path: '/v1/things/1' });
    expect(await call.end()).toBe('complete');
    expect([call.status, call.headers['x-answer'], a.requests[0]?.method]).toEqual([200, 'yes', method]);
  });

  it('an error of the upstream comes back whole, once asked for once', async () => {
    const a = await suite.upstream([
      json(404, { error: { message: 'no such file' } }, { 'x-request-id': 'r1' }),
      status503,
      status503,
    ]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const missing = await fetch(`${relay.url}/v1/files/none`);
    expect([missing.status, await missing.json()]).toEqual([404, { error: { message: 'no such file' } }]);
    expect(missing.headers.get('x-request-id')).toBe('r1');
    const busy = await fetch(`${relay.url}/v1/files`);
    expect(busy.status).toBe(503);
    expect(a.requests).toHaveLength(2);
  });

  it('an upstream that is down is a 502 with a code', async () => {
    const relay = await suite.relay(provider('a', `http://127.0.0.1:${await closedPort()}/v1`));
    const response = await fetch(`${relay.url}/v1/files`);
    expect([response.status, await response.json()]).toMatchObject([502, { error: { code: 'UPSTREAM_UNREACHABLE' } }]);
  });

  it('a compressed answer stays compressed', async () => {
    const bytes = randomBytes(1000);
    const a = await suite.upstream([text(200, bytes, { 'content-encoding': 'br', 'content-type': 'application/json' })]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawCall(relay.url, { method: 'GET', path: '/v1/files', headers: { 'accept-encoding': 'br' } });
    await call.end();
    expect(a.requests[0]?.headers['accept-encoding']).toBe('br');
    expect(call.headers['content-encoding']).toBe('br');
    expect(call.bytes().equals(bytes)).toBe(true);
  });

  it('the pinned provider comes before the active one, a usable one before none', async () => {
    const [a, b, c] = [await suite.upstream(), await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(
      `[routing]\nactive = "a"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}${provider('c', c.baseUrl)}`,
    );
    await relay.core.control.call('pin.set', { provider: 'c' });
    await fetch(`${relay.url}/v1/files`);
    await relay.core.control.call('pin.clear', {});
    await fetch(`${relay.url}/v1/files`);
    await relay.core.control.call('provider.setEnabled', { name: 'a', enabled: false });
    await fetch(`${relay.url}/v1/files`);
    expect([a.requests.length, b.requests.length, c.requests.length]).toEqual([1, 1, 1]);
  });

  it('a client that leaves before the answer cancels the upstream', async () => {
    const a = await suite.upstream([hangBeforeHeaders]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawCall(relay.url, { method: 'GET', path: '/v1/files' });
    await a.waitForRequests(1);
    call.abort();
    expect(await a.requests[0]?.finished).toBe('aborted');
  });

  it('a client that leaves in the middle of the answer, too', async () => {
    const endless: Step = {
      name: 'endless',
      run: ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/octet-stream' });
        response.write('first');
      },
    };
    const a = await suite.upstream([endless]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawCall(relay.url, { method: 'GET', path: '/v1/files/1/content' });
    await call.until((received) => received === 'first');
    call.abort();
    expect(await a.requests[0]?.finished).toBe('aborted');
  });

  it('an offer to speak HTTP/2 is ignored', async () => {
    const a = await suite.upstream([json(200, {})]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
    const call = rawCall(relay.url, { method: 'GET', path: '/v1/files', headers });
    await call.end();
    expect(call.status).toBe(200);
    expect(a.requests[0]?.headers).not.toHaveProperty('upgrade');
    expect(a.requests[0]?.headers).not.toHaveProperty('http2-settings');
  });

  it('nothing under our own prefix leaves the machine', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    const response = await fetch(`${relay.url}/_switchyard/nothing/here`);
    expect([response.status, await response.json()]).toMatchObject([404, { error: { code: 'CONTROL_NOT_FOUND' } }]);
    expect(a.requests).toHaveLength(0);
  });
});
