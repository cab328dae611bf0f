import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  startHttpProxy,
  startSocksProxy,
  type OutboundProxy,
  type OutboundProxyOptions,
} from '../../helpers/outbound-proxies.js';
import { rawCall } from '../../helpers/raw-client.js';
import { provider, type TestRelay } from '../../helpers/relay.js';
import { journeys, oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import { closedPort, frameEvent, idleAfter, turnEvents, type ScriptedUpstream } from '../../helpers/scripted-upstream.js';

const suite = relaySuite();

const kinds = {
  http: (options?: OutboundProxyOptions) => startHttpProxy(options),
  socks5: (options?: OutboundProxyOptions) => startSocksProxy(options),
} as const;
type Kind = keyof typeof kinds;
const both: readonly Kind[] = ['http', 'socks5'];

async function outbound(kind: Kind, options?: OutboundProxyOptions): Promise<OutboundProxy> {
  return suite.track(await kinds[kind](options));
}

/** A name only the proxies know, standing for the upstream. */
const name = 'upstream.test';
const far = `http://${name}:8080/v1`;
const knows = (upstream: ScriptedUpstream): OutboundProxyOptions['hosts'] => ({ [`${name}:8080`]: upstream.port });

async function journey(relay: TestRelay): Promise<string> {
  const before = relay.records().length;
  await relay.turn();
  await relay.ended(before + 1);
  return journeys(relay).at(-1) ?? '';
}

describe.each(both)('provider proxy = "%s://..."', (kind) => {
  it('carries the turn, byte for byte, to a name the proxy resolves', async () => {
    const a = await suite.upstream();
    const proxy = await outbound(kind, { hosts: knows(a) });
    const relay = await suite.relay(provider('a', far, `proxy = "${kind}://127.0.0.1:${proxy.port}"`));
    const got = await relay.turn();
    expect(got.text).toBe(
      turnEvents('responses')
        .map((event) => frameEvent(event))
        .join(''),
    );
    expect(proxy.targets).toEqual([`${name}:8080`]);
    expect(a.turns[0]?.headers).toMatchObject({ host: `${name}:8080`, authorization: 'Bearer sk-a' });
    expect(a.turns[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('presents its login to the proxy, and to nobody else', async () => {
    const a = await suite.upstream();
    const proxy = await outbound(kind, { login: 'us er:p@ss/word', hosts: knows(a) });
    const relay = await suite.relay(provider('a', far, `proxy = "${kind}://us%20er:p%40ss%2Fword@127.0.0.1:${proxy.port}"`));
    expect(await journey(relay)).toBe('a');
    expect(proxy.logins).toEqual(['us er:p@ss/word']);
    expect(a.turns[0]?.rawHeaders.join('\n')).not.toContain('Basic');
  });

  it('a login that is refused is a failure that never reached the upstream; the next provider serves the turn', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const proxy = await outbound(kind, { login: 'user:right' });
    const relay = await suite.relay(
      `[retry.failover]\nmax_attempts = 1\n${oneAttempt}${provider('a', a.baseUrl, `proxy = "${kind}://user:canary-wrong@127.0.0.1:${proxy.port}"`)}${provider('b', b.baseUrl, 'proxy = "direct"')}`,
    );
    expect(await journey(relay)).toBe('a>b');
    expect(relay.records()[0]?.attempts[0]?.class).toBe('transport');
    expect(a.requests).toHaveLength(0);
    await relay.core.close();
    const logs = relay.home.paths.logsDir;
    const written = readdirSync(logs).map((file) => readFileSync(join(logs, file), 'utf8'));
    expect(written.join('\n') + relay.ports.logger.text()).not.toContain('canary-wrong');
  });

  it('a proxy that is down is a transport failure; the next provider serves the turn', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(
      `[retry.failover]\nmax_attempts = 1\n${oneAttempt}${provider('a', a.baseUrl, `proxy = "${kind}://127.0.0.1:${await closedPort()}"`)}${provider('b', b.baseUrl)}`,
    );
    expect(await journey(relay)).toBe('a>b');
    expect(relay.records()[0]?.attempts[0]).toMatchObject({ class: 'transport', next: 'next' });
    expect(a.requests).toHaveLength(0);
  });

  it('a client that leaves closes the upstream through the proxy', async () => {
    const a = await suite.upstream([idleAfter(5)]);
    const proxy = await outbound(kind);
    const relay = await suite.relay(provider('a', a.baseUrl, `proxy = "${kind}://127.0.0.1:${proxy.port}"`));
    const body = JSON.stringify({ model: 'm', stream: true, input: [] });
    const call = rawCall(relay.url, { body, headers: { 'content-type': 'application/json' } });
    await call.until((text) => text.includes('delta'));
    call.abort();
    expect(await a.turns[0]?.finished).toBe('aborted');
  });

  it('model lists and every other path leave through it, too', async () => {
    const a = await suite.upstream();
    const proxy = await outbound(kind, { hosts: knows(a) });
    const relay = await suite.relay(provider('a', far, `proxy = "${kind}://127.0.0.1:${proxy.port}"`));
    expect((await fetch(`${relay.url}/v1/models`)).status).toBe(200);
    expect((await fetch(`${relay.url}/v1/files?limit=1`)).status).toBe(200);
    expect(a.requests.map((each) => each.path)).toEqual(['/v1/models', '/v1/files?limit=1']);
    expect(new Set(proxy.targets)).toEqual(new Set([`${name}:8080`]));
  });
});

describe('the environment', () => {
  it('is followed by default, in either case of its names', async () => {
    for (const variable of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) {
      const a = await suite.upstream();
      const proxy = await outbound('http', { hosts: knows(a) });
      const relay = await suite.relay(provider('a', far), { env: { [variable]: `http://127.0.0.1:${proxy.port}` } });
      expect(await journey(relay)).toBe('a');
      expect(proxy.targets).toHaveLength(1);
    }
  });

  it('a value without a scheme is an HTTP proxy, and socks5 works there, too', async () => {
    const a = await suite.upstream();
    const http = await outbound('http', { hosts: knows(a) });
    const socks = await outbound('socks5', { hosts: knows(a) });
    const one = await suite.relay(provider('a', far), { env: { http_proxy: `127.0.0.1:${http.port}` } });
    expect(await journey(one)).toBe('a');
    const two = await suite.relay(provider('a', far), { env: { ALL_PROXY: `socks5://127.0.0.1:${socks.port}` } });
    expect(await journey(two)).toBe('a');
    expect([http.targets.length, socks.targets.length]).toEqual([1, 1]);
  });

  it('does not concern loopback', async () => {
    const a = await suite.upstream();
    const proxy = await outbound('http');
    const relay = await suite.relay(provider('a', a.baseUrl) + provider('b', a.baseUrl.replace('127.0.0.1', 'localhost')), {
      env: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` },
    });
    expect(await journey(relay)).toBe('a');
    expect((await fetch(`${relay.url}/v1/models`)).status).toBe(200);
    expect(proxy.targets).toEqual([]);
  });

  it('NO_PROXY takes hosts out of it', async () => {
    const a = await suite.upstream();
    const proxy = await outbound('http');
    // An address of this machine that is not loopback by its looks.
    const base = `http://0.0.0.0:${a.port}/v1`;
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
    const through = await suite.relay(provider('a', base), { env });
    expect(await journey(through)).toBe('a');
    expect(proxy.targets).toEqual([`0.0.0.0:${a.port}`]);
    const around = await suite.relay(provider('a', base), { env: { ...env, NO_PROXY: 'example.test, 0.0.0.0' } });
    expect(await journey(around)).toBe('a');
    expect(proxy.targets).toHaveLength(1);
  });

  it('proxy = "direct" ignores it', async () => {
    const a = await suite.upstream();
    const proxy = await outbound('http');
    const relay = await suite.relay(provider('a', `http://0.0.0.0:${a.port}/v1`, 'proxy = "direct"'), {
      env: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` },
    });
    expect(await journey(relay)).toBe('a');
    expect(proxy.targets).toEqual([]);
  });

  it('a value that is no address fails the attempts that need it, and nothing else', async () => {
    const b = await suite.upstream();
    const relay = await suite.relay(`${oneAttempt}${provider('a', far, 'max_concurrent = 1')}${provider('b', b.baseUrl)}`, {
      env: { HTTP_PROXY: 'http://[oops' },
    });
    expect(await journey(relay)).toBe('a>b');
    expect(relay.records()[0]?.attempts[0]?.class).toBe('transport');
    const { endpoints } = await relay.core.control.call('status.get', {});
    expect(endpoints[0]?.state.leases).toBe(0);
    expect((await fetch(`${relay.url}/v1/models`)).status).toBe(200);
    expect((await fetch(`${relay.url}/v1/files`)).status).toBe(502);
  });
});
