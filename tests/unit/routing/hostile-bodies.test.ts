import { describe, expect, it } from 'vitest';
import { classifyResponse } from '../../../main/core/routing/classify.js';
import { NOW } from './fixtures.js';

/** Error bodies made to drive a careless pattern into quadratic time; the suite's own time limit is the judge. */
const LENGTH = 1024 * 1024;
const hostile: readonly (readonly [string, string])[] = [
  ['backslashes', '{"a":"' + '\\'.repeat(LENGTH)],
  ['page titles that never end', '<html>' + '<title'.repeat(LENGTH / 6)],
  ['waits without a number', 'retry after '.repeat(LENGTH / 12)],
  ['durations without an end', 'try again in ' + '1s '.repeat(LENGTH / 3)],
  ['digits', 'wait ' + '1'.repeat(LENGTH)],
  ['spaces', 'retry' + ' '.repeat(LENGTH) + 'x'],
  ['keys', 'sk-'.repeat(LENGTH / 3)],
  ['tokens', 'eyJ' + 'a.'.repeat(LENGTH / 2)],
  ['nested lists', '['.repeat(LENGTH)],
  ['items never said to be missing', 'item '.repeat(LENGTH / 5)],
];

describe('an error body of a megabyte', () => {
  it.each(hostile)('of %s is judged all the same', (_, bodyHead) => {
    const failure = classifyResponse({ status: 500, headers: {}, bodyHead, nowMs: NOW, isStreamExpected: true });
    expect(failure?.kind).toBe('failure');
    expect(failure?.message.length).toBeLessThan(600);
  });
});
