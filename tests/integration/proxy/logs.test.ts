import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import { manualClock } from '../../helpers/manual-clock.js';
import { rawCall, rawTurn } from '../../helpers/raw-client.js';
import { provider, type TestRelay } from '../../helpers/relay.js';
import { oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import { closedPort, idleAfter, inBandFailed, json, sse, status503, type Step } from '../../helpers/scripted-upstream.js';

const suite = relaySuite();

/** The lines on disk, after everything pending was written. */
async function lines(relay: TestRelay): Promise<readonly TurnRecord[]> {
  await relay.core.close();
  const text = readFileSync(join(relay.home.paths.logsDir, 'requests.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TurnRecord);
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}

/** A credential without its scheme, as upstreams quote it. */
function bare(authorization: string | undefined): string {
  return (authorization ?? '').replace('Bearer ', '');
}

const cwd = { role: 'user', content: '<environment_context><cwd>/work/app</cwd></environment_context>' };

describe('a line of requests.jsonl', () => {
  it('keeps the old names and adds ours', async () => {
    const clock = manualClock();
    const a = await suite.upstream([status503]);
    const b = await suite.upstream();
    const relay = await suite.relay(
      oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl, 'level = 3\nmodel_map = { "gpt-*" = "v/gpt-*" }'),
      { ports: { clock } },
    );
    const got = await relay.turn({
      session: 's-1',
      path: '/v1/responses?x=1',
      body: { input: [cwd], reasoning: { effort: 'high' } },
    });
    const [line] = await lines(relay);
    expect(line).toMatchObject({
      timestamp_ms: clock.now(),
      turn_id: got.headers.get('x-switchyard-turn'),
      service: 'codex',
      protocol: 'responses',
      method: 'POST',
      path: '/v1/responses',
      status_code: 200,
      config_name: 'b',
      provider: 'b',
      endpoint: 'b/default',
      level: 3,
      upstream_base_url: b.baseUrl,
      session_id: 's-1',
      session_source: 'header',
      cwd: '/work/app',
      model: 'gpt-5.5',
      model_sent: 'v/gpt-5.5',
      reasoning_effort: 'high',
      stream: true,
      end: 'completed',
      usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18, reasoning_tokens: 2, cached_input_tokens: 3 },
      retry: {
        attempts: 2,
        upstream_chain: [
          `a:${a.baseUrl}/responses (idx=0) status=503 class=overloaded model=gpt-5.5`,
          `b:${b.baseUrl}/responses (idx=0) status=200 class=- model=gpt-5.5->v/gpt-5.5`,
        ],
      },
      attempts: [
        {
          endpoint: 'a/default',
          provider: 'a',
          level: 1,
          status: 503,
          outcome: 'failure',
          class: 'overloaded',
          next: 'next',
          cooldown_ms: 30_000,
        },
        { endpoint: 'b/default', provider: 'b', level: 3, status: 200, outcome: 'success', next: 'delivered' },
      ],
    });
    expect(line).not.toHaveProperty('http_debug');
    for (const name of ['duration_ms', 'ttfb_ms', 'first_byte_ms', 'overhead_ms', 'request_bytes', 'response_bytes'] as const)
      expect(line?.[name], name).toEqual(expect.any(Number));
    expect(line?.request_bytes).toBe(a.turns[0]?.body.length);
    expect(line?.response_bytes).toBe(Buffer.byteLength(got.text));
  });

  it('a turn nobody served says so, with - where nobody stands', async () => {
    const dead = `http://127.0.0.1:${await closedPort()}/v1`;
    const relay = await suite.relay(oneAttempt + provider('a', dead) + provider('off', dead, 'enabled = false'));
    await relay.turn({ path: '/v1/messages', codex: false });
    await relay.turn({ codex: false, stream: false });
    const [refused, failed] = await lines(relay);
    expect(refused).toMatchObject({
      service: 'claude',
      config_name: '-',
      upstream_base_url: '-',
      end: 'refused',
      status_code: 404,
      attempts: [],
    });
    expect(refused).not.toHaveProperty('retry');
    expect(failed).toMatchObject({
      service: 'other',
      config_name: 'a',
      status_code: 502,
      end: 'failed',
      error: { code: 'UPSTREAM_UNREACHABLE' },
      attempts: [{ outcome: 'failure', class: 'transport', message: 'connection refused', next: 'end' }],
      skipped: [{ endpoint: 'off/default', reason: { code: 'disabled' } }],
    });
  });

  it('a chain in vain ends in the line scripts look for, transport errors in theirs', async () => {
    const a = await suite.upstream([status503]);
    const dead = `http://127.0.0.1:${await closedPort()}/v1`;
    const relay = await suite.relay(oneAttempt + provider('a', dead) + provider('b', a.baseUrl));
    await relay.turn({ codex: false });
    const [line] = await lines(relay);
    expect(line?.retry?.upstream_chain).toEqual([
      `a:${dead}/responses (idx=0) transport_error=connection refused model=gpt-5.5`,
      `b:${a.baseUrl}/responses (idx=0) status=503 class=overloaded model=gpt-5.5`,
      'all_upstreams_avoided total=2',
    ]);
  });

  it('says how a stream ended', async () => {
    const a = await suite.upstream([inBandFailed('server_error', { after: 'delta' }), idleAfter(5)]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    await relay.turn();
    const call = rawTurn(relay.url);
    await call.until((text) => text.includes('delta'));
    call.abort();
    await relay.ended(2);
    const ends = await lines(relay);
    expect(ends.map((line) => line.end)).toEqual(['failed', 'aborted']);
    expect(ends.map((line) => line.attempts[0]?.outcome)).toEqual(['failure', 'aborted']);
  });

  it.each([
    ['errors', 1],
    ['off', 0],
  ])('requests = "%s" writes fewer lines, and memory keeps all', async (mode, count) => {
    const a = await suite.upstream([sse(), json(400, { error: { message: 'no' } })]);
    const relay = await suite.relay(`[log]\nrequests = "${mode}"\n${provider('a', a.baseUrl)}`);
    await relay.turn();
    await relay.turn();
    expect((await relay.core.control.call('logs.tail', {})).records).toHaveLength(2);
    await relay.core.close();
    const written = filesBelow(relay.home.paths.logsDir).map((file) => readFileSync(file, 'utf8'));
    expect(written.join('').split('\n').filter(Boolean)).toHaveLength(count);
  });
});

describe('the headers of an answer', () => {
  it('name the turn, its attempts and our overhead', async () => {
    const a = await suite.upstream([status503, sse('plain', { headers: { 'x-switchyard-turn': 'of-another-relay' } })]);
    const relay = await suite.relay(
      `[retry.endpoint]\non_class = ["overloaded"]\nbackoff_ms = 0\njitter_ms = 0\n${provider('a', a.baseUrl)}`,
    );
    const got = await relay.turn();
    await relay.ended(1);
    expect(got.headers.get('x-switchyard-turn')).toBe(relay.records()[0]?.turn_id);
    expect(got.headers.get('x-switchyard-attempts')).toBe('2');
    expect(Number(got.headers.get('x-switchyard-overhead-ms'))).toBeGreaterThanOrEqual(0);
    const bad = rawCall(relay.url, { body: 'no json', headers: { 'content-type': 'application/json' } });
    await bad.end();
    expect([bad.status, typeof bad.headers['x-switchyard-turn']]).toEqual([400, 'string']);
  });
});

describe('http_debug', () => {
  const turns: readonly Step[] = [sse(), json(400, { error: { message: 'no' } })];

  it.each([
    ['off', [false, false]],
    ['errors', [false, true]],
    ['all', [true, true]],
  ] as const)('%s', async (mode, captured) => {
    const a = await suite.upstream(turns);
    const relay = await suite.relay(`[log]\nhttp_debug = "${mode}"\n${provider('a', a.baseUrl)}`);
    await relay.turn();
    await relay.turn();
    const written = await lines(relay);
    expect(written.map((line) => line.http_debug !== undefined)).toEqual(captured);
  });

  it('shows both sides of the exchange', async () => {
    const a = await suite.upstream([json(400, { error: { message: 'nope' } }, { 'x-request-id': 'r-1' })]);
    const relay = await suite.relay(`[log]\nhttp_debug = "all"\nhttp_debug_body_kb = 1\n${provider('a', a.baseUrl)}`);
    await relay.turn({ path: '/v1/responses?x=1', body: { padding: 'p'.repeat(3000) } });
    const [line] = await lines(relay);
    const debug = line?.http_debug as Readonly<Record<string, unknown>>;
    expect(debug).toMatchObject({
      client_uri: '/v1/responses?x=1',
      target_url: `${a.baseUrl}/responses?x=1`,
      upstream_status: 400,
      request_body_len: a.turns[0]?.body.length,
      client_body: { truncated: true, original_len: a.turns[0]?.body.length, encoding: 'utf8' },
      upstream_response_body: { data: '{"error":{"message":"nope"}}', truncated: false },
    });
    expect(JSON.stringify(debug['upstream_response_headers'])).toContain('r-1');
    expect(JSON.stringify(debug['upstream_request_headers'])).toContain('[redacted]');
  });
});

describe('no secret is written', () => {
  // Shapes no pattern would know.
  const canaries = {
    inline: 'canary1nlineKeyQ9x',
    env: 'canary2environmentQ9x',
    stored: 'canary3storedQ9x',
    header: 'canary4customHeaderQ9x',
    client: 'canary5clientLoginQ9x',
    ours: 'canary6clientKeyQ9x',
    proxy: 'canary7proxyLoginQ9x',
    query: 'canary8queryQ9x',
  };

  it('into any file of the home but the config and the secret store, nor into logs and events, whoever quotes it', async () => {
    const quoting: Step = {
      name: 'quoting',
      run: async (exchange) => {
        const { headers } = exchange.request;
        const said = `bad key ${bare(headers['authorization'])} for ${headers['x-corp'] ?? 'nobody'}`;
        await json(401, { error: { message: said, code: 'invalid_api_key' } }, { 'set-cookie': `s=${said}`, 'x-echo': said }).run(
          exchange,
        );
      },
    };
    const a = await suite.upstream(() => quoting);
    const block = (name: string, rest: string): string => `[providers.${name}]\nbase_url = "${a.baseUrl}"\n${rest}\n`;
    const config =
      `[log]\nhttp_debug = "all"\n[server]\nclient_keys = [{ name = "me", key = "${canaries.ours}" }]\n[retry.failover]\nmax_attempts = 8\n` +
      block('inline', `api_key = "${canaries.inline}"\nheaders = { "X-Corp" = "${canaries.header}" }`) +
      block('env', 'api_key_env = "CANARY"') +
      block('stored', 'secret = "canary"') +
      block('proxied', `api_key = "${canaries.inline}"\nproxy = "http://u:${canaries.proxy}@127.0.0.1:${await closedPort()}"`);
    const relay = await suite.relay(config, { env: { CANARY: canaries.env } });
    await relay.core.control.call('secret.set', { name: 'canary', value: canaries.stored });
    const headers = { authorization: `Bearer ${canaries.ours}`, cookie: `login=${canaries.client}` };
    const path = `/v1/responses?key=${canaries.query}`;
    await relay.turn({ headers, path });
    await relay.turn({ headers, path, codex: false, stream: false });
    await fetch(`${relay.url}/v1/files?key=${canaries.query}`, { headers });
    await relay.turn({ headers: { authorization: 'Bearer wrong' }, path });
    await relay.ended(2);
    expect(a.turns.map((turn) => turn.headers['authorization']).slice(0, 3)).toEqual(
      [canaries.inline, canaries.env, canaries.stored].map((key) => `Bearer ${key}`),
    );
    const status = await relay.core.control.call('status.get', {});
    const tail = await relay.core.control.call('logs.tail', {});
    await relay.core.close();
    const { configFile, secretsFile, home } = relay.home.paths;
    const places = new Map(
      filesBelow(home)
        .filter((file) => file !== configFile && file !== secretsFile && !file.includes('backups'))
        .map((file) => [file.slice(home.length), readFileSync(file, 'utf8')]),
    );
    expect([...places.keys()].some((file) => file.endsWith('requests.jsonl'))).toBe(true);
    places.set('program log', relay.ports.logger.text());
    places.set('events', JSON.stringify(relay.events));
    places.set('status', JSON.stringify(status));
    places.set('tail', JSON.stringify(tail));
    const found = [...places].flatMap(([place, text]) =>
      Object.entries(canaries).flatMap(([name, canary]) => (text.includes(canary) ? [`${name} in ${place}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it('nor a login of the client that is passed on', async () => {
    const quoting: Step = {
      name: 'quoting',
      run: (exchange) =>
        json(401, { error: { message: `bad ${bare(exchange.request.headers['authorization'])}` } }).run(exchange),
    };
    const a = await suite.upstream([quoting]);
    const relay = await suite.relay(
      `[log]\nhttp_debug = "all"\n[providers.a]\nbase_url = "${a.baseUrl}"\npass_client_auth = true\n`,
    );
    await relay.turn({ headers: { authorization: `Bearer ${canaries.client}` } });
    expect(a.turns[0]?.headers['authorization']).toBe(`Bearer ${canaries.client}`);
    await relay.core.close();
    const written = filesBelow(relay.home.paths.logsDir).map((file) => readFileSync(file, 'utf8'));
    expect(written.join('\n')).not.toContain(canaries.client);
    expect(JSON.stringify(relay.events)).not.toContain(canaries.client);
  });
});

describe('faces follow a turn', () => {
  it('over SSE, from turn-start to turn-end', async () => {
    const a = await suite.upstream([status503]);
    const b = await suite.upstream();
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl));
    const token = readFileSync(join(relay.home.paths.runDir, 'control-token'), 'utf8').trim();
    const feed = rawCall(relay.url, {
      method: 'GET',
      path: '/_switchyard/events',
      headers: { authorization: `Bearer ${token}` },
    });
    await feed.until((text) => text.includes(': connected'));
    await relay.turn({ session: 's' });
    await feed.until((text) => text.includes('event: turn-end'));
    feed.abort();
    const events = [...feed.text().matchAll(/^data: (.*)$/gm)].map(
      (match) =>
        JSON.parse(match[1] ?? '') as { type: string; turn?: { stage: string; turnId: string }; record?: { turn_id: string } },
    );
    const names = events.map((event) => (event.type === 'turn-stage' ? `stage ${event.turn?.stage ?? ''}` : event.type));
    expect(names).toEqual([
      'turn-start',
      'stage dispatching',
      'endpoint-state',
      'attempt-end',
      'stage dispatching',
      'stage streaming',
      'attempt-end',
      'turn-end',
    ]);
    expect(events.at(-1)?.record?.turn_id).toBe(events[0]?.turn?.turnId);
  });

  it('live turns show in the status while they run', async () => {
    const a = await suite.upstream([idleAfter(5)]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url, { headers: { 'session-id': 's' } });
    await call.until((text) => text.includes('delta'));
    const during = await relay.core.control.call('status.get', {});
    expect(during.liveTurns).toMatchObject([
      { stage: 'streaming', sessionId: 's', endpoint: 'a/default', attempts: 1, model: 'gpt-5.5' },
    ]);
    call.abort();
    await relay.ended(1);
    expect((await relay.core.control.call('status.get', {})).liveTurns).toEqual([]);
  });
});

describe('/metrics', () => {
  it('counters move with turns, attempts, failovers and tokens', async () => {
    const a = await suite.upstream([status503]);
    const b = await suite.upstream();
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl));
    const scrape = async (): Promise<string> => (await fetch(`${relay.url}/_switchyard/metrics`)).text();
    const value = (text: string, series: RegExp): number => Number(series.exec(text)?.[1] ?? 0);
    await relay.turn();
    await relay.turn();
    await relay.ended(2);
    const text = await scrape();
    expect(value(text, /^switchyard_turns_total\{[^}]*provider="b"[^}]*\} (\d+)/m)).toBe(2);
    expect(value(text, /^switchyard_attempts_total\{[^}]*provider="a"[^}]*class="overloaded"[^}]*\} (\d+)/m)).toBe(1);
    expect(value(text, /^switchyard_failovers_total\{[^}]*\} (\d+)/m)).toBe(1);
    expect(value(text, /^switchyard_tokens_total\{[^}]*kind="output"[^}]*\} (\d+)/m)).toBe(14);
    expect(value(text, /^switchyard_endpoint_cooling\{[^}]*endpoint="a\/default"[^}]*\} (\d+)/m)).toBe(1);
    await relay.turn();
    await relay.ended(3);
    expect(value(await scrape(), /^switchyard_turns_total\{[^}]*provider="b"[^}]*\} (\d+)/m)).toBe(3);
  });
});
