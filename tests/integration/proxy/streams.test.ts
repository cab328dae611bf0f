import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { rawTurn } from '../../helpers/raw-client.js';
import { provider } from '../../helpers/relay.js';
import { eventually, relaySuite } from '../../helpers/relay-suite.js';
import {
  frameEvent,
  json,
  rawSse,
  responsesBody,
  sse,
  turnEvents,
  type Dialect,
  type Step,
} from '../../helpers/scripted-upstream.js';

const suite = relaySuite();
const kib = 1024;
const mib = 1024 * kib;

/** Text whose bytes would show a stream that was decoded and encoded again. */
const odd = 'wörd 你好 🙂 \\u0000 "quoted"\u2028 ';

function framed(dialect: Dialect, newline: string): string {
  return turnEvents(dialect, { text: odd.repeat(4) })
    .map((event) => frameEvent(event, newline))
    .join('');
}

const paths: Readonly<Record<Dialect, string>> = {
  responses: '/v1/responses',
  chat: '/v1/chat/completions',
  messages: '/v1/messages',
};

describe('a stream reaches the client byte for byte', () => {
  const dialects: readonly Dialect[] = ['responses', 'chat', 'messages'];
  const sizes = [1, 2, 3, 7, 61, 1000, undefined];
  it.each(dialects)('%s, however it is cut and with either line end', async (dialect) => {
    const a = await suite.upstream();
    const relay = await suite.relay(provider('a', a.baseUrl, `protocol = "${dialect}"`));
    for (const crlf of [false, true]) {
      for (const chunkBytes of sizes) {
        a.script([sse({ text: odd.repeat(4) }, { crlf, ...(chunkBytes === undefined ? {} : { chunkBytes }) })]);
        const call = rawTurn(relay.url, { path: paths[dialect] });
        expect(await call.end()).toBe('complete');
        expect(call.text()).toBe(framed(dialect, crlf ? '\r\n' : '\n'));
      }
    }
    const records = await relay.ended(2 * sizes.length);
    expect(records.map((record) => record.end)).toEqual(records.map(() => 'completed'));
    expect(records.every((record) => (record.usage?.output_tokens ?? 0) > 0)).toBe(true);
  });

  it('comments, unknown events, unknown fields and odd spacing included', async () => {
    const [first = '', ...rest] = turnEvents('responses').map((event) => frameEvent(event));
    const wire = `\uFEFF: hello\n\nid: 7\nretry: 10\n${first}:\n\nevent:x.unknown\ndata:{"type":"x.unknown"}\n\n${rest.join('')}: bye\n\n`;
    const a = await suite.upstream([rawSse([wire])]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url);
    await call.end();
    expect(call.text()).toBe(wire);
    expect((await relay.ended(1))[0]?.end).toBe('completed');
  });

  it('one event of several megabytes', async () => {
    const a = await suite.upstream([sse({ text: 'x'.repeat(3 * mib) })]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url);
    await call.end();
    const expected = turnEvents('responses', { text: 'x'.repeat(3 * mib) })
      .map((event) => frameEvent(event))
      .join('');
    expect(call.text() === expected).toBe(true);
    expect((await relay.ended(1))[0]).toMatchObject({ end: 'completed', usage: { total_tokens: 18 } });
  });

  it('64 at once, each its own', async () => {
    const a = await suite.upstream((_request, index) => sse({ id: `n${index}`, text: odd.repeat(20) }, { chunkBytes: 97 }));
    const relay = await suite.relay(provider('a', a.baseUrl));
    const calls = Array.from({ length: 64 }, () => rawTurn(relay.url));
    const ends = await Promise.all(calls.map((call) => call.end()));
    expect(ends).toEqual(ends.map(() => 'complete'));
    const expected = Array.from({ length: 64 }, (_, index) =>
      turnEvents('responses', { id: `n${index}`, text: odd.repeat(20) })
        .map((event) => frameEvent(event))
        .join(''),
    );
    expect(calls.map((call) => call.text()).sort()).toEqual(expected.sort());
    const records = await relay.ended(64);
    expect(records.every((record) => record.end === 'completed')).toBe(true);
    const { endpoints } = await relay.core.control.call('status.get', {});
    expect(endpoints[0]?.state.leases).toBe(0);
  });
});

describe('an upstream that compresses although nobody asked', () => {
  const codings = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const;
  it.each(codings)('%s: the client gets plain bytes, of streams and documents', async (coding, compress) => {
    const stream = Buffer.from(framed('responses', '\n'));
    const document = Buffer.from(JSON.stringify(responsesBody({ text: odd.repeat(500) })));
    const compressed = (body: Buffer, type: string): Step => ({
      name: coding,
      run: ({ response }) => {
        const bytes = compress(body);
        response.writeHead(200, { 'content-type': type, 'content-encoding': coding, 'content-length': bytes.length });
        for (let at = 0; at < bytes.length; at += 100) response.write(bytes.subarray(at, at + 100));
        response.end();
      },
    });
    const a = await suite.upstream([compressed(stream, 'text/event-stream'), compressed(document, 'application/json')]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const first = rawTurn(relay.url, { headers: { 'accept-encoding': 'gzip, br' } });
    await first.end();
    expect(first.headers['content-encoding']).toBeUndefined();
    expect(first.bytes().equals(stream)).toBe(true);
    const second = rawTurn(relay.url, { json: { stream: false } });
    await second.end();
    expect(second.headers['content-encoding']).toBeUndefined();
    expect(second.bytes().equals(document)).toBe(true);
    expect(a.turns.every((turn) => turn.headers['accept-encoding'] === undefined)).toBe(true);
    const records = await relay.ended(2);
    expect(records.map((record) => record.usage?.total_tokens)).toEqual([18, 18]);
  });

  it('an error is understood, too', async () => {
    const body = gzipSync(JSON.stringify({ error: { message: 'overloaded', code: 'server_is_overloaded' } }));
    const step: Step = {
      name: 'gzip503',
      run: ({ response }) => {
        response.writeHead(503, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
        response.end(body);
      },
    };
    const a = await suite.upstream([step, step]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const got = await relay.turn({ codex: false });
    expect(got.status).toBe(503);
    expect(got.text).toContain('server_is_overloaded');
    expect((await relay.ended(1))[0]?.attempts[0]?.class).toBe('overloaded');
  });
});

describe('a client that reads slowly', () => {
  const total = 48 * mib;

  /** Sends a long valid stream, or document, as fast as it is taken, and counts. */
  function flood(counter: { written: number }, type: string): Step {
    return {
      name: 'flood',
      run: async ({ response, signal }) => {
        response.writeHead(200, { 'content-type': type });
        const piece = Buffer.from(
          type === 'application/json'
            ? 'x'.repeat(64 * kib)
            : `data: ${JSON.stringify({ type: 'response.output_text.delta', delta: 'x'.repeat(64 * kib) })}\n\n`,
        );
        if (type === 'application/json') response.write('"');
        const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        while (counter.written < total && !signal.aborted) {
          await Promise.race([gone, new Promise<void>((resolve) => response.write(piece, () => resolve()))]);
          counter.written += piece.length;
        }
        response.end(type === 'application/json' ? '"' : frameEvent(turnEvents('responses').at(-1) ?? { data: '' }));
      },
    };
  }

  it.each([
    ['a stream', 'text/event-stream', true],
    ['a document', 'application/json', false],
  ] as const)('pauses the upstream: %s', async (_name, type, stream) => {
    const counter = { written: 0 };
    const a = await suite.upstream([flood(counter, type)]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url, { json: { stream } });
    await call.head();
    call.pause();
    let seen = -1;
    while (seen !== counter.written) {
      seen = counter.written;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    // What lies in between are the socket buffers of two connections, and little of ours.
    expect(counter.written).toBeLessThan(total / 2);
    call.resume();
    expect(await call.end()).toBe('complete');
    expect(call.bytes().length).toBeGreaterThan(total);
    expect((await relay.ended(1))[0]?.end).toBe('completed');
  });

  it('and leaves in the middle frees the upstream', async () => {
    const counter = { written: 0 };
    const a = await suite.upstream([flood(counter, 'text/event-stream')]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    const call = rawTurn(relay.url);
    await call.head();
    call.pause();
    await eventually(() => counter.written > mib);
    call.abort();
    expect(await a.turns[0]?.finished).toBe('aborted');
    expect((await relay.ended(1))[0]?.end).toBe('aborted');
  });
});

describe('the openai-model header', () => {
  it('names the model the client asked for where it was mapped', async () => {
    const a = await suite.upstream([sse('plain', { headers: { 'openai-model': 'vendor/gpt-5.5' } })]);
    const relay = await suite.relay(provider('a', a.baseUrl, 'model_map = { "gpt-*" = "vendor/gpt-*" }'));
    const got = await relay.turn({ model: 'gpt-5.5' });
    expect(got.headers.get('openai-model')).toBe('gpt-5.5');
    expect(a.turns[0]?.json).toMatchObject({ model: 'vendor/gpt-5.5' });
    expect((await relay.ended(1))[0]).toMatchObject({ model: 'gpt-5.5', model_sent: 'vendor/gpt-5.5' });
  });

  it('is kept otherwise, as are the other headers Codex reads', async () => {
    const headers = {
      'openai-model': 'gpt-5.5-safer',
      'x-codex-turn-state': 'state-1',
      'x-models-etag': 'W/"1"',
      'x-request-id': 'req-1',
      'x-codex-primary-used-percent': '12',
      'x-reasoning-included': 'true',
    };
    const a = await suite.upstream([sse('plain', { headers }), json(400, { error: { message: 'no' } }, headers)]);
    const relay = await suite.relay(provider('a', a.baseUrl));
    for (const status of [200, 400]) {
      const got = await relay.turn({ model: 'gpt-5.5' });
      expect(got.status).toBe(status);
      for (const [name, value] of Object.entries(headers)) expect(got.headers.get(name)).toBe(value);
    }
  });
});
