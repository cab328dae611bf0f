import { describe, expect, it } from 'vitest';
import { isLoopback, resolveProxy } from '../../../main/core/upstream/resolve-proxy.js';

const proxy = 'http://proxy.example:3128';
const other = 'http://other.example:3128';
const secure = 'https://api.example.com';
const plain = 'http://api.example.com';

function fromEnvironment(origin: string, env: Readonly<Record<string, string>>): string | undefined {
  return resolveProxy('environment', origin, env);
}

describe('the outbound proxy', () => {
  it('is what the setting names, whatever the environment says', () => {
    expect(resolveProxy('direct', secure, { HTTPS_PROXY: proxy })).toBeUndefined();
    expect(resolveProxy('socks5://127.0.0.1:1080', secure, { HTTPS_PROXY: proxy, NO_PROXY: '*' })).toBe(
      'socks5://127.0.0.1:1080',
    );
    expect(resolveProxy(proxy, 'http://127.0.0.1:9', {})).toBe(proxy);
  });

  it.each([
    ['the one for https', secure, { HTTPS_PROXY: proxy, HTTP_PROXY: other }, proxy],
    ['the one for http', plain, { HTTPS_PROXY: other, http_proxy: proxy }, proxy],
    ['none when only the other scheme has one', secure, { http_proxy: proxy }, undefined],
    ['the one for all', secure, { ALL_PROXY: proxy }, proxy],
    ['its own before the one for all', secure, { ALL_PROXY: other, HTTPS_PROXY: proxy }, proxy],
    ['the lower-case one first', secure, { HTTPS_PROXY: other, https_proxy: proxy }, proxy],
    ['the upper-case one when the lower-case one is empty', secure, { HTTPS_PROXY: proxy, https_proxy: '' }, proxy],
    ['none when it is empty', secure, { HTTPS_PROXY: '  ' }, undefined],
    ['http when it has no scheme', secure, { HTTPS_PROXY: 'proxy.example:3128' }, proxy],
    ['socks', secure, { ALL_PROXY: 'socks5://127.0.0.1:1080' }, 'socks5://127.0.0.1:1080'],
    ['none without an environment', secure, {}, undefined],
  ])('from the environment is %s', (_name, origin, env, expected) => {
    expect(fromEnvironment(origin, env)).toBe(expected);
  });

  it.each(['http://127.0.0.1:3000', 'http://localhost', 'https://my.localhost', 'http://[::1]:80', 'http://127.9.9.9'])(
    'is never used for %s',
    (origin) => {
      expect(fromEnvironment(origin, { ALL_PROXY: proxy, HTTP_PROXY: proxy, HTTPS_PROXY: proxy })).toBeUndefined();
    },
  );
});

describe('NO_PROXY', () => {
  const bypassed: readonly (readonly [string, string])[] = [
    ['*', secure],
    ['api.example.com', secure],
    ['example.com', secure],
    ['.example.com', secure],
    ['*.example.com', secure],
    ['EXAMPLE.com', secure],
    ['foo,example.com', secure],
    ['foo, example.com ', secure],
    ['foo example.com', secure],
    ['example.com.', secure],
    ['example.com', 'https://api.example.com.'],
    ['example.com:443', secure],
    ['example.com:8443', 'https://api.example.com:8443'],
    ['10.1.2.3', 'http://10.1.2.3:8080'],
    ['10.0.0.0/8', 'http://10.1.2.3:8080'],
    ['192.168.0.0/16,10.1.2.0/24', 'http://10.1.2.3'],
    ['2001:db8::1', 'http://[2001:db8::1]:80'],
    ['[2001:db8::1]', 'http://[2001:db8::1]'],
    ['[2001:db8::1]:8080', 'http://[2001:db8::1]:8080'],
    ['2001:db8::/32', 'http://[2001:db8:1::1]'],
  ];
  it.each(bypassed)('%j goes direct to %s', (list, origin) => {
    expect(fromEnvironment(origin, { ALL_PROXY: proxy, NO_PROXY: list })).toBeUndefined();
    expect(fromEnvironment(origin, { ALL_PROXY: proxy, no_proxy: list })).toBeUndefined();
  });

  const proxied: readonly (readonly [string, string])[] = [
    ['', secure],
    [',', secure],
    ['ample.com', secure],
    ['www.api.example.com', secure],
    ['example.com.evil.example', secure],
    ['example.com:8443', secure],
    ['10.1.2.3', 'http://10.1.2.30'],
    ['10.1.2.0/24', 'http://10.1.3.3'],
    ['10.0.0.0/8', 'http://example.com'],
    ['10.0.0.0/99', 'http://10.0.0.1'],
    ['10.0.0.0/', 'http://10.0.0.1'],
    ['2001:db8::/32', 'http://[2001:db9::1]'],
    ['not/8', secure],
  ];
  it.each(proxied)('%j does not concern %s', (list, origin) => {
    expect(fromEnvironment(origin, { ALL_PROXY: proxy, NO_PROXY: list })).toBe(proxy);
  });
});

describe('this machine', () => {
  it.each(['localhost', 'LOCALHOST', 'a.localhost', '127.0.0.1', '127.255.255.254', '::1', '[::1]'])('is %s', (name) => {
    expect(isLoopback(name)).toBe(true);
  });
  it.each(['localhost.example.com', '128.0.0.1', '127.0.0.1.example.com', '::2', '0.0.0.0', 'mylocalhost', ''])(
    'is not %s',
    (name) => {
      expect(isLoopback(name)).toBe(false);
    },
  );
});
