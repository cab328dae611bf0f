import { describe, expect, it } from 'vitest';
import { readSessionKey } from '../../../main/core/routing/session-key.js';

describe('readSessionKey', () => {
  it('prefers headers to the body, and the first known header to the others', () => {
    const headers = [
      ['thread-id', 't'],
      ['conversation_id', 'c'],
      ['x-session-id', 'x'],
      ['session-id', 's'],
      ['session_id', 'old'],
    ] as const;
    const order = [5, 4, 3, 2, 1, 0].map((count) => {
      const sent = Object.fromEntries(headers.slice(0, count));
      return readSessionKey(sent, { prompt_cache_key: 'cache' })?.id;
    });
    expect(order).toEqual(['old', 's', 'x', 'c', 't', 'cache']);
  });

  it.each([
    [
      { session_id: 'a', prompt_cache_key: 'b' },
      { id: 'a', source: 'body' },
    ],
    [
      { conversation_id: 'a', prompt_cache_key: 'b' },
      { id: 'a', source: 'body' },
    ],
    [
      { prompt_cache_key: 'b', metadata_session_id: 'c' },
      { id: 'b', source: 'prompt_cache_key' },
    ],
    [{ metadata_session_id: 'c' }, { id: 'c', source: 'metadata' }],
    [{}, undefined],
  ])('reads the body %j', (body, expected) => {
    expect(readSessionKey({}, body)).toEqual(expected);
  });

  it.each([[''], ['   '], ['x'.repeat(257)], ['two words'], ['line\nbreak'], ['日本']])(
    'passes over the odd value %j',
    (value) => {
      expect(readSessionKey({ session_id: value }, { prompt_cache_key: 'sane' })).toEqual({
        id: 'sane',
        source: 'prompt_cache_key',
      });
    },
  );

  it('trims, and takes up to 256 characters', () => {
    const id = 'x'.repeat(256);
    expect(readSessionKey({ session_id: `  ${id} ` }, {})).toEqual({ id, source: 'header' });
  });
});
