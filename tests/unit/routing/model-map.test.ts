import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { mapModel, matchesPattern, supportsModel } from '../../../main/core/routing/model-map.js';

const rules = (models: readonly string[], modelMap: Readonly<Record<string, string>> = {}) => ({ models, modelMap });

describe('matchesPattern', () => {
  it.each([
    ['gpt-5', 'gpt-5', true],
    ['gpt-5', 'gpt-5.5', false],
    ['gpt-5*', 'gpt-5.5', true],
    ['gpt-5*', 'gpt-5', true],
    ['*-codex', 'gpt-5-codex', true],
    ['gpt-*-codex', 'gpt-5.3-codex', true],
    ['gpt-*-codex', 'gpt-codex', false],
    ['ab*ba', 'aba', false],
    ['*', 'anything', true],
    ['GPT-5', 'gpt-5', false],
    ['/v1/*', '/v1/responses', true],
  ])('%s against %s: %s', (pattern, value, expected) => {
    expect(matchesPattern(pattern, value)).toBe(expected);
  });
});

describe('supportsModel', () => {
  it('takes every model when neither list nor map is given', () => {
    expect(supportsModel(rules([]), 'whatever')).toBe(true);
  });

  it('takes listed models, patterns and the keys of the map, and nothing else', () => {
    const endpoint = rules(['gpt-5.5', 'o*'], { 'vendor-*': 'v/*' });
    expect(['gpt-5.5', 'o3', 'vendor-x'].every((model) => supportsModel(endpoint, model))).toBe(true);
    expect(supportsModel(endpoint, 'gpt-5')).toBe(false);
  });

  it('takes only mapped models when there is a map and no list', () => {
    expect(supportsModel(rules([], { 'gpt-5': 'x' }), 'gpt-5.5')).toBe(false);
  });
});

describe('mapModel', () => {
  it.each([
    ['exact key before any pattern', { 'gpt-5*': 'pattern', 'gpt-5.5': 'exact' }, 'gpt-5.5', 'exact'],
    ['longest prefix and suffix', { '*': 'short', 'gpt-*': 'longer', 'gpt-*-codex': 'longest' }, 'gpt-5-codex', 'longest'],
    ['captured text in the target', { 'gpt-*': 'openai/gpt-*:free' }, 'gpt-5.5', 'openai/gpt-5.5:free'],
    ['captured text that looks like a replacement pattern', { 'm-*': 'x-*' }, 'm-$&', 'x-$&'],
    ['target without a star', { 'gpt-*': 'one' }, 'gpt-5.5', 'one'],
  ])('%s', (_, modelMap, model, expected) => {
    expect(mapModel(rules([], modelMap), model)).toBe(expected);
  });

  it('leaves a supported model without a mapping as it is', () => {
    expect(mapModel(rules(['gpt-5.5'], { o3: 'x' }), 'gpt-5.5')).toBe('gpt-5.5');
  });

  it('gives nothing for a model the endpoint does not support', () => {
    expect(mapModel(rules(['gpt-5.5']), 'o3')).toBeUndefined();
  });

  it('does not mistake names of object members for mappings', () => {
    expect(mapModel(rules([]), 'constructor')).toBe('constructor');
    expect(mapModel(rules([], { '*': 'any-*' }), 'toString')).toBe('any-toString');
  });

  it('fills a star-to-star mapping so that the captured text survives', () => {
    const part = fc.stringMatching(/^[a-z0-9.-]{0,8}$/);
    fc.assert(
      fc.property(part, part, part, (prefix, captured, suffix) => {
        const mapped = mapModel(rules([], { [`${prefix}*${suffix}`]: '<*>' }), `${prefix}${captured}${suffix}`);
        expect(mapped).toBe(`<${captured}>`);
      }),
    );
  });
});
