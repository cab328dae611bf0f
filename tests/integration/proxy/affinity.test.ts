import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../helpers/manual-clock.js';
import { rawTurn } from '../../helpers/raw-client.js';
import { provider, type TestRelay, type TurnOptions } from '../../helpers/relay.js';
import { journeys, oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import { status503, type ScriptedUpstream } from '../../helpers/scripted-upstream.js';

const suite = relaySuite();
const minute = 60_000;

/** Two levels: `a` fails the next turn, so that a session moves to `b`. */
async function moved(routing: string): Promise<{
  readonly relay: TestRelay;
  readonly clock: ReturnType<typeof manualClock>;
  readonly a: ScriptedUpstream;
  readonly b: ScriptedUpstream;
}> {
  const a = await suite.upstream([status503]);
  const b = await suite.upstream();
  const clock = manualClock();
  const relay = await suite.relay(
    `[routing]\n${routing}\n${oneAttempt}${provider('a', a.baseUrl)}${provider('b', b.baseUrl, 'level = 2')}`,
    {
      ports: { clock },
    },
  );
  await relay.turn({ session: 's' });
  expect(journeys(relay)).toEqual(['a>b']);
  return { relay, clock, a, b };
}

async function next(relay: TestRelay, options: TurnOptions = { session: 's' }): Promise<string> {
  const before = relay.records().length;
  await relay.turn(options);
  await relay.ended(before + 1);
  return journeys(relay).at(-1) ?? '';
}

const stateBound: TurnOptions = { session: 's', body: { previous_response_id: 'resp_1' } };

describe('a session is known by what its client sends', () => {
  const keys: readonly (readonly [string, TurnOptions, string])[] = [
    ['header session_id (old Codex)', { headers: { session_id: 'k' } }, 'header'],
    ['header session-id (current Codex)', { headers: { 'session-id': 'k' } }, 'header'],
    ['header x-session-id', { headers: { 'x-session-id': 'k' } }, 'header'],
    ['header conversation_id (old Codex)', { headers: { conversation_id: 'k' } }, 'header'],
    ['header thread-id', { headers: { 'thread-id': 'k' } }, 'header'],
    ['body session_id', { body: { session_id: 'k' } }, 'body'],
    ['body conversation_id', { body: { conversation_id: 'k' } }, 'body'],
    ['body prompt_cache_key', { body: { prompt_cache_key: 'k' } }, 'prompt_cache_key'],
    ['body metadata.session_id', { body: { metadata: { session_id: 'k' } } }, 'metadata'],
  ];
  it.each(keys)('%s', async (_name, options, source) => {
    const [a, b, c] = [await suite.upstream(), await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(
      `[routing]\nstrategy = "round-robin"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}${provider('c', c.baseUrl)}`,
    );
    const first = await next(relay, options);
    expect(relay.records()[0]).toMatchObject({ session_id: 'k', session_source: source });
    expect(await next(relay, {})).not.toBe(first);
    expect(await next(relay, options)).toBe(first);
    expect(await next(relay, options)).toBe(first);
  });

  it('a header beats the body, and previous_response_id is nobody', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    await relay.turn({ headers: { 'session-id': 'from-header' }, body: { prompt_cache_key: 'from-body' } });
    await relay.turn({ body: { previous_response_id: 'resp_9' } });
    await relay.turn({ headers: { 'session-id': 'x'.repeat(300) } });
    const records = await relay.ended(3);
    expect(records.map((record) => record.session_id)).toEqual(['from-header', undefined, undefined]);
  });
});

describe('fallback-sticky: a session that had to move', () => {
  it('returns once the better endpoint has been well for failback_after_s', async () => {
    const { relay, clock } = await moved('failback_after_s = 120');
    clock.advance(minute);
    expect(await next(relay)).toBe('b');
    clock.advance(minute + 1000);
    expect(await next(relay)).toBe('a');
    expect(await next(relay)).toBe('a');
  });

  it('never returns with failback never', async () => {
    const { relay, clock } = await moved('failback = "never"');
    clock.advance(60 * minute);
    expect(await next(relay)).toBe('b');
    expect(await next(relay, {})).toBe('a');
  });

  it('returns with the next turn after the rest with failback next-turn', async () => {
    const { relay, clock } = await moved('failback = "next-turn"');
    expect(await next(relay)).toBe('b');
    clock.advance(31_000);
    expect(await next(relay)).toBe('a');
  });

  it('a turn that carries state stays with its owner although failback would move it', async () => {
    const { relay, clock } = await moved('failback = "next-turn"');
    clock.advance(31_000);
    expect(await next(relay, stateBound)).toBe('b');
    const compaction = { session: 's', body: { input: [{ type: 'compaction', encrypted_content: 'abc' }] } };
    expect(await next(relay, compaction)).toBe('b');
    // As Python clients write it.
    const body = '{"model": "gpt-5.5", "stream": true, "input": [{"type": "compaction", "id": "cmp_1"}]}';
    await rawTurn(relay.url, { body, headers: { 'session-id': 's' } }).end();
    await relay.ended(4);
    expect(journeys(relay).at(-1)).toBe('b');
  });

  it('a turn that carries state may move when its owner cannot serve it', async () => {
    const { relay, clock, a, b } = await moved('failback = "never"');
    clock.advance(31_000);
    b.script([status503]);
    expect(await next(relay, stateBound)).toBe('b>a');
    expect(a.turns).toHaveLength(2);
  });
});

describe('the other policies', () => {
  it('preferred-group goes back as soon as the better level is usable', async () => {
    const { relay, clock } = await moved('affinity = "preferred-group"');
    expect(await next(relay)).toBe('b');
    clock.advance(31_000);
    expect(await next(relay)).toBe('a');
  });

  it('preferred-group keeps a session on its endpoint inside a level', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(
      `[routing]\naffinity = "preferred-group"\nstrategy = "round-robin"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}`,
    );
    const first = await next(relay);
    expect([await next(relay), await next(relay)]).toEqual([first, first]);
  });

  it('off lets the strategy decide every turn', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(
      `[routing]\naffinity = "off"\nstrategy = "round-robin"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}`,
    );
    expect([await next(relay), await next(relay), await next(relay)]).toEqual(['a', 'b', 'a']);
  });

  it('hard keeps a session where it is whatever has recovered', async () => {
    const { relay, clock } = await moved('affinity = "hard"');
    clock.advance(60 * minute);
    expect(await next(relay)).toBe('b');
  });

  it('hard refuses a turn that carries state rather than sending it to a stranger, and says whose it is', async () => {
    const { relay, clock, a, b } = await moved('affinity = "hard"');
    clock.advance(31_000);
    b.script([status503]);
    expect(await next(relay, stateBound)).toBe('b');
    const refused = await relay.turn({ ...stateBound, codex: false });
    expect(refused.status).toBe(503);
    expect(refused.text).toContain("the conversation's state belongs to b/default");
    expect(a.turns).toHaveLength(1);
  });

  it('hard moves a turn that carries state inside its continuity domain', async () => {
    const a = await suite.upstream();
    const b = await suite.upstream();
    const c = await suite.upstream();
    const config = `[routing]\naffinity = "hard"\n${oneAttempt}${provider('a', a.baseUrl, 'continuity_domain = "org"')}${provider('b', b.baseUrl)}${provider('c', c.baseUrl, 'level = 2\ncontinuity_domain = "org"')}`;
    const relay = await suite.relay(config);
    expect(await next(relay)).toBe('a');
    a.script([status503]);
    expect(await next(relay, stateBound)).toBe('a>c');
    expect(b.turns).toHaveLength(0);
  });
});

describe('the user decides', () => {
  it('making another provider active moves bound sessions at their next turn', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(`[routing]\nactive = "a"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}`);
    expect(await next(relay)).toBe('a');
    await relay.core.control.call('provider.setActive', { name: 'b' });
    expect(await next(relay)).toBe('b');
  });

  it('hard affinity keeps its owners all the same', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(
      `[routing]\nactive = "a"\naffinity = "hard"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}`,
    );
    expect(await next(relay)).toBe('a');
    await relay.core.control.call('provider.setActive', { name: 'b' });
    expect([await next(relay), await next(relay, { session: 'new' })]).toEqual(['a', 'b']);
  });
});

describe('bindings outlive the process', () => {
  it('a session returns to its endpoint after a restart', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const home = suite.home();
    const config = `[routing]\nstrategy = "round-robin"\n${provider('a', a.baseUrl)}${provider('b', b.baseUrl)}`;
    const before = await suite.relay(config, { home });
    await next(before, {});
    expect(await next(before)).toBe('b');
    await before.close();
    const after = await suite.relay(config, { home });
    expect([await next(after), await next(after, {}), await next(after)]).toEqual(['b', 'b', 'b']);
  });

  it('no more than 5,000 are kept; the least recently used goes first', async () => {
    const a = await suite.upstream();
    const home = suite.home();
    const config = provider('a', a.baseUrl);
    const first = await suite.relay(config, { home });
    await next(first);
    await first.close();
    const file = join(home.paths.stateDir, 'affinity.json');
    const record = { endpoint: 'a/default', boundAtMs: 1, lastUsedAtMs: 1, reason: 'first success' };
    const sessions = Array.from({ length: 5000 }, (_, index) => [`old-${index}`, record]);
    writeFileSync(file, JSON.stringify({ version: 1, sessions }));
    const second = await suite.relay(config, { home });
    await next(second, { session: 'old-0' });
    await next(second, { session: 'fresh' });
    await second.close();
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { sessions: [string, unknown][] };
    const names = kept.sessions.map(([name]) => name);
    expect(names).toHaveLength(5000);
    expect(names).not.toContain('old-1');
    expect(names.slice(-2)).toEqual(['old-0', 'fresh']);
  });

  it('a file that does not parse is ignored and said in the log', async () => {
    const a = await suite.upstream();
    const home = suite.home();
    const first = await suite.relay(provider('a', a.baseUrl), { home });
    await next(first);
    await first.close();
    writeFileSync(join(home.paths.stateDir, 'affinity.json'), '{"version":1,"sessions":[["s",');
    const second = await suite.relay(provider('a', a.baseUrl), { home });
    expect((await second.turn({ session: 's' })).status).toBe(200);
    expect(second.ports.logger.text()).toContain('session bindings could not be read');
  });
});
