import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DrillResult } from '../../../main/cli/drill/run-drill.js';
import { makeCliUser, type CliUser } from './run-cli.js';

vi.setConfig({ testTimeout: 120_000 });

let user: CliUser;
beforeEach(() => {
  user = makeCliUser();
});
afterEach(() => user.cleanup());

describe('the drill', () => {
  it('meets every practice upstream in its first turn, completes every turn, and leaves nothing behind', async () => {
    const homesBefore = drillHomes();
    const { code, stdout } = await user.run(['drill', '--turns', '2', '--json']);
    const result = JSON.parse(stdout) as DrillResult;
    expect(code).toBe(0);
    expect(result.ok).toBe(true);
    expect(result.turns).toHaveLength(2);
    expect(result.turns[0]?.attempts.map(({ provider, outcome, next }) => [provider, outcome, next])).toEqual([
      ['exhausted', 'failure', 'next'],
      ['cut', 'failure', 'next'],
      ['slow', 'failure', 'next'],
      ['flaky', 'failure', 'next'],
      ['healthy', 'success', 'delivered'],
    ]);
    expect(result.turns[0]?.text).toBe('Answered by healthy.');
    expect(result.hits).toMatchObject({
      exhausted: 1,
      healthy: result.turns.filter((turn) => turn.text.includes('healthy')).length,
    });
    expect(drillHomes()).toEqual(homesBefore);
    expect(readdirSync(user.home.home)).toEqual([]);
    expect(readdirSync(user.home.codexHome)).toEqual([]);
  });

  it('tells the story in words', async () => {
    const { code, stdout } = await user.run(['drill', '--turns', '1']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /Turn 1 [^]*✗ exhausted [^]*rests [^]*→ next[^]*● healthy [^]*the client saw "Answered by healthy\."[^]*1 of 1 turns completed; 4 upstream failures/,
    );
  });

  it('begins no new turn when its time is over', async () => {
    const { code, stdout } = await user.run(['drill', '--seconds', '1', '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as DrillResult).turns.length).toBeLessThan(6);
  });

  it('cleans up when it is interrupted, and says that it was not completed', async () => {
    if (process.platform === 'win32') return;
    const homesBefore = drillHomes();
    const { child, ended } = await user.stay(['drill', '--seconds', '600']);
    child.kill('SIGINT');
    expect((await ended).code).toBe(1);
    expect(drillHomes()).toEqual(homesBefore);
  });
});

function drillHomes(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('switchyard-drill-'));
}
