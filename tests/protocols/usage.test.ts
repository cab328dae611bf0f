import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeUsage, readUsage } from '../../main/core/protocols/usage.js';

const tokens = fc.nat(1_000_000);

describe('reading token counts', () => {
  it.each([
    [
      'Responses',
      {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens: 5,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 15,
      },
      { input_tokens: 10, output_tokens: 5, total_tokens: 15, cached_input_tokens: 4, reasoning_tokens: 2 },
    ],
    [
      'chat',
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
      { input_tokens: 10, output_tokens: 5, total_tokens: 15, cached_input_tokens: 4, reasoning_tokens: 2 },
    ],
    [
      'Messages',
      { input_tokens: 10, cache_creation_input_tokens: 7, cache_read_input_tokens: 4, output_tokens: 5 },
      { input_tokens: 10, output_tokens: 5, total_tokens: 15, cached_input_tokens: 4, cache_creation_input_tokens: 7 },
    ],
    ['one side only', { output_tokens: 5 }, { output_tokens: 5 }],
    ['zeros, which are known', { input_tokens: 0, output_tokens: 0 }, { input_tokens: 0, output_tokens: 0, total_tokens: 0 }],
    [
      'a total of its own',
      { input_tokens: 1, output_tokens: 1, total_tokens: 9 },
      { input_tokens: 1, output_tokens: 1, total_tokens: 9 },
    ],
    ['null details', { input_tokens: 1, input_tokens_details: null }, { input_tokens: 1 }],
  ])('of %s', (_name, value, expected) => {
    expect(readUsage(value)).toEqual(expected);
  });

  it.each([
    null,
    undefined,
    [],
    {},
    '10',
    7,
    { input_tokens: '10' },
    { input_tokens: -1 },
    { total_tokens: 5 },
    { cached_tokens: 3 },
  ])('gives nothing for %j instead of zeros', (value) => {
    expect(readUsage(value)).toBeUndefined();
  });

  it('never throws, and never gives a negative or broken number', () => {
    const names = fc.constantFrom(
      'input_tokens',
      'output_tokens',
      'prompt_tokens',
      'completion_tokens',
      'total_tokens',
      'input_tokens_details',
      'output_tokens_details',
    );
    const value = fc.oneof(fc.dictionary(names, fc.oneof(fc.double(), fc.anything())), fc.anything());
    fc.assert(
      fc.property(value, (usage) => {
        for (const count of Object.values(readUsage(usage) ?? {})) expect(count).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('merging two reports of one turn', () => {
  const report = fc.record({ input_tokens: tokens, output_tokens: tokens, cached_input_tokens: tokens }, { requiredKeys: [] });

  it('lets each later field win, keeps what only the earlier one said, and never loses tokens from the total', () => {
    fc.assert(
      fc.property(report, report, (earlier, later) => {
        const merged = mergeUsage(earlier, later) ?? {};
        expect(merged).toMatchObject({ ...earlier, ...later });
        if (merged.input_tokens !== undefined && merged.output_tokens !== undefined) {
          expect(merged.total_tokens).toBe(merged.input_tokens + merged.output_tokens);
        }
      }),
    );
  });

  it('keeps the only report there is', () => {
    expect(mergeUsage(undefined, { output_tokens: 1 })).toEqual({ output_tokens: 1 });
    expect(mergeUsage({ output_tokens: 1 }, undefined)).toEqual({ output_tokens: 1 });
    expect(mergeUsage(undefined, undefined)).toBeUndefined();
  });
});
