import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import {
  closedPort,
  cutAfter,
  empty200,
  hangBeforeHeaders,
  idleAfter,
  inBandFailed,
  rawSse,
  resetBeforeHeaders,
  slowHeaders,
  sse,
  startScriptedUpstream,
  status429,
  type ScriptedUpstream,
  type UpstreamScript,
} from '../../helpers/scripted-upstream.js';

const open: ScriptedUpstream[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((upstream) => upstream.close()));
});

async function start(script?: UpstreamScript): Promise<ScriptedUpstream> {
  const upstream = await startScriptedUpstream(script);
  open.push(upstream);
  return upstream;
}

function post(upstream: ScriptedUpstream, path = '/v1/responses', stream = true): Promise<Response> {
  return fetch(upstream.origin + path, { method: 'POST', body: JSON.stringify({ model: 'gpt-5.5', stream }) });
}

function typesOf(text: string): readonly string[] {
  return [...text.matchAll(/"type":"((?:response|message)[a-z_.]*)"/g)].map((match) => match[1] ?? '');
}

describe('the scripted upstream', () => {
  it('streams a whole Responses turn when nothing is scripted and records the bytes it got', async () => {
    const upstream = await start();
    const text = await (await post(upstream)).text();
    expect(typesOf(text)[0]).toBe('response.created');
    expect(text).toContain('response.output_item.done');
    expect(text.trimEnd().split('\n').at(-1)).toContain('"type":"response.completed"');
    expect(upstream.requests).toHaveLength(1);
    expect(upstream.requests[0]?.body.toString()).toBe('{"model":"gpt-5.5","stream":true}');
    expect(await upstream.requests[0]?.finished).toBe('answered');
  });

  it('answers chat completions and messages in their own dialect, streamed or not', async () => {
    const upstream = await start();
    expect(await (await post(upstream, '/v1/chat/completions')).text()).toContain('data: [DONE]');
    expect(await (await post(upstream, '/v1/messages')).text()).toContain('event: message_stop');
    expect(await (await post(upstream, '/v1/chat/completions', false)).json()).toHaveProperty('choices');
    expect(await (await post(upstream, '/v1/messages', false)).json()).toHaveProperty('stop_reason', 'end_turn');
    expect(await (await post(upstream, '/v1/responses', false)).json()).toHaveProperty('object', 'response');
  });

  it('gives the same events whatever the chunking, and CRLF framing where asked', async () => {
    const upstream = await start([sse('plain'), sse('plain', { chunkBytes: 7 }), sse('plain', { crlf: true })]);
    const whole = await (await post(upstream)).text();
    expect(await (await post(upstream)).text()).toBe(whole);
    expect(await (await post(upstream)).text()).toBe(whole.replaceAll('\n', '\r\n'));
  });

  it('uses up its steps in order and then answers well', async () => {
    const upstream = await start([status429({ retryAfter: 3 }), empty200]);
    const first = await post(upstream);
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '3']);
    expect(await (await post(upstream)).text()).toBe('');
    expect(await (await post(upstream)).text()).toContain('response.completed');
    expect(upstream.requests.map((request) => request.step)).toEqual(['status429', 'empty200', 'answer']);
  });

  it('picks a step per request when the script is a function', async () => {
    const upstream = await start((_request, index) => (index % 2 === 0 ? status429() : sse()));
    expect([(await post(upstream)).status, (await post(upstream)).status]).toEqual([429, 200]);
  });

  it('resets before headers and refuses on a closed port', async () => {
    const upstream = await start([resetBeforeHeaders]);
    await expect(post(upstream)).rejects.toThrow();
    expect(upstream.turns).toHaveLength(1);
    await expect(fetch(`http://127.0.0.1:${await closedPort()}/`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  it('fails inside a 200 after the handshake or after the first delta', async () => {
    const upstream = await start([
      inBandFailed('server_is_overloaded', { after: 'created' }),
      inBandFailed('server_error', { after: 'delta' }),
    ]);
    expect(typesOf(await (await post(upstream)).text())).toEqual(['response.created', 'response.in_progress', 'response.failed']);
    const late = typesOf(await (await post(upstream)).text());
    expect(late.slice(-2)).toEqual(['response.output_text.delta', 'response.failed']);
  });

  it('cuts a stream by end or by reset', async () => {
    const upstream = await start([cutAfter(5, 'eof'), cutAfter(5, 'rst')]);
    expect(await (await post(upstream)).text()).not.toContain('response.completed');
    const reset = await post(upstream);
    await expect(reset.text()).rejects.toThrow();
  });

  it('sends bytes it is given untouched', async () => {
    const upstream = await start([rawSse(['data: {"ty', 'pe":"x"}\n\n: comment\n\n'])]);
    expect(await (await post(upstream)).text()).toBe('data: {"type":"x"}\n\n: comment\n\n');
  });

  it('keeps the status line back and then goes on with another step', async () => {
    const upstream = await start([slowHeaders(20, status429())]);
    expect((await post(upstream)).status).toBe(429);
  });

  it('notices that the client went away', async () => {
    const upstream = await start([hangBeforeHeaders, idleAfter(2)]);
    for (const index of [0, 1]) {
      const sent = request({ port: upstream.port, path: '/v1/responses', method: 'POST' });
      sent.on('error', () => undefined);
      sent.end('{"stream":true}');
      await upstream.waitForRequests(index + 1);
      sent.destroy();
      expect(await upstream.requests[index]?.finished).toBe('aborted');
      expect(upstream.requests[index]?.aborted).toBe(true);
    }
  });
});
