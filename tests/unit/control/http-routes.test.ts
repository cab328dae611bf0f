import { request } from 'node:http';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createControlClient } from '../../../main/control-client/control-client.js';
import { discoverHost } from '../../../main/control-client/discover-host.js';
import { loadControlToken } from '../../../main/core/control/control-token.js';
import { registerControlRoutes } from '../../../main/core/control/http-routes.js';
import type { CoreEvent } from '../../../shared/control/events.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { openControlHome, type ControlHome } from './control-home.js';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

let home: ControlHome;
let app: FastifyInstance;
let port: number;
let token: string;
let ready: boolean;
let allowedHosts: readonly string[];
let listeners: Set<(event: CoreEvent) => void>;

beforeEach(async () => {
  home = await openControlHome('[providers.a]\nbase_url = "https://a.example"\napi_key_env = "KEY"\n');
  token = await loadControlToken(home.home.paths);
  listeners = new Set();
  ready = true;
  allowedHosts = [];
  app = fastify();
  // What a proxy on the same server does: everything else leaves the machine.
  app.all('/*', () => 'FORWARDED UPSTREAM');
  registerControlRoutes(app, {
    control: home.control,
    token,
    version: '1.2.3',
    onEvent: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    allowedHosts: () => allowedHosts,
    ledger: home.ledger,
    ready: () => ready,
    clock: home.clock,
    logger: home.logger,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterEach(async () => {
  await app.close();
  await home.close();
});

function send(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', headers = {}, body } = options;
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), headers: response.headers }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const call = (name: string, extra: { headers?: Record<string, string>; body?: string } = {}) =>
  send(`/_switchyard/control/${name}`, {
    body: extra.body ?? '{}',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...extra.headers },
  });
const errorOf = (answer: Answer) =>
  (JSON.parse(answer.text) as { error: { code: string; message: string; remedy: string } }).error;
const baseUrl = () => `http://127.0.0.1:${String(port)}`;

describe('control calls', () => {
  it('answers a call as JSON that no cache keeps', async () => {
    const answer = await call('status.get');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ version: '1.2.3' });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it.each([
    ['no token', { authorization: '' }],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['a token of the right length', { authorization: `Bearer ${'x'.repeat(43)}` }],
    ['another scheme', { authorization: 'Basic abc' }],
  ])('refuses %s before reading the body', async (_name, headers) => {
    const answer = await call('host.stop', { headers, body: 'not json' });
    expect(answer.status).toBe(401);
    expect(errorOf(answer)).toMatchObject({
      code: 'CONTROL_UNAUTHORIZED',
      remedy: expect.stringContaining('control-token') as string,
    });
    expect(home.stops).toEqual([]);
  });

  it.each([
    ['a foreign Host, as after DNS rebinding', { host: 'evil.example' }],
    ['a Host that only begins like ours', { host: '127.0.0.1.evil.example:3211' }],
    ['a Host with a user part', { host: 'localhost@evil.example' }],
    ['a foreign Origin', { origin: 'https://evil.example' }],
    ['the null Origin of a sandboxed page', { origin: 'null' }],
    ['the Origin of another port', { origin: 'http://127.0.0.1:1' }],
  ])('refuses %s, even with the token', async (_name, headers) => {
    const answer = await call('host.stop', { headers });
    expect(answer.status).toBe(403);
    expect(errorOf(answer).code).toBe('INGRESS_HOST_REFUSED');
    expect(home.stops).toEqual([]);
  });

  it.each(['localhost', 'LOCALHOST:99', '127.0.0.1', '[::1]:3211', 'box.localhost'])(
    'takes the loopback name %s',
    async (host) => {
      expect((await call('status.get', { headers: { host } })).status).toBe(200);
    },
  );

  it('takes the page it serves itself, and the names the user allowed', async () => {
    expect((await call('status.get', { headers: { origin: baseUrl() } })).status).toBe(200);
    expect((await call('status.get', { headers: { host: 'box.lan:3211' } })).status).toBe(403);
    allowedHosts = ['box.lan'];
    expect((await call('status.get', { headers: { host: 'box.lan:3211', origin: 'http://box.lan:3211' } })).status).toBe(200);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'refuses a body of %s',
    async (type) => {
      const answer = await call('host.stop', { headers: { 'content-type': type } });
      expect(answer.status).toBe(415);
      expect(errorOf(answer).code).toBe('CONTROL_BAD_REQUEST');
      expect(home.stops).toEqual([]);
    },
  );

  it('refuses what is not JSON, what is too large, and what does not fit the contract', async () => {
    const bad = await call('status.get', { body: '{' });
    expect([bad.status, errorOf(bad).code]).toEqual([400, 'INGRESS_BAD_JSON']);
    const large = await call('status.get', { body: JSON.stringify({ x: 'y'.repeat(1024 * 1024) }) });
    expect([large.status, errorOf(large).code]).toEqual([413, 'INGRESS_BODY_TOO_LARGE']);
    const wrong = await call('provider.setLevel', { body: '{"name":"a","level":99}' });
    expect([wrong.status, errorOf(wrong).code]).toEqual([400, 'CONTROL_BAD_REQUEST']);
    expect(errorOf(wrong).message).toContain('level');
  });

  it('answers an unknown call or path itself instead of forwarding it', async () => {
    for (const path of ['control/no.such', 'control/toString', 'control', 'nothing/here', '']) {
      const answer = await send(`/_switchyard/${path}`, { headers: { authorization: `Bearer ${token}` } });
      expect([path, answer.status, errorOf(answer).code]).toEqual([path, 404, 'CONTROL_NOT_FOUND']);
    }
    expect((await send('/_switchyard/control/status.get', { method: 'GET' })).status).toBe(404);
    expect((await send('/v1/models', { method: 'GET' })).text).toBe('FORWARDED UPSTREAM');
  });

  it('keeps the details of an unexpected error in the log', async () => {
    home.codex.status = () => Promise.reject(new TypeError('boom with sk-canary0123456789'));
    const answer = await call('codex.status');
    expect(answer.status).toBe(500);
    expect(errorOf(answer).code).toBe('BUG_UNEXPECTED');
    expect(answer.text).not.toContain('boom');
    expect(home.logger.text()).toContain('boom');
    expect(home.logger.text()).not.toContain('canary');
  });
});

describe('health, readiness and metrics', () => {
  it('tells anybody that it lives, and no more', async () => {
    const answer = await send('/_switchyard/health', { method: 'GET', headers: { host: 'probe.example' } });
    expect(JSON.parse(answer.text)).toEqual({ status: 'ok', product: 'switchyard', version: '1.2.3' });
  });

  it('is ready only when a turn could be served', async () => {
    expect((await send('/_switchyard/ready', { method: 'GET' })).status).toBe(200);
    ready = false;
    expect((await send('/_switchyard/ready', { method: 'GET' })).status).toBe(503);
  });

  it('answers at the root as well, where monitors look first', async () => {
    expect((await send('/health', { method: 'GET' })).status).toBe(200);
    expect((await send('/ready', { method: 'GET' })).status).toBe(200);
    expect((await send('/metrics', { method: 'GET' })).text).toContain('switchyard_turns_total');
    expect((await send('/metrics', { method: 'GET', headers: { host: 'evil.example' } })).status).toBe(403);
  });

  it('gives metrics to this machine without a token, but not to a web page', async () => {
    const answer = await send('/_switchyard/metrics', { method: 'GET' });
    expect(answer.headers['content-type']).toContain('version=0.0.4');
    expect(answer.text).toContain('# TYPE switchyard_turns_total counter');
    expect((await send('/_switchyard/metrics', { method: 'GET', headers: { host: 'evil.example' } })).status).toBe(403);
  });
});

describe('events', () => {
  const stage: CoreEvent = {
    type: 'turn-stage',
    turn: {
      turnId: 't\nü',
      startedAtMs: 1,
      stage: 'streaming',
      sessionId: undefined,
      model: 'm',
      endpoint: 'a/default',
      attempts: 1,
      path: '/v1/responses',
    },
  };
  const emit = (event: CoreEvent) => listeners.forEach((listener) => listener(event));
  const subscribed = () => expect.poll(() => listeners.size).toBe(1);

  it('needs the token and a Host of its own', async () => {
    expect((await send('/_switchyard/events', { method: 'GET' })).status).toBe(401);
    const headers = { authorization: `Bearer ${token}`, host: 'evil.example' };
    expect((await send('/_switchyard/events', { method: 'GET', headers })).status).toBe(403);
    expect((await send('/_switchyard/events', { method: 'HEAD', headers: { authorization: `Bearer ${token}` } })).status).toBe(
      404,
    );
    expect(listeners.size).toBe(0);
  });

  it('arrive at every listener as they were sent, and nobody listens to the core once all are gone', async () => {
    const client = createControlClient({ baseUrl: baseUrl(), token });
    const stop = new AbortController();
    const timersBefore = home.clock.pending;
    const seen: CoreEvent[][] = [[], []];
    const done = seen.map((list) => client.events((event) => list.push(event), stop.signal));
    await subscribed();
    // The second listener may connect after the first event, so events repeat until both have one.
    await expect
      .poll(() => {
        emit(stage);
        return seen.every((list) => list.length > 0);
      })
      .toBe(true);
    for (const list of seen) expect(list[0]).toEqual(JSON.parse(JSON.stringify(stage)));
    stop.abort();
    await Promise.all(done);
    await expect.poll(() => listeners.size).toBe(0);
    expect(home.clock.pending).toBe(timersBefore);
  });

  it('end when the server closes', async () => {
    const client = createControlClient({ baseUrl: baseUrl(), token });
    const seen: CoreEvent[] = [];
    const done = client.events((event) => seen.push(event), new AbortController().signal);
    await subscribed();
    emit({ type: 'stopping' });
    await app.close();
    await done;
    expect(seen).toEqual([{ type: 'stopping' }]);
  });

  it('send a comment to quiet listeners so that proxies keep the stream', async () => {
    const stream = await new Promise<{ text: () => string; close: () => void }>((resolve) => {
      const outgoing = request(
        { host: '127.0.0.1', port, path: '/_switchyard/events', headers: { authorization: `Bearer ${token}` }, agent: false },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('error', () => undefined);
          resolve({ text: () => text, close: () => outgoing.destroy() });
        },
      );
      outgoing.on('error', () => undefined);
      outgoing.end();
    });
    await subscribed();
    home.clock.advance(15_000);
    home.clock.advance(15_000);
    await expect.poll(() => stream.text()).toBe(': connected\n\n: keepalive\n\n: keepalive\n\n');
    stream.close();
  });

  it('drop a listener that does not read instead of keeping everything for it', async () => {
    const options = {
      host: '127.0.0.1',
      port,
      path: '/_switchyard/events',
      headers: { authorization: `Bearer ${token}` },
      agent: false,
    };
    const outgoing = request(options, (response) => response.pause().on('error', () => undefined));
    outgoing.on('error', () => undefined).end();
    await subscribed();
    const fat: CoreEvent = { ...stage, turn: { ...stage.turn, path: 'x'.repeat(256 * 1024) } };
    await expect
      .poll(() => {
        emit(fat);
        return listeners.size;
      })
      .toBe(0);
    outgoing.destroy();
  });
});

describe('the client', () => {
  it('calls over HTTP and throws the very error of the host', async () => {
    const client = createControlClient({ baseUrl: baseUrl(), token });
    expect((await client.call('status.get', {})).pid).toBe(77);
    await expect(client.call('provider.setActive', { name: 'b' })).rejects.toMatchObject({
      name: 'SwitchyardError',
      code: 'CONFIG_NOT_FOUND',
      message: expect.stringContaining('Known: a.') as string,
      details: { hints: ['a'] },
    });
    const stranger = createControlClient({ baseUrl: baseUrl(), token: 'wrong' });
    await expect(stranger.call('status.get', {})).rejects.toMatchObject({ code: 'CONTROL_UNAUTHORIZED' });
    await expect(stranger.events(() => undefined, new AbortController().signal)).rejects.toMatchObject({
      code: 'CONTROL_UNAUTHORIZED',
    });
  });

  it('says CONTROL_NOT_RUNNING when nothing, something else or something silent is there', async () => {
    await app.close();
    const client = createControlClient({ baseUrl: baseUrl(), token });
    await expect(client.call('status.get', {})).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING' });
    await expect(client.events(() => undefined, new AbortController().signal)).rejects.toMatchObject({
      code: 'CONTROL_NOT_RUNNING',
    });
    const other = fastify();
    other.all('/*', (incoming) => (incoming.url.includes('silent') ? new Promise(() => undefined) : '<html>hello</html>'));
    other.post('/_switchyard/control/doctor.run', () => new Promise(() => undefined));
    await other.listen({ host: '127.0.0.1', port });
    await expect(client.call('status.get', {})).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING' });
    const hasty = createControlClient({ baseUrl: baseUrl(), token, timeoutMs: 30 });
    await expect(hasty.call('doctor.run', {})).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING' });
    other.server.closeAllConnections();
    await other.close();
  });
});

describe('finding the host', () => {
  const publish = (record: object) => {
    mkdirSync(home.home.paths.runDir, { recursive: true });
    writeFileSync(join(home.home.paths.runDir, 'host.json'), JSON.stringify(record));
  };
  const record = () => ({ pid: process.pid, host: '127.0.0.1', port, url: baseUrl(), kind: 'daemon', startedAtMs: 1 });

  it('finds a living one, with its token', async () => {
    publish(record());
    expect(await discoverHost(home.home.paths)).toEqual({ ...record(), baseUrl: baseUrl(), token });
  });

  it('finds none without a file, in a damaged one, of a dead process, or where another program answers', async () => {
    expect(await discoverHost(home.home.paths)).toBeUndefined();
    publish({ pid: 'x' });
    expect(await discoverHost(home.home.paths)).toBeUndefined();
    publish({ ...record(), pid: 2 ** 30 });
    expect(await discoverHost(home.home.paths)).toBeUndefined();
    publish(record());
    await app.close();
    expect(await discoverHost(home.home.paths)).toBeUndefined();
    const other = fastify();
    other.get('/_switchyard/health', () => ({ status: 'ok' }));
    await other.listen({ host: '127.0.0.1', port });
    expect(await discoverHost(home.home.paths)).toBeUndefined();
    await other.close();
  });
});

describe('the token', () => {
  let fresh: TempHome;
  beforeEach(() => {
    fresh = makeTempHome();
  });
  afterEach(() => fresh.cleanup());
  const file = () => join(fresh.paths.runDir, 'control-token');

  it('is made once and kept', async () => {
    const made = await loadControlToken(fresh.paths);
    expect(made).toMatch(/^[\w-]{43}$/);
    expect(await loadControlToken(fresh.paths)).toBe(made);
    expect(readFileSync(file(), 'utf8').trim()).toBe(made);
  });

  it.skipIf(process.platform === 'win32')('is readable to its owner only, also after somebody opened it up', async () => {
    const made = await loadControlToken(fresh.paths);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    chmodSync(file(), 0o644);
    expect(await loadControlToken(fresh.paths)).toBe(made);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('is made anew when the file is damaged', async () => {
    mkdirSync(fresh.paths.runDir);
    writeFileSync(file(), 'short', { mode: 0o666 });
    expect(await loadControlToken(fresh.paths)).toMatch(/^[\w-]{43}$/);
    if (process.platform !== 'win32') expect(statSync(file()).mode & 0o777).toBe(0o600);
  });
});
