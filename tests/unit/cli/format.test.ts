import { describe, expect, it } from 'vitest';
import { doctorText } from '../../../main/cli/format/doctor-text.js';
import { explanationText } from '../../../main/cli/format/explanation-text.js';
import { problemLine } from '../../../main/cli/format/problem-text.js';
import { statusShort, statusText, stateSentence } from '../../../main/cli/format/status-text.js';
import { columns, createStyle, displayWidth } from '../../../main/cli/format/style.js';
import { clockText, durationText } from '../../../main/cli/format/time.js';
import { turnLine } from '../../../main/cli/format/turn-text.js';
import { withoutControls } from '../../../main/cli/terminal.js';
import { attempt, coreStatus, endpointView, nowMs, resting, turn } from './views.js';

const plain = createStyle(false);
const colored = createStyle(true);

describe('lengths of time', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [3210, '3.2 s'],
    [59_949, '59.9 s'],
    [59_960, '1 min'],
    [245_000, '4 min 5 s'],
    [3_600_000, '1 h'],
    [11_520_000, '3 h 12 min'],
    [86_400_000, '1 d'],
    [183_600_000, '2 d 3 h'],
    [-5, '0 ms'],
  ])('%d ms is said as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it('shows the date only when it is not today', () => {
    expect(clockText(nowMs, nowMs)).toBe('03:04:05');
    expect(clockText(nowMs + 86_400_000, nowMs)).toBe('2026-01-03 03:04:05');
  });
});

describe('columns', () => {
  it('line up by what is seen, not by what is stored', () => {
    expect(
      columns([
        ['备用', 'x'],
        [colored.green('ok'), 'y'],
        ['long-name', ''],
      ]),
    ).toEqual(['备用       x', `${colored.green('ok')}         y`, 'long-name']);
    expect(displayWidth(`${colored.bold('备')}e\u0301`)).toBe(3);
  });
});

describe('what a terminal gets', () => {
  it('holds no control sequences of an upstream, and keeps our colours', () => {
    expect(withoutControls(`a\u001b]0;title\u0007b\u001b[2Jc\rd\te\n${colored.red('f')}`)).toBe(
      `a]0;titleb[2Jcd\te\n${colored.red('f')}`,
    );
  });

  it('has no colour codes when colour is off', () => {
    const status = coreStatus({ endpoints: [endpointView('a'), resting('b', 1000)], lastTurn: turn() });
    expect(statusText(status, plain)).not.toContain('\u001b');
    expect(statusText(status, colored)).toContain('\u001b[32m●');
  });
});

describe('the state sentence', () => {
  it('says how to start what is not running, and warns when Codex is sent there', () => {
    const stopped = coreStatus({ address: null });
    expect(stateSentence(stopped)).toContain('`switchyard start`');
    expect(stateSentence({ ...stopped, codex: { ...stopped.codex, state: 'on' } })).toContain('`switchyard codex off`');
  });

  it('says what to do when there is no provider', () => {
    expect(stateSentence(coreStatus())).toContain('switchyard config add');
  });

  it('names who gets the next turn: the active one of the lowest usable level', () => {
    const endpoints = [endpointView('c', { level: 2, active: true }), endpointView('a'), endpointView('b')];
    expect(stateSentence(coreStatus({ endpoints: endpoints.slice(1) }))).toBe('Running. Turns go to a.');
    expect(stateSentence(coreStatus({ endpoints }))).toBe('Running. Turns go to a; c is active at level 2.');
    expect(stateSentence(coreStatus({ endpoints: [endpointView('a'), endpointView('b', { active: true })] }))).toBe(
      'Running. Turns go to b.',
    );
  });

  it('says why the active provider is passed over', () => {
    const endpoints = [resting('a', 60_000, { active: true }), endpointView('b', { level: 2 })];
    expect(stateSentence(coreStatus({ endpoints }))).toBe('Running. Turns go to b, because a rests, 429.');
  });

  it('says when the next one is back if nobody can be used', () => {
    expect(stateSentence(coreStatus({ endpoints: [resting('a', 60_000), resting('b', 5_000)] }))).toContain(
      'back at 03:04:10 (in 5 s)',
    );
  });

  it('says that a pin ends failover', () => {
    expect(
      stateSentence(coreStatus({ pinned: 'a', endpoints: [endpointView('a', { pinned: true }), endpointView('b')] })),
    ).toContain('pinned, no failover');
  });
});

describe('the status', () => {
  it('shows every level with marks, reasons, live turns and the last turn', () => {
    const status = coreStatus({
      endpoints: [
        endpointView('relay-a', { active: true, state: { firstByteMs: 120, leases: 1 } }),
        resting('relay-b', 45_000),
        endpointView('backup', { level: 2, label: 'Backup', key: 'backup/eu' }),
      ],
      liveTurns: [
        {
          turnId: 't',
          startedAtMs: nowMs - 3000,
          stage: 'streaming',
          sessionId: undefined,
          model: 'gpt-5',
          endpoint: 'relay-a/default',
          attempts: 2,
          path: '/v1/responses',
        },
      ],
      lastTurn: turn({ attempts: [attempt('relay-b', { status: 503, outcome: 'failure', next: 'next' }), attempt('relay-a')] }),
      totals: { turns: 12, failovers: 2, errors: 1 },
    });
    const text = statusText(status, plain);
    expect(text.split('\n')).toEqual([
      'Running. Turns go to relay-a.',
      '',
      'Address  http://127.0.0.1:3211  pid 42, up 1 h, version 1.2.3',
      'Config   /u/.switchyard/config.toml',
      'Codex    off  (switch on with `switchyard codex on`)',
      '',
      'Level 1',
      '  ● relay-a    active  responses  https://relay-a.example/v1  1 in flight, first byte 120 ms',
      '  ○ relay-b            responses  https://relay-b.example/v1  rests, 429',
      '',
      'Level 2',
      '  ● backup/eu  Backup  responses  https://backup.example/v1',
      '',
      'Live turns: 1',
      '  gpt-5 streaming at relay-a for 3 s, attempt 2',
      'Last turn  03:04:05 ✓ 200 gpt-5 → relay-a in 1.2 s, attempt 2 (relay-b 503)',
      'Since the start: 12 turns, 2 failovers, 1 error',
    ]);
  });

  it('puts a configuration error in front, with line and column', () => {
    const problem = {
      severity: 'error',
      code: 'CONFIG_INVALID',
      key: 'providers.a.level',
      message: 'must be 1 to 10',
      position: { file: '/c.toml', line: 3, column: 9 },
    } as const;
    const status = coreStatus({ config: { ...coreStatus().config, problems: [problem] } });
    expect(problemLine(problem, '/c.toml', plain)).toBe('/c.toml:3:9 error CONFIG_INVALID: providers.a.level: must be 1 to 10');
    expect(statusText(status, plain)).toContain('/c.toml:3:9 error CONFIG_INVALID');
    expect(statusText(status, plain)).toContain('the last good one is running');
    expect(statusShort(status, plain)).toContain('config error');
  });

  it('fits one line for status bars', () => {
    expect(statusShort(coreStatus({ address: null }), plain)).toBe('○ stopped');
    expect(statusShort(coreStatus({ endpoints: [endpointView('a'), resting('b', 1)] }), plain)).toBe('● a · 1/2 usable');
    expect(statusShort(coreStatus({ endpoints: [resting('b', 1)] }), plain)).toBe('○ nothing usable · 0/1 usable');
  });
});

describe('one turn', () => {
  it('that failed is told with its code and how it ended', () => {
    const line = turnLine(
      turn({ end: 'cut', status_code: 200, error: { code: 'UPSTREAM_STREAM_CUT', message: 'gone' } }),
      nowMs,
      plain,
    );
    expect(line).toBe('03:04:05 ✗ 200 gpt-5 → relay-a in 1.2 s cut: UPSTREAM_STREAM_CUT gone');
  });

  it('that nobody answered is told so', () => {
    expect(turnLine(turn({ provider: undefined, end: 'refused', status_code: 503, attempts: [] }), nowMs, plain)).toContain(
      '→ nobody',
    );
  });
});

describe('an explanation', () => {
  it('marks what is tried and what is not', () => {
    const text = explanationText(
      {
        plan: { route: 'fast', pinned: undefined, candidates: [{} as never], skipped: [], nextEligibleAtMs: undefined },
        lines: ['1. a', 'b: rests'],
      },
      { model: 'gpt-5' },
      nowMs,
      plain,
    );
    expect(text.split('\n')).toEqual([
      'A turn for gpt-5 on /v1/responses would try one endpoint:',
      '  (route fast)',
      '  ● 1. a',
      '  ○ b: rests',
    ]);
  });

  it('says when the next endpoint is back if nothing can be tried', () => {
    const plan = { route: undefined, pinned: undefined, candidates: [], skipped: [], nextEligibleAtMs: nowMs + 60_000 };
    expect(explanationText({ plan, lines: ['a: rests'] }, {}, nowMs, plain)).toContain('back at 03:05:05 (in 1 min)');
  });
});

describe('the doctor', () => {
  it('prints the command that repairs a failed check and counts the failures', () => {
    const text = doctorText(
      [
        { id: 'a', status: 'ok', message: 'fine' },
        { id: 'b', status: 'fail', message: 'no key', repair: "export K='…'" },
      ],
      plain,
    );
    expect(text.split('\n')).toEqual(['✓ ok   fine', '✗ fail no key', "    export K='…'", '', '1 of 2 checks failed.']);
  });
});
