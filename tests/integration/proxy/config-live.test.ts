import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { ConfigStatus } from '../../../shared/domain/config-snapshot.js';
import { manualClock } from '../../helpers/manual-clock.js';
import { rawTurn } from '../../helpers/raw-client.js';
import { provider, type TestRelay } from '../../helpers/relay.js';
import { eventually, journeys, oneAttempt, relaySuite } from '../../helpers/relay-suite.js';
import { frameEvent, status503, turnEvents, type Step } from '../../helpers/scripted-upstream.js';

const suite = relaySuite();
const events = turnEvents('responses').map((event) => frameEvent(event));

function readings(relay: TestRelay): readonly ConfigStatus[] {
  return relay.events.flatMap((event) => (event.type === 'config-changed' ? [event.status] : []));
}

/** Changes the file by hand and waits until the relay has read it. */
async function handEdit(relay: TestRelay, text: string): Promise<ConfigStatus> {
  const before = readings(relay).length;
  writeFileSync(relay.home.paths.configFile, text);
  await eventually(() => readings(relay).length > before);
  return statusOf(relay);
}

async function statusOf(relay: TestRelay): Promise<ConfigStatus> {
  return (await relay.core.control.call('status.get', {})).config;
}

async function provides(relay: TestRelay): Promise<readonly string[]> {
  const { endpoints } = await relay.core.control.call('status.get', {});
  return endpoints.map((endpoint) => endpoint.provider);
}

function errorsOf(status: ConfigStatus) {
  return status.problems.filter((problem) => problem.severity === 'error');
}

/** A stream that goes on when it is told to. */
function gated(): { readonly step: Step; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const step: Step = {
    name: 'gated',
    async run({ response }) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(events.slice(0, 5).join(''));
      await opened;
      response.end(events.slice(5).join(''));
    },
  };
  return { step, open: () => open() };
}

describe('a hand edit while the relay runs', () => {
  it('holds from the next turn on', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(provider('a', a.baseUrl));
    await relay.turn();
    const status = await handEdit(relay, provider('b', b.baseUrl));
    expect(errorsOf(status)).toEqual([]);
    await relay.turn();
    expect(journeys(relay)).toEqual(['a', 'b']);
    expect(b.turns[0]?.headers['authorization']).toBe('Bearer sk-b');
  });

  it("is read within a second of the relay's own clock", async () => {
    const a = await suite.upstream();
    const clock = manualClock();
    const relay = await suite.relay(provider('a', a.baseUrl), { ports: { clock } });
    const { configFile } = relay.home.paths;
    const before = readings(relay).length;
    writeFileSync(configFile, provider('renamed', a.baseUrl));
    for (let passedMs = 0; passedMs < 1000; passedMs += 20) {
      clock.advance(20);
      // The relay's own look at the file is in the same queue, before these.
      for (let look = 0; look < 4; look++) await stat(configFile);
    }
    await eventually(() => readings(relay).length > before);
    expect(await provides(relay)).toEqual(['renamed']);
  });

  it.each([
    ['written over', (file: string, text: string) => writeFileSync(file, text)],
    [
      'replaced, as editors save it',
      (file: string, text: string) => {
        writeFileSync(`${file}.tmp`, text);
        renameSync(`${file}.tmp`, file);
      },
    ],
    [
      'removed and written anew',
      (file: string, text: string) => {
        rmSync(file);
        writeFileSync(file, text);
      },
    ],
  ])('is seen when the file is %s', async (_name, save) => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    save(relay.home.paths.configFile, provider('renamed', a.baseUrl));
    while ((await provides(relay))[0] !== 'renamed') await new Promise((resolve) => setTimeout(resolve, 10));
    await relay.turn();
    expect(journeys(relay)).toEqual(['renamed']);
  });

  it('does not touch a stream that is running', async () => {
    const { step, open } = gated();
    const [a, b] = [await suite.upstream([step]), await suite.upstream()];
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url);
    await call.until((text) => text.includes('response.output_text.delta'));
    await handEdit(relay, provider('b', b.baseUrl));
    await relay.turn();
    open();
    expect(await call.end()).toBe('complete');
    expect(call.text()).toBe(events.join(''));
    await relay.ended(2);
    expect(relay.records().map((record) => [record.provider, record.end])).toEqual([
      ['b', 'completed'],
      ['a', 'completed'],
    ]);
  });

  it('does not touch the failover of a turn that has begun: it moves on to what was there, with the key that was there', async () => {
    let fail = (): void => undefined;
    const failing = new Promise<void>((resolve) => (fail = resolve));
    const waitsThenFails: Step = {
      name: 'waitsThenFails',
      async run(exchange) {
        await failing;
        await status503.run(exchange);
      },
    };
    const [a, b, c] = [await suite.upstream([waitsThenFails]), await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(oneAttempt + provider('a', a.baseUrl) + provider('b', b.baseUrl));
    const turn = relay.turn();
    await a.waitForRequests(1);
    await handEdit(relay, oneAttempt + provider('c', c.baseUrl));
    fail();
    expect((await turn).types.at(-1)).toBe('response.completed');
    expect(b.turns[0]?.headers['authorization']).toBe('Bearer sk-b');
    await relay.turn();
    await relay.ended(2);
    expect(journeys(relay)).toEqual(['a>b', 'c']);
  });

  it('of a key holds at once, and the old key is used no more', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    await handEdit(relay, provider('a', a.baseUrl).replace('sk-a', 'sk-new'));
    await relay.turn();
    expect(a.turns.map((turn) => turn.headers['authorization'])).toEqual(['Bearer sk-new']);
  });

  it('of the client keys and the size limit holds for the next request', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    await handEdit(
      relay,
      `[server]\nmax_body_mb = 0.001\nclient_keys = [{ name = "me", key = "my-client-key" }]\n${provider('a', a.baseUrl)}`,
    );
    expect((await relay.turn()).status).toBe(401);
    expect((await relay.turn({ headers: { authorization: 'Bearer my-client-key' } })).status).toBe(200);
    const large = { headers: { authorization: 'Bearer my-client-key' }, body: { instructions: 'x'.repeat(2000) } };
    expect((await relay.turn(large)).status).toBe(413);
  });

  it('of the redaction rules holds for the next turn, and the rules are gone when they are removed', async () => {
    const a = await suite.upstream();
    const rules = (op: string): string => `[[filters]]\nop = "replace"\nsource = "hush-[0-9]+"\ntarget = "${op}"\n`;
    const relay = await suite.relay(provider('a', a.baseUrl));
    const say = { body: { instructions: 'the word is hush-42' } };
    await relay.turn(say);
    await handEdit(relay, provider('a', a.baseUrl) + rules('***'));
    await relay.turn(say);
    await handEdit(relay, provider('a', a.baseUrl) + rules('---'));
    await relay.turn(say);
    await handEdit(relay, provider('a', a.baseUrl));
    await relay.turn(say);
    const said = a.turns.map((turn) => (turn.json as { instructions: string }).instructions);
    expect(said).toEqual(['the word is hush-42', 'the word is ***', 'the word is ---', 'the word is hush-42']);
  });
});

describe('a file that cannot be used', () => {
  const broken: readonly (readonly [string, (url: string) => string, string, number | undefined])[] = [
    ['that is no TOML', (url) => `# note\n${provider('a', url)}\n[providers.b\nbase_url = 1\n`, 'CONFIG_SYNTAX', 7],
    ['that was saved half-way', (url) => provider('a', url).slice(0, -8), 'CONFIG_SYNTAX', 3],
    ['with a value out of range', (url) => provider('a', url, 'level = 11'), 'CONFIG_INVALID', 4],
    [
      'that names a provider which is not there',
      (url) => `[routing]\nactive = "nobody"\n${provider('a', url)}`,
      'CONFIG_INVALID',
      2,
    ],
    ['with an address that is none', () => '[providers.a]\nbase_url = "relay.example"\n', 'CONFIG_INVALID', 2],
  ];
  it.each(broken)(
    '%s keeps the last good one running, and status.get says where it is wrong',
    async (_name, write, code, line) => {
      const a = await suite.upstream();
      const relay = await suite.relay(provider('a', a.baseUrl));
      const good = (await statusOf(relay)).revision;
      const status = await handEdit(relay, write(a.baseUrl));
      const [problem] = errorsOf(status);
      expect(problem?.code).toBe(code);
      expect(problem?.position?.file).toBe(relay.home.paths.configFile);
      expect(problem?.position?.line).toBe(line);
      expect(problem?.position?.column).toBeGreaterThanOrEqual(1);
      expect(status.revision).not.toBe(good);
      expect(await provides(relay)).toEqual(['a']);
      expect((await relay.turn()).types.at(-1)).toBe('response.completed');
      expect(readFileSync(relay.home.paths.configFile, 'utf8')).toBe(write(a.baseUrl));
    },
  );

  it('is left behind as soon as it is repaired', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(provider('a', a.baseUrl));
    await handEdit(relay, '[[[');
    const status = await handEdit(relay, provider('b', b.baseUrl));
    expect(status.problems).toEqual([]);
    await relay.turn();
    expect(journeys(relay)).toEqual(['b']);
  });

  it('is never overwritten by a change through control', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    await handEdit(relay, 'this is = = no TOML');
    await expect(relay.core.control.call('provider.setLevel', { name: 'a', level: 3 })).rejects.toMatchObject({
      code: 'CONFIG_SYNTAX',
    });
    expect(readFileSync(relay.home.paths.configFile, 'utf8')).toBe('this is = = no TOML');
  });

  it('that points a provider at the relay itself is refused', async () => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl));
    const { port } = new URL(relay.url);
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '127.1.2.3']) {
      const status = await handEdit(relay, provider('a', a.baseUrl) + provider('me', `http://${host}:${port}/v1`));
      expect(errorsOf(status).map((problem) => [problem.code, problem.key])).toEqual([
        ['CONFIG_SELF_LOOP', 'providers.me.base_url'],
      ]);
      expect(errorsOf(status)[0]?.position?.line).toBe(6);
      expect(await provides(relay)).toEqual(['a']);
    }
    await expect(relay.core.control.call('provider.add', { name: 'me', base_url: `${relay.url}/v1` })).rejects.toMatchObject({
      code: expect.stringMatching(/^CONFIG_/) as string,
    });
    await relay.turn();
    expect(journeys(relay)).toEqual(['a']);
  });

  it('that points at the relay from the start is found once the port is known', async () => {
    const relay = await suite.relay(provider('me', 'http://127.0.0.1:1/v1'));
    const status = await handEdit(relay, provider('me', relay.url));
    expect(errorsOf(status)[0]?.code).toBe('CONFIG_SELF_LOOP');
  });
});

describe('switching the active provider through control', () => {
  const two = (a: string, b: string, more = ''): string =>
    `[routing]\nactive = "a"\n${more}# kept\n${provider('a', a)}${provider('b', b)}`;

  it('moves a bound session on its next turn, and leaves the rest of the file as it was', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const config = two(a.baseUrl, b.baseUrl);
    const relay = await suite.relay(config);
    await relay.turn({ session: 's1' });
    await relay.turn({ session: 's1' });
    await relay.core.control.call('provider.setActive', { name: 'b' });
    await relay.turn({ session: 's1' });
    await relay.turn({ session: 's2' });
    expect(journeys(relay)).toEqual(['a', 'a', 'b', 'b']);
    expect(readFileSync(relay.home.paths.configFile, 'utf8')).toBe(config.replace('active = "a"', 'active = "b"'));
  });

  it('does not move a stream that is running, but the next turn of its session', async () => {
    const { step, open } = gated();
    const [a, b] = [await suite.upstream([step]), await suite.upstream()];
    const relay = await suite.relay(two(a.baseUrl, b.baseUrl));
    const call = rawTurn(relay.url, { headers: { 'session-id': 's1' } });
    await call.until((text) => text.includes('response.output_text.delta'));
    await relay.core.control.call('provider.setActive', { name: 'b' });
    open();
    expect(await call.end()).toBe('complete');
    expect(call.text()).toBe(events.join(''));
    await relay.turn({ session: 's1' });
    expect(journeys(relay)).toEqual(['a', 'b']);
  });

  it('does not move sessions with hard affinity', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(two(a.baseUrl, b.baseUrl, 'affinity = "hard"\n'));
    await relay.turn({ session: 's1' });
    await relay.core.control.call('provider.setActive', { name: 'b' });
    await relay.turn({ session: 's1' });
    await relay.turn({ session: 's2' });
    expect(journeys(relay)).toEqual(['a', 'a', 'b']);
  });

  it('works by hand just the same, and an edit of something else moves nobody', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const config = two(a.baseUrl, b.baseUrl);
    const relay = await suite.relay(config);
    await relay.turn({ session: 's1' });
    await handEdit(relay, `${config}\n[ui]\nlanguage = "en"\n`);
    await relay.turn({ session: 's1' });
    await handEdit(relay, config.replace('active = "a"', 'active = "b"'));
    await relay.turn({ session: 's1' });
    expect(journeys(relay)).toEqual(['a', 'a', 'b']);
  });

  it('says so to every face', async () => {
    const [a, b] = [await suite.upstream(), await suite.upstream()];
    const relay = await suite.relay(two(a.baseUrl, b.baseUrl));
    const before = readings(relay).length;
    await relay.core.control.call('provider.setActive', { name: 'b' });
    expect(readings(relay).length).toBe(before + 1);
    const status = await relay.core.control.call('status.get', {});
    expect([status.active, status.endpoints.map((endpoint) => endpoint.active)]).toEqual(['b', [false, true]]);
  });
});
