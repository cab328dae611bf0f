import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { manualClock, type ManualClock } from '../../helpers/manual-clock.js';
import { rawCall, rawTurn } from '../../helpers/raw-client.js';
import { provider, type TestRelay } from '../../helpers/relay.js';
import { eventually, oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import {
  cutAfter,
  frameEvent,
  hangBeforeHeaders,
  idleAfter,
  inBandFailed,
  status503,
  turnEvents,
  type Dialect,
  type Step,
} from '../../helpers/scripted-upstream.js';

const suite = relaySuite();
const keepalive = 'data: {"type":"keepalive"}\n\n';
const watched = '[server]\nkeepalive_s = 5\nstream_idle_timeout_s = 20\n';
const events = turnEvents('responses').map((event) => frameEvent(event));

/** Sends these bytes as an event stream and then nothing more, with the connection open. */
function hold(...pieces: readonly string[]): Step {
  return {
    name: 'hold',
    run: ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of pieces) response.write(piece);
    },
  };
}

const paths: Readonly<Record<Dialect, string>> = {
  responses: '/v1/responses',
  chat: '/v1/chat/completions',
  messages: '/v1/messages',
};

/** Lets time go by half a second at a time until the condition holds, and answers how much went by. */
async function passUntil(clock: ManualClock, condition: () => boolean): Promise<number> {
  const startMs = clock.now();
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (!condition()) clock.advance(500);
  }
  return clock.now() - startMs;
}

async function coolsNothing(relay: TestRelay): Promise<void> {
  const { endpoints } = await relay.core.control.call('status.get', {});
  expect(endpoints.map((endpoint) => endpoint.state.cooldown)).toEqual(endpoints.map(() => undefined));
  expect(endpoints.every((endpoint) => endpoint.usable && endpoint.state.leases === 0)).toBe(true);
}

describe('a silent upstream', () => {
  it('gets events that Codex counts put in its place, between events only', async () => {
    const clock = manualClock();
    const a = await suite.upstream([idleAfter(5)]);
    const relay = await suite.relay(watched + provider('a', a.baseUrl), { ports: { clock } });
    const call = rawTurn(relay.url);
    const sent = events.slice(0, 5).join('');
    await call.until((text) => text === sent);
    clock.advance(4500);
    expect(call.text()).toBe(sent);
    clock.advance(500);
    await call.until((text) => text !== sent);
    clock.advance(5000);
    await call.until((text) => text.length > sent.length + keepalive.length);
    expect(call.text()).toBe(sent + keepalive + keepalive);
  });

  it('after stream_idle_timeout_s the turn fails in words Codex retries, and the upstream is closed', async () => {
    const clock = manualClock();
    const a = await suite.upstream([idleAfter(5)]);
    const relay = await suite.relay(watched + provider('a', a.baseUrl), { ports: { clock } });
    const call = rawTurn(relay.url);
    await call.until((text) => text.includes('output_text.delta'));
    clock.advance(20_000);
    expect(await call.end()).toBe('complete');
    expect(call.text()).toMatch(/event: response\.failed\ndata: \{"type":"response\.failed".*"code":"server_error".*\n\n$/);
    expect(call.text()).toContain('UPSTREAM_STREAM_IDLE');
    expect(await a.turns[0]?.finished).toBe('aborted');
    const [record] = await relay.ended(1);
    expect(record).toMatchObject({ end: 'idle', error: { code: 'UPSTREAM_STREAM_IDLE' } });
  });

  it('in the middle of an event it gets nothing put in, and its end begins on a new line', async () => {
    const clock = manualClock();
    const half = 'event: response.output_text.delta\ndata: {"type":"response.output_te';
    const a = await suite.upstream([hold(events.slice(0, 5).join(''), half)]);
    const relay = await suite.relay(watched + provider('a', a.baseUrl), { ports: { clock } });
    const call = rawTurn(relay.url);
    const sent = events.slice(0, 5).join('') + half;
    await call.until((text) => text === sent);
    clock.advance(15_000);
    clock.advance(5_000);
    await call.end();
    expect(call.text().startsWith(`${sent}\n\nevent: response.failed\ndata: `)).toBe(true);
  });

  it('that has only greeted is delivered after keepalive_s, and kept alive from then on', async () => {
    const clock = manualClock();
    const greeting = events.slice(0, 2).join('');
    const a = await suite.upstream([hold(greeting)]);
    const b = await suite.upstream();
    const relay = await suite.relay(watched + provider('a', a.baseUrl) + provider('b', b.baseUrl, 'level = 2'), {
      ports: { clock },
    });
    const call = rawTurn(relay.url);
    await a.waitForRequests(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(call.status).toBeUndefined();
    const wentBy = await passUntil(clock, () => call.status !== undefined);
    expect(wentBy).toBeGreaterThanOrEqual(5000);
    await call.until((text) => text === greeting);
    clock.advance(5000);
    await call.until((text) => text === greeting + keepalive);
    expect(b.turns).toHaveLength(0);
  });

  it('a refusal whose body never ends does not hold the turn for ever', async () => {
    const clock = manualClock();
    const stuck: Step = {
      name: 'stuck',
      run: ({ response }) => {
        response.writeHead(503, { 'content-type': 'application/json' });
        response.write('{"error":{"message":"busy"');
      },
    };
    const a = await suite.upstream([stuck]);
    const b = await suite.upstream();
    const relay = await suite.relay(watched + oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl), {
      ports: { clock },
    });
    const answer = relay.turn();
    await passUntil(clock, () => b.turns.length === 1);
    expect((await answer).types.at(-1)).toBe('response.completed');
    const [record] = await relay.ended(1);
    expect(record?.attempts.map((each) => each.class)).toEqual(['overloaded', undefined]);
  });

  it('a refusal counts as what its head says although its body breaks off', async () => {
    const broken: Step = {
      name: 'brokenRefusal',
      run: ({ response }) => {
        response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '40', 'content-length': '500' });
        response.write('{"error":{"mess', () => response.destroy());
      },
    };
    const a = await suite.upstream([broken]);
    const b = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl) + provider('b', b.baseUrl));
    expect((await relay.turn()).types.at(-1)).toBe('response.completed');
    const [record] = await relay.ended(1);
    expect(record?.attempts[0]).toMatchObject({ class: 'rate_limited', status: 429, retry_after_ms: 40_000 });
  });

  it('a web page that never ends is no stream', async () => {
    const clock = manualClock();
    const a = await suite.upstream([hold('<!doctype html><html>')]);
    const b = await suite.upstream();
    const relay = await suite.relay(watched + provider('a', a.baseUrl) + provider('b', b.baseUrl), { ports: { clock } });
    const answer = relay.turn();
    await passUntil(clock, () => b.turns.length === 1);
    expect((await answer).types.at(-1)).toBe('response.completed');
    const [record] = await relay.ended(1);
    expect(record?.attempts[0]).toMatchObject({ provider: 'a', class: 'bad_answer' });
  });
});

describe('a document that stops half way', () => {
  it.each([
    ['early', 1000],
    ['late', 200_000],
  ])('%s: the connection ends after stream_idle_timeout_s, and the upstream is closed', async (_name, bytes) => {
    const clock = manualClock();
    const half: Step = {
      name: 'half',
      run: ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(`{"output":"${'x'.repeat(bytes)}`);
      },
    };
    const a = await suite.upstream([half]);
    const relay = await suite.relay(watched + provider('a', a.baseUrl), { ports: { clock } });
    const call = rawTurn(relay.url, { json: { stream: false } });
    await a.waitForRequests(1);
    const wentBy = await passUntil(clock, () => relay.records().length === 1);
    expect(wentBy).toBeGreaterThanOrEqual(20_000);
    expect(await call.end()).toBe('cut');
    expect(await a.turns[0]?.finished).toBe('aborted');
    expect(relay.records()[0]).toMatchObject({ end: 'idle', error: { code: 'UPSTREAM_STREAM_IDLE' } });
    expect((await relay.core.control.call('status.get', {})).endpoints[0]?.state.leases).toBe(0);
  });
});

describe('keep-alives in the other protocols', () => {
  it.each([
    ['chat', ': keepalive\n\n'],
    ['messages', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ] as const)('%s', async (dialect, expected) => {
    const clock = manualClock();
    const a = await suite.upstream([idleAfter(4)]);
    const relay = await suite.relay(watched + provider('a', a.baseUrl, `protocol = "${dialect}"`), { ports: { clock } });
    const call = rawTurn(relay.url, { path: paths[dialect] });
    const sent = turnEvents(dialect)
      .slice(0, 4)
      .map((event) => frameEvent(event))
      .join('');
    await call.until((text) => text === sent);
    clock.advance(5000);
    await call.until((text) => text !== sent);
    expect(call.text()).toBe(sent + expected);
  });
});

describe('a stream that is cut after the commit point ends in the error event of its protocol', () => {
  const endings: readonly (readonly [Dialect, RegExp])[] = [
    ['responses', /event: response\.failed\ndata: \{"type":"response\.failed".*UPSTREAM_STREAM_CUT.*\}\n\n$/],
    ['chat', /data: \{"error":\{.*"code":"UPSTREAM_STREAM_CUT"\}\}\n\ndata: \[DONE\]\n\n$/],
    ['messages', /event: error\ndata: \{"type":"error","error":\{"type":"overloaded_error".*\}\}\n\n$/],
  ];
  const cases = endings.flatMap(([dialect, ending]) => (['eof', 'rst'] as const).map((how) => [dialect, how, ending] as const));
  it.each(cases)('%s, %s', async (dialect, how, ending) => {
    const a = await suite.upstream([cutAfter(5, how)]);
    const b = await suite.upstream();
    const more = `protocol = "${dialect}"`;
    const relay = await suite.relay(provider('a', a.baseUrl, more) + provider('b', b.baseUrl, more));
    const call = rawTurn(relay.url, { path: paths[dialect] });
    expect(await call.end()).toBe('complete');
    const sent = turnEvents(dialect)
      .slice(0, 5)
      .map((event) => frameEvent(event))
      .join('');
    expect(call.text().startsWith(sent)).toBe(true);
    expect(call.text().slice(sent.length)).toMatch(ending);
    expect(b.turns).toHaveLength(0);
    const [record] = await relay.ended(1);
    expect(record).toMatchObject({ end: 'cut', status_code: 200, error: { code: 'UPSTREAM_STREAM_CUT' } });
  });

  it('a compressed stream that breaks off, too', async () => {
    const whole = gzipSync(
      turnEvents('responses', { text: 'word '.repeat(20_000) })
        .map((event) => frameEvent(event))
        .join(''),
    );
    const broken: Step = {
      name: 'broken',
      run: ({ response }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
        response.end(whole.subarray(0, whole.length - 1000));
      },
    };
    const a = await suite.upstream([broken]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url);
    expect(await call.end()).toBe('complete');
    expect(call.text()).toMatch(/UPSTREAM_STREAM_CUT.*\n\n$/);
  });

  it('a failure the upstream itself reports late goes through as it is', async () => {
    const a = await suite.upstream([inBandFailed('server_is_overloaded', { after: 'delta' })]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const got = await relay.turn();
    expect(got.types.filter((type) => type === 'response.failed')).toHaveLength(1);
    expect(got.text).not.toContain('switchyard_code');
    const [record] = await relay.ended(1);
    expect(record).toMatchObject({ end: 'failed', error: { code: 'server_is_overloaded' } });
  });

  it('a document that is cut closes the connection instead of looking whole', async () => {
    const a = await suite.upstream([
      {
        name: 'halfDocument',
        run: ({ response }) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': '400000' });
          response.write(`{"output":"${'x'.repeat(200_000)}`, () => response.destroy());
        },
      },
    ]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url, { json: { stream: false } });
    expect(await call.end()).toBe('cut');
    const [record] = await relay.ended(1);
    expect(record?.end).toBe('cut');
  });
});

describe('a client that goes away', () => {
  it('in the middle of a stream cancels the upstream and cools nothing', async () => {
    const a = await suite.upstream([idleAfter(5)]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url);
    await call.until((text) => text.includes('output_text.delta'));
    call.abort();
    expect(await a.turns[0]?.finished).toBe('aborted');
    const [record] = await relay.ended(1);
    expect(record).toMatchObject({ end: 'aborted', attempts: [{ outcome: 'aborted' }] });
    await coolsNothing(relay);
  });

  it('before the upstream answered cancels it and tries nobody else', async () => {
    const a = await suite.upstream([hangBeforeHeaders]);
    const b = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl) + provider('b', b.baseUrl));
    const call = rawTurn(relay.url);
    await a.waitForRequests(1);
    call.abort();
    expect(await a.turns[0]?.finished).toBe('aborted');
    const [record] = await relay.ended(1);
    expect(record).toMatchObject({ end: 'aborted', status_code: 499 });
    expect(b.turns).toHaveLength(0);
    await coolsNothing(relay);
  });

  it('between two attempts ends the turn without the second', async () => {
    const clock = manualClock();
    const a = await suite.upstream([status503, status503]);
    const relay = await suite.relay(`[retry.endpoint]\nbackoff_ms = 10000\nbackoff_max_ms = 10000\n${provider('a', a.baseUrl)}`, {
      ports: { clock },
    });
    const call = rawTurn(relay.url);
    await eventually(() => relay.events.some((event) => event.type === 'attempt-end'));
    call.abort();
    const [record] = await relay.ended(1);
    expect(record?.end).toBe('aborted');
    expect(a.turns).toHaveLength(1);
  });

  it('while it still sends its request leaves no trace upstream', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawCall(relay.url, { headers: { 'content-type': 'application/json', 'content-length': '1000' }, body: '{"mod' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    call.abort();
    expect((await relay.turn()).status).toBe(200);
    expect(a.turns).toHaveLength(1);
  });

  it('right after the closing event has had its answer', async () => {
    const a = await suite.upstream([hold(events.join(''))]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url);
    await call.until((text) => text.includes('response.completed'));
    call.abort();
    const [record] = await relay.ended(1);
    expect(record).toMatchObject({ end: 'completed', usage: { total_tokens: 18 } });
  });
});
