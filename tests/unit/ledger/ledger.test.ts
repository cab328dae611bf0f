import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLedger, type LedgerDeps } from '../../../main/core/ledger/ledger.js';
import { logConfigSchema, type Config } from '../../../shared/config/schema.js';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import { manualClock } from '../../helpers/manual-clock.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { capturingLogger } from '../../helpers/test-ports.js';
import { anAttempt, aTurn } from './turns.js';

let home: TempHome;
beforeEach(() => {
  home = makeTempHome();
});
afterEach(() => home.cleanup());

function setUp(log: Partial<Config['log']> = {}, extra: Partial<LedgerDeps> = {}) {
  const clock = manualClock();
  const logger = capturingLogger();
  let config = logConfigSchema.parse(log);
  const ledger = createLedger({ paths: home.paths, clock, logger, config: () => config, ...extra });
  const file = join(home.paths.logsDir, 'requests.jsonl');
  return {
    clock,
    logger,
    ledger,
    file,
    setLog: (next: Partial<Config['log']>) => {
      config = logConfigSchema.parse(next);
    },
    lines: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as TurnRecord),
  };
}

const ids = (turns: readonly TurnRecord[]) => turns.map((turn) => turn.turn_id);
const rotatedNames = () => readdirSync(home.paths.logsDir).filter((name) => /^requests\.\d+\.jsonl$/.test(name));

describe('writing', () => {
  it('writes nothing while the turn is recorded and one line per turn after the batch delay', async () => {
    const { ledger, clock, file, lines } = setUp();
    await ledger.start();
    ledger.record(aTurn({ turn_id: 'a' }));
    ledger.record(aTurn({ turn_id: 'b' }));
    expect(existsSync(file)).toBe(false);
    expect(clock.pending).toBe(1);
    clock.advance(50);
    await ledger.stop();
    expect(ids(lines())).toEqual(['a', 'b']);
    expect(readFileSync(file, 'utf8').endsWith('\n')).toBe(true);
  });

  it('writes what is pending when it stops', async () => {
    const { ledger, lines } = setUp();
    ledger.record(aTurn({ turn_id: 'last words' }));
    await ledger.stop();
    expect(ids(lines())).toEqual(['last words']);
  });

  it('keeps more than one write of turns in order', async () => {
    const { ledger, lines } = setUp();
    const expected = Array.from({ length: 1300 }, (_, index) => `t${String(index)}`);
    for (const id of expected) ledger.record(aTurn({ turn_id: id }));
    await ledger.stop();
    expect(ids(lines())).toEqual(expected);
  });

  it.skipIf(process.platform === 'win32')('makes the file readable to its owner only, also when it was not', async () => {
    const { ledger, file } = setUp();
    ledger.record(aTurn());
    await ledger.stop();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    ledger.record(aTurn());
    await ledger.stop();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('begins on a new line after a line that a crash cut', async () => {
    const { ledger, file } = setUp();
    mkdirSync(home.paths.logsDir, { recursive: true });
    writeFileSync(file, `${JSON.stringify(aTurn({ turn_id: 'whole' }))}\n{"timestamp_ms":17,"turn_id":"to`);
    ledger.record(aTurn({ turn_id: 'next' }));
    await ledger.stop();
    const text = readFileSync(file, 'utf8');
    expect(text.split('\n')).toHaveLength(4);
    expect(ids(await setUp().ledger.tail(10))).toEqual(['whole', 'next']);
  });

  it('goes on when somebody deletes or truncates the file meanwhile', async () => {
    const { ledger, file, lines } = setUp();
    ledger.record(aTurn({ turn_id: 'a' }));
    await ledger.stop();
    rmSync(file);
    ledger.record(aTurn({ turn_id: 'b' }));
    await ledger.stop();
    expect(ids(lines())).toEqual(['b']);
    appendFileSync(file, 'half a li');
    ledger.record(aTurn({ turn_id: 'c' }));
    await ledger.stop();
    expect(readFileSync(file, 'utf8').split('\n')[1]).toBe('half a li');
    expect(readFileSync(file, 'utf8').split('\n')[2]).toContain('"c"');
  });

  it('keeps only bad turns with requests = "errors", and none with "off", obeying a change at once', async () => {
    const { ledger, lines, setLog } = setUp({ requests: 'errors' });
    ledger.record(aTurn({ turn_id: 'good' }));
    ledger.record(aTurn({ turn_id: 'bad status', status_code: 503, end: 'refused' }));
    ledger.record(aTurn({ turn_id: 'cut inside a 200', end: 'cut' }));
    setLog({ requests: 'off' });
    ledger.record(aTurn({ turn_id: 'unlogged', status_code: 500, end: 'failed' }));
    await ledger.stop();
    expect(ids(lines())).toEqual(['bad status', 'cut inside a 200']);
    expect(ids(await ledger.tail(10))).toContain('unlogged');
  });

  it('says once that it cannot write, throws nothing, and says when it can again', async () => {
    const { ledger, logger, lines, file } = setUp();
    writeFileSync(home.paths.logsDir, 'a file where the folder should be');
    await ledger.start();
    for (const id of ['a', 'b']) {
      ledger.record(aTurn({ turn_id: id }));
      await ledger.stop();
    }
    expect(logger.lines.filter((line) => line.level === 'error')).toHaveLength(1);
    rmSync(home.paths.logsDir);
    ledger.record(aTurn({ turn_id: 'c' }));
    await ledger.stop();
    expect(ids(lines())).toEqual(['c']);
    expect(existsSync(file)).toBe(true);
    expect(logger.lines.at(-1)?.level).toBe('info');
    expect(ids(await ledger.tail(10))).toEqual(['a', 'b', 'c']);
  });
});

describe('rotation', () => {
  it('moves a full file aside under a name that sorts by time and keeps the newest few', async () => {
    const { ledger, clock, lines } = setUp({ max_mb: 0.001, max_files: 2 });
    const written: string[] = [];
    for (let index = 0; index < 12; index += 1) {
      written.push(`t${String(index)}`);
      ledger.record(aTurn({ turn_id: `t${String(index)}`, cwd: 'x'.repeat(300) }));
      await ledger.stop();
      clock.advance(1000);
    }
    expect(rotatedNames()).toHaveLength(2);
    const inOrder = [...rotatedNames().sort(), 'requests.jsonl'].flatMap((name) =>
      readFileSync(join(home.paths.logsDir, name), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as TurnRecord).turn_id),
    );
    expect(inOrder).toEqual(written.slice(-inOrder.length));
    expect(lines().length).toBeGreaterThan(0);
  });

  it('never overwrites a rotated file of the same millisecond', async () => {
    const { ledger } = setUp({ max_mb: 0.0005, max_files: 10 });
    for (let index = 0; index < 4; index += 1) {
      ledger.record(aTurn({ turn_id: `t${String(index)}`, cwd: 'x'.repeat(400) }));
      await ledger.stop();
    }
    expect(rotatedNames()).toHaveLength(3);
  });
});

describe('tail', () => {
  it('answers from memory, newest last', async () => {
    const { ledger } = setUp({ requests: 'off' });
    for (const id of ['a', 'b', 'c']) ledger.record(aTurn({ turn_id: id }));
    expect(ids(await ledger.tail(2))).toEqual(['b', 'c']);
    await ledger.stop();
  });

  it('reads what an earlier run logged, through rotated files, each turn once', async () => {
    const first = setUp({ max_mb: 0.002 });
    for (let index = 0; index < 10; index += 1) {
      first.ledger.record(aTurn({ turn_id: `old${String(index)}`, cwd: 'x'.repeat(300) }));
      await first.ledger.stop();
      first.clock.advance(1000);
    }
    expect(rotatedNames().length).toBeGreaterThan(1);
    const second = setUp();
    await second.ledger.start();
    expect(second.ledger.last()?.turn_id).toBe('old9');
    second.ledger.record(aTurn({ turn_id: 'new' }));
    expect(ids(await second.ledger.tail(6))).toEqual(['old5', 'old6', 'old7', 'old8', 'old9', 'new']);
    expect(ids(await second.ledger.tail(1000))).toHaveLength(11);
    await second.ledger.stop();
  });

  it.each([10, 1500, 2100])('finds the error behind %i good turns', async (good) => {
    const { ledger } = setUp();
    ledger.record(aTurn({ turn_id: 'bad', status_code: 502, end: 'failed' }));
    for (let index = 0; index < good; index += 1) ledger.record(aTurn({ turn_id: `t${String(index)}` }));
    expect(ids(await ledger.tail(5, { errorsOnly: true }))).toEqual(['bad']);
    await ledger.stop();
  });

  it('reads records that cross the chunks it reads by', async () => {
    const { ledger, file } = setUp();
    mkdirSync(home.paths.logsDir, { recursive: true });
    const long = Array.from({ length: 5 }, (_, index) => aTurn({ turn_id: `long${String(index)}`, cwd: 'é'.repeat(90_000) }));
    writeFileSync(file, `${long.map((turn) => JSON.stringify(turn)).join('\n')}\n[]\nnot json\n`);
    expect(ids(await ledger.tail(10))).toEqual(ids(long));
  });

  it('leaves captured bodies in the file and out of memory', async () => {
    const { ledger, lines } = setUp();
    ledger.record(aTurn({ http_debug: { client_uri: '/v1/responses' } }));
    await ledger.stop();
    expect(lines()[0]?.http_debug).toEqual({ client_uri: '/v1/responses' });
    expect((await ledger.tail(1))[0]?.http_debug).toBeUndefined();
  });
});

describe('counting', () => {
  const moved = aTurn({
    provider: 'second',
    status_code: 200,
    first_byte_ms: 300,
    duration_ms: 900,
    overhead_ms: 0.2,
    usage: { input_tokens: 10, output_tokens: 5 },
    attempts: [
      anAttempt({
        provider: 'first',
        endpoint: 'first/default',
        outcome: 'failure',
        class: 'server_error',
        status: 503,
        next: 'next',
      }),
      anAttempt({ provider: 'second', endpoint: 'second/default' }),
    ],
  });

  it('counts turns, moves to another candidate, and errors', async () => {
    const { ledger } = setUp({ requests: 'off' });
    ledger.record(moved);
    ledger.record(aTurn({ status_code: 503, end: 'refused', attempts: [] }));
    expect(ledger.totals()).toEqual({ turns: 2, failovers: 1, errors: 1 });
    await ledger.stop();
  });

  it('tells Prometheus about turns, attempts, failovers, times and endpoints', async () => {
    const endpoints = () => [{ endpoint: 'first/default', provider: 'first', usable: false, cooling: true, leases: 3 }];
    const { ledger } = setUp({}, { endpoints });
    for (let index = 0; index < 3; index += 1) ledger.record(moved);
    for (const text of [await ledger.metrics(), await ledger.metrics()]) {
      expect(text).toContain('switchyard_turns_total{provider="second",status="2xx"} 3');
      expect(text).toContain('switchyard_attempts_total{provider="first",outcome="failure",class="server_error",status="5xx"} 3');
      expect(text).toContain('switchyard_failovers_total{provider="first"} 3');
      expect(text).toContain('switchyard_tokens_total{provider="second",kind="input"} 30');
      expect(text).toContain('switchyard_first_byte_seconds_bucket{le="0.25",provider="second"} 0');
      expect(text).toContain('switchyard_first_byte_seconds_bucket{le="0.5",provider="second"} 3');
      expect(text).toContain('switchyard_overhead_seconds_count 3');
      expect(text).toContain('switchyard_endpoint_usable{provider="first",endpoint="first/default"} 0');
      expect(text).toContain('switchyard_endpoint_cooling{provider="first",endpoint="first/default"} 1');
      expect(text).toContain('switchyard_endpoint_leases{provider="first",endpoint="first/default"} 3');
    }
    await ledger.stop();
  });
});

it('keeps credentials out of the log, memory and metrics when an upstream quotes them', async () => {
  const { ledger, file } = setUp();
  const canary = 'sk-canary0123456789abcdef';
  ledger.record(
    aTurn({
      status_code: 401,
      end: 'failed',
      upstream_base_url: `https://user:${canary}@relay.example/v1`,
      error: { code: 'UPSTREAM_BAD_ANSWER', message: `Incorrect API key provided: ${canary}` },
      attempts: [
        anAttempt({ outcome: 'failure', url: `https://u:${canary}@relay.example`, message: `Bearer ${canary}`, next: 'end' }),
      ],
    }),
  );
  await ledger.stop();
  const everything = [
    readFileSync(file, 'utf8'),
    JSON.stringify(await ledger.tail(1)),
    JSON.stringify(ledger.last()),
    await ledger.metrics(),
  ];
  expect(everything.join('\n')).not.toContain('canary');
});
