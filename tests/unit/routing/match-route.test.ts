import { describe, expect, it } from 'vitest';
import { isFolderWithin, matchRoute } from '../../../main/core/routing/match-route.js';
import { makeFacts, makeRoute } from './fixtures.js';

const providers = ['a'];

describe('matchRoute', () => {
  it.each([
    ['a model pattern', { model: 'gpt-5*' }, { model: 'gpt-5.5' }, true],
    ['another model', { model: 'o*' }, { model: 'gpt-5.5' }, false],
    ['a model condition on a turn without model', { model: '*' }, { model: undefined }, false],
    ['a path pattern', { path: '*/compact' }, { path: '/v1/responses/compact' }, true],
    ['another path', { path: '/v1/chat/*' }, {}, false],
    ['a header whatever the case of its name', { header: { 'X-Team': 'blue*' } }, { headers: { 'x-team': 'blue-1' } }, true],
    ['a missing header', { header: { 'x-team': '*' } }, {}, false],
    ['one of two headers', { header: { a: '1', b: '2' } }, { headers: { a: '1', b: '3' } }, false],
    ['the client key', { client_key: 'laptop' }, { clientKey: 'laptop' }, true],
    ['another client key', { client_key: 'laptop' }, { clientKey: 'phone' }, false],
    ['no client key', { client_key: 'laptop' }, {}, false],
    ['a project above the folder', { project: '/home/me/work' }, { project: '/home/me/work/app' }, true],
    ['a project on a turn without folder', { project: '/home/me' }, {}, false],
    ['no condition at all', {}, {}, true],
  ])('%s', (_, conditions, facts, expected) => {
    const route = makeRoute({ ...conditions, providers });
    expect(matchRoute(makeFacts(facts), [route])).toBe(expected ? route : undefined);
  });

  it('needs every condition', () => {
    const route = makeRoute({ model: 'gpt-5*', path: '/v1/responses', client_key: 'laptop', providers });
    expect(matchRoute(makeFacts({ clientKey: 'laptop' }), [route])).toBe(route);
    expect(matchRoute(makeFacts({ clientKey: 'laptop', path: '/v1/models' }), [route])).toBeUndefined();
  });

  it('takes the first route that matches', () => {
    const routes = [makeRoute({ model: 'o3', providers }), makeRoute({ model: 'gpt-*', providers }), makeRoute({ providers })];
    expect(matchRoute(makeFacts(), routes)).toBe(routes[1]);
  });
});

describe('isFolderWithin', () => {
  it.each([
    ['/home/me', '/home/me', true],
    ['/home/me/', '/home/me', true],
    ['/home/me', '/home/me/x/y', true],
    ['/home/me', '/home/meadow', false],
    ['/home/me/x', '/home/me', false],
    ['/home/Me', '/home/me', false],
    ['/', '/anything', true],
    ['/home/./me', '/home/me/x', true],
    ['C:\\Work', 'c:\\work\\App', true],
    ['C:/Work/', 'C:\\Work\\App', true],
    ['C:\\', 'C:\\x', true],
    ['C:\\Work', 'C:\\Workshop', false],
    ['C:\\Work', 'D:\\Work', false],
    ['\\\\server\\share', '\\\\SERVER\\Share\\x', true],
    ['\\\\?\\C:\\Work', 'C:\\Work\\x', true],
    ['/c/work', 'C:\\c\\work', false],
    ['/Users/caf\u00e9', '/Users/cafe\u0301/x', true],
    ['', '/x', false],
  ])('%j holds %j: %s', (ancestor, folder, expected) => {
    expect(isFolderWithin(ancestor, folder)).toBe(expected);
  });
});
