import { afterEach, describe, expect, it } from 'vitest';
import { provider, startRelay, type TestRelay } from '../../helpers/relay.js';
import {
  answer,
  cloudflareHtml,
  closedPort,
  cutAfter,
  empty200,
  html200,
  inBandFailed,
  json,
  jsonInsteadOfSse,
  resetBeforeHeaders,
  startScriptedUpstream,
  status401,
  status429,
  status503,
  type ScriptedUpstream,
  type Step,
} from '../../helpers/scripted-upstream.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function upstream(steps: readonly Step[] = []): Promise<ScriptedUpstream> {
  const server = await startScriptedUpstream(steps);
  open.push(server);
  return server;
}

async function relay(config: string): Promise<TestRelay> {
  const started = await startRelay(config);
  open.push(started);
  return started;
}

/** Codes of what happened at each attempt, for reading in a diff. */
function story(started: TestRelay): readonly string[] {
  return started
    .records()
    .flatMap((record) => record.attempts.map((each) => `${each.provider} ${each.class ?? 'ok'} ${each.next}`));
}

const once = '[retry.endpoint]\nmax_attempts = 1\n';

describe('before the first byte, a broken first endpoint does not reach the client', () => {
  const faults: readonly (readonly [string, Step, string])[] = [
    ['503', status503, 'overloaded'],
    ['429 with Retry-After', status429({ retryAfter: 30 }), 'rate_limited'],
    ['429 without Retry-After', status429(), 'rate_limited'],
    ['401', status401, 'auth'],
    ['a Cloudflare challenge', cloudflareHtml(403), 'cloudflare_challenge'],
    ['a Cloudflare timeout', cloudflareHtml(524), 'cloudflare_timeout'],
    ['a reset before headers', resetBeforeHeaders, 'transport'],
    ['server_is_overloaded inside a 200', inBandFailed('server_is_overloaded', { after: 'created' }), 'overloaded'],
    ['an error event as the first thing', inBandFailed('server_is_overloaded', { after: 'nothing' }), 'overloaded'],
    ['an empty 200', empty200, 'bad_answer'],
    ['an HTML 200', html200, 'bad_answer'],
    ['JSON instead of a stream', jsonInsteadOfSse, 'bad_answer'],
    ['a cut before anything meaningful', cutAfter(1, 'rst'), 'transport'],
  ];
  it.each(faults)('%s', async (_name, step, failureClass) => {
    const first = await upstream([step, step]);
    const second = await upstream();
    const started = await relay(once + provider('first', first.baseUrl) + provider('second', second.baseUrl, 'level = 2'));
    const got = await started.turn();
    expect(got.status).toBe(200);
    expect(got.types.at(-1)).toBe('response.completed');
    expect(got.types.filter((type) => type === 'response.created')).toHaveLength(1);
    expect([first.turns.length, second.turns.length]).toEqual([1, 1]);
    await started.ended(1);
    expect(story(started)).toEqual([`first ${failureClass} next`, 'second ok delivered']);
    expect(got.headers.get('x-switchyard-attempts')).toBe('2');
    expect(got.headers.get('x-switchyard-turn')).toBe(started.records()[0]?.turn_id);
  });

  it('a refused connection costs one attempt and no request', async () => {
    const second = await upstream();
    const dead = `http://127.0.0.1:${await closedPort()}/v1`;
    const started = await relay(provider('first', dead) + provider('second', second.baseUrl));
    const got = await started.turn();
    expect(got.types.at(-1)).toBe('response.completed');
    await started.ended(1);
    expect(story(started)).toEqual(['first transport next', 'second ok delivered']);
  });
});

describe('what was learnt lasts for the next turn', () => {
  it('goes straight to the second endpoint while the first rests', async () => {
    const first = await upstream([status503]);
    const second = await upstream();
    const started = await relay(once + provider('first', first.baseUrl) + provider('second', second.baseUrl, 'level = 2'));
    await started.turn();
    await started.turn();
    expect([first.turns.length, second.turns.length]).toEqual([1, 2]);
  });

  it('never sends a credential of one provider, or of the client, to another', async () => {
    const first = await upstream([status503]);
    const second = await upstream();
    const started = await relay(once + provider('first', first.baseUrl) + provider('second', second.baseUrl));
    await started.turn({ headers: { 'chatgpt-account-id': 'acct-1', cookie: 'a=b' } });
    expect(first.turns[0]?.headers['authorization']).toBe('Bearer sk-first');
    expect(second.turns[0]?.headers['authorization']).toBe('Bearer sk-second');
    expect(second.turns[0]?.headers['chatgpt-account-id']).toBeUndefined();
    expect(second.turns[0]?.headers['cookie']).toBeUndefined();
  });
});

describe('after the commit point', () => {
  it('a cut ends in response.failed and is not retried', async () => {
    const first = await upstream([cutAfter(4, 'rst')]);
    const second = await upstream();
    const started = await relay(provider('first', first.baseUrl) + provider('second', second.baseUrl));
    const got = await started.turn();
    expect(got.types.at(-1)).toBe('response.failed');
    expect(got.text).toContain('UPSTREAM_STREAM_CUT');
    expect(second.turns).toHaveLength(0);
    const [record] = await started.ended(1);
    expect(record?.end).toBe('cut');
  });
});

describe('when nothing can serve the turn', () => {
  it('a streaming Codex turn gets a response.failed it retries', async () => {
    const first = await upstream([status503, status503]);
    const started = await relay(provider('only', first.baseUrl));
    const got = await started.turn();
    expect(got.status).toBe(200);
    expect(got.types).toEqual(['response.failed']);
    expect(got.text).toMatch(/rate_limit_exceeded.*try again in [\d.]+s/);
  });

  it('another client gets the upstream answer intact, with a time to come back', async () => {
    const first = await upstream([status503, status503]);
    const started = await relay(once + provider('only', first.baseUrl));
    const got = await started.turn({ codex: false });
    expect(got.status).toBe(503);
    expect(got.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(got.headers.get('x-switchyard-turn')).toBeTruthy();
  });

  it('never shows Codex a bare 429', async () => {
    const first = await upstream([status429(), status429()]);
    const started = await relay(provider('only', first.baseUrl));
    const got = await started.turn();
    expect(got.status === 429 && got.headers.get('retry-after') === null).toBe(false);
    expect(got.types).toEqual(['response.failed']);
  });

  it('says in words why each endpoint cannot be used', async () => {
    const started = await relay(
      '[providers.off]\nbase_url = "http://127.0.0.1:9/v1"\nenabled = false\n[providers.nokey]\nbase_url = "http://127.0.0.1:9/v1"\napi_key_env = "SURELY_UNSET"\n',
    );
    const got = await started.turn({ codex: false });
    expect(got.status).toBe(503);
    expect(got.text).toContain('ROUTE_NONE_USABLE');
    expect(got.text).toContain('SURELY_UNSET');
    const [record] = await started.ended(1);
    expect(record?.end).toBe('refused');
  });

  it('without providers says what to do next', async () => {
    const started = await relay('');
    const got = await started.turn({ codex: false });
    expect(got.status).toBe(503);
    expect(got.text).toContain('switchyard config add');
  });

  it('with a configuration that never loaded points at its error instead of at an empty list', async () => {
    const started = await relay('[providers.a\n');
    const got = await started.turn({ codex: false });
    expect(got.status).toBe(503);
    expect(got.text).toContain('switchyard config validate');
  });

  it('a dead only relay is tried again after a second instead of locking the user out', async () => {
    const first = await upstream([status503, status503]);
    const started = await relay(once + provider('only', first.baseUrl));
    await started.turn();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const got = await started.turn();
    expect(first.turns.length).toBeGreaterThanOrEqual(2);
    expect(got.status).toBe(200);
  });
});

describe('hit counts of the acceptance table', () => {
  const cases: readonly (readonly [string, string, readonly Step[], readonly [number, number], number])[] = [
    ['502 twice: the same endpoint is tried twice, then the second once', '', [json(502, {}), json(502, {})], [2, 1], 200],
    ['502 once: the same endpoint recovers without failover', '', [json(502, {}), answer()], [2, 0], 200],
    ['400 is returned as it is', '', [json(400, { error: { message: 'no' } })], [1, 0], 400],
    [
      'a client error is never retried even when its status is listed',
      '[retry.failover]\non_status = "400-599"\n',
      [json(400, { error: { type: 'invalid_request_error', message: 'no' } })],
      [1, 0],
      400,
    ],
    ['404 moves on', '', [json(404, { error: { message: 'nothing here' } })], [1, 1], 200],
    [
      '404 is retried in place when the settings say so',
      '[retry.endpoint]\non_status = "400-599"\n',
      [json(404, {}), json(404, {})],
      [2, 1],
      200,
    ],
    [
      '502 that no setting retries is returned',
      '[retry.endpoint]\non_status = ""\non_class = []\n[retry.failover]\non_status = ""\non_class = []\n',
      [json(502, { a: 1 })],
      [1, 0],
      502,
    ],
  ];
  it.each(cases)('%s', async (_name, settings, steps, hits, status) => {
    const first = await upstream(steps);
    const second = await upstream();
    const started = await relay(settings + provider('first', first.baseUrl) + provider('second', second.baseUrl, 'level = 2'));
    const got = await started.turn({ codex: false });
    expect([first.turns.length, second.turns.length]).toEqual(hits);
    expect(got.status).toBe(status);
  });

  it('an endpoint that lacks the model is skipped, and a mapped model is spliced in', async () => {
    const first = await upstream();
    const second = await upstream();
    const started = await relay(
      provider('first', first.baseUrl, 'models = ["other"]') +
        provider('second', second.baseUrl, 'model_map = { "gpt-5*" = "vendor/gpt-5*" }'),
    );
    const got = await started.turn({ model: 'gpt-5.5' });
    expect(got.status).toBe(200);
    expect([first.turns.length, second.turns.length]).toEqual([0, 1]);
    expect(second.turns[0]?.json).toMatchObject({ model: 'vendor/gpt-5.5', stream: true });
  });

  it('usage that comes late in the stream is captured', async () => {
    const first = await upstream();
    const started = await relay(provider('only', first.baseUrl));
    await started.turn();
    const [record] = await started.ended(1);
    expect(record?.usage?.total_tokens).toBeGreaterThan(0);
  });
});
