import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unifiedDiff } from '../../../main/core/clients/unified-diff.js';

const names = { oldName: 'old', newName: 'new' };

describe('unifiedDiff', () => {
  it('is empty for equal texts', () => {
    expect(unifiedDiff('a\nb\n', 'a\nb\n', names)).toBe('');
  });
  it('shows three lines of context and one hunk per place', () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${String(index)}`);
    const changed = lines.map((line, index) => (index === 2 || index === 16 ? `${line}!` : line));
    expect(unifiedDiff(`${lines.join('\n')}\n`, `${changed.join('\n')}\n`, names)).toBe(
      [
        '--- old',
        '+++ new',
        '@@ -1,6 +1,6 @@',
        ' line 0',
        ' line 1',
        '-line 2',
        '+line 2!',
        ' line 3',
        ' line 4',
        ' line 5',
        '@@ -14,7 +14,7 @@',
        ' line 13',
        ' line 14',
        ' line 15',
        '-line 16',
        '+line 16!',
        ' line 17',
        ' line 18',
        ' line 19',
        '',
      ].join('\n'),
    );
  });
  it('marks a missing final newline and a new file', () => {
    expect(unifiedDiff('', 'a', { oldName: '/dev/null', newName: 'new' })).toBe(
      '--- /dev/null\n+++ new\n@@ -0,0 +1,1 @@\n+a\n\\ No newline at end of file\n',
    );
  });
  it('hides what the display hides', () => {
    const display = (text: string): string => text.replaceAll('secret', '***');
    expect(unifiedDiff('x\nsecret 1\n', 'x\nsecret 2\n', { ...names, display })).not.toContain('secret');
  });
  it('is understood by git for any two texts', () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchyard-diff-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(texts, texts, (before, after) => {
        fc.pre(before !== after && before !== '' && after !== '');
        writeFileSync(join(folder, 'file'), before);
        const diff = unifiedDiff(before, after, { oldName: 'a/file', newName: 'b/file' });
        writeFileSync(join(folder, 'patch'), diff);
        execFileSync('git', ['apply', '--unidiff-zero', '--whitespace=nowarn', 'patch'], { cwd: folder, stdio: 'pipe' });
        expect(readFileSync(join(folder, 'file'), 'utf8')).toBe(after);
      }),
      { numRuns: 40 },
    );
  });
});
