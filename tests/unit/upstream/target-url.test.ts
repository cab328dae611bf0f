import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetOf } from '../../../main/core/upstream/target-url.js';

describe('where a request goes', () => {
  it.each([
    ['https://api.example.com/v1', '/v1/responses', 'https://api.example.com/v1/responses'],
    ['https://api.example.com/v1', '/responses', 'https://api.example.com/v1/responses'],
    ['https://api.example.com/v1', '/v1/v1/responses', 'https://api.example.com/v1/responses'],
    ['https://api.example.com', '/v1/responses', 'https://api.example.com/v1/responses'],
    ['https://chatgpt.com/backend-api/codex', '/v1/responses', 'https://chatgpt.com/backend-api/codex/responses'],
    ['https://chatgpt.com/backend-api/codex', '/responses', 'https://chatgpt.com/backend-api/codex/responses'],
    ['https://chatgpt.com/backend-api/codex', '/backend-api/codex/responses', 'https://chatgpt.com/backend-api/codex/responses'],
    ['https://chatgpt.com/backend-api/codex', '/v1/responses/compact', 'https://chatgpt.com/backend-api/codex/responses/compact'],
    ['https://relay.example/openai/v1', '/v1/chat/completions', 'https://relay.example/openai/v1/chat/completions'],
    ['https://relay.example/v1', '/v1/models?client_version=0.169.0', 'https://relay.example/v1/models?client_version=0.169.0'],
    ['https://relay.example', '/v1/models?a=/v1/b', 'https://relay.example/v1/models?a=/v1/b'],
    ['https://relay.example/v1', '/v1?x=1', 'https://relay.example/v1?x=1'],
    ['https://relay.example/v1', '/v1', 'https://relay.example/v1'],
    ['https://relay.example/v1', '/v10/responses', 'https://relay.example/v1/v10/responses'],
    ['https://relay.example/api', '/apix/y', 'https://relay.example/api/apix/y'],
    ['http://127.0.0.1:8080/v1', '/v1/responses', 'http://127.0.0.1:8080/v1/responses'],
    ['http://[::1]:8080', '/v1/responses', 'http://[::1]:8080/v1/responses'],
  ])('%s with %s is %s', (base, path, expected) => {
    const target = targetOf(base, path);
    expect(target.origin + target.path).toBe(expected);
    expect(target.origin).toBe(new URL(base).origin);
  });

  it('never leaves the base, never doubles its version, and never loses the query', () => {
    const segment = fc.stringMatching(/^[a-z][a-z0-9.-]{0,8}$/);
    const base = fc
      .tuple(fc.constantFrom('https://host.example', 'http://10.0.0.1:99'), fc.array(segment, { maxLength: 3 }), fc.boolean())
      .map(([origin, segments, versioned]) => [origin, ...segments, ...(versioned ? ['v1'] : [])].join('/'));
    const path = fc
      .tuple(fc.boolean(), fc.array(segment, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '?a=1', '?a=/v1/v1'))
      .map(([versioned, segments, query]) => `/${[...(versioned ? ['v1'] : []), ...segments].join('/')}${query}`);
    fc.assert(
      fc.property(base, path, (from, rest) => {
        const target = targetOf(from, rest);
        const [pathname = '', query = ''] = target.path.split('?');
        expect(from.startsWith(target.origin)).toBe(true);
        expect(target.path.startsWith(new URL(from).pathname.replace(/\/$/, ''))).toBe(true);
        expect(pathname).not.toContain('/v1/v1');
        expect(pathname).not.toContain('//');
        expect(query).toBe(rest.split('?')[1] ?? '');
      }),
    );
  });
});
