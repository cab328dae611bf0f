// Deterministic request bodies and SSE streams.
//
// Every byte is a function of its arguments, so two runs (and two machines) send
// the same bytes. Request bodies are built to an exact size. Stream events carry a
// 16-digit marker "@t=0000000000000000@" which the mock fills with its
// CLOCK_MONOTONIC nanoseconds in paced runs; the load generator reads it back to
// get each event's one-way latency, and zeroes it again before hashing.

export const MARK = '@t=';
export const MARK_DIGITS = 16;
const MARK_TEXT = `${MARK}${'0'.repeat(MARK_DIGITS)}@`;

/** Small fast PRNG (mulberry32). */
export function prng(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const WORDS = ('the a file path function return const import error test value request server proxy stream ' +
  'config update check build token user agent response handler buffer event line change result array object ' +
  'string number async await throw new class export default if else for while true false null undefined').split(' ');

function prose(rand, chars) {
  let out = '';
  while (out.length < chars) {
    out += WORDS[(rand() * WORDS.length) | 0];
    const r = rand();
    out += r < 0.06 ? '\n' : r < 0.08 ? '\n    ' : r < 0.10 ? '\t' : r < 0.13 ? ' "' : r < 0.16 ? '" ' : r < 0.165 ? '\\' : r < 0.18 ? ', ' : ' ';
    if (r > 0.995) out += '中文说明 ';
    else if (r > 0.993) out += '→ ✓ ';
  }
  return out.slice(0, chars);
}

const B64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
function base64ish(rand, chars) {
  let out = '';
  while (out.length < chars) out += B64[(rand() * 64) | 0];
  return out;
}

function toolSchemas(rand, n) {
  const tools = [];
  for (let i = 0; i < n; i++) {
    tools.push({
      type: 'function',
      name: `tool_${i}`,
      description: prose(rand, 320),
      strict: false,
      parameters: {
        type: 'object',
        properties: {
          command: { type: 'array', items: { type: 'string' }, description: prose(rand, 80) },
          workdir: { type: 'string', description: prose(rand, 60) },
          timeout_ms: { type: 'number', description: prose(rand, 60) },
          justification: { type: 'string', description: prose(rand, 60) },
        },
        required: ['command'],
        additionalProperties: false,
      },
    });
  }
  return tools;
}

/** One "turn" of a coding session as neutral parts; dialects render them below. */
function turns(rand, budget) {
  const list = [];
  let left = budget;
  let n = 0;
  while (left > 0) {
    const kind = n % 4;
    const size = Math.min(left, kind === 0 ? 400 : kind === 1 ? 900 : kind === 2 ? 250 : 4000);
    list.push({ kind, n, size, rand });
    left -= size;
    n++;
  }
  return list;
}

function renderResponses(model, stream, rand, budget, tools) {
  const input = [];
  for (const t of turns(rand, budget)) {
    if (t.kind === 0) input.push({ type: 'message', role: 'user', content: [{ type: 'input_text', text: prose(rand, t.size) }] });
    else if (t.kind === 1) input.push({ type: 'reasoning', summary: [{ type: 'summary_text', text: prose(rand, 120) }], content: null, encrypted_content: base64ish(rand, Math.max(16, t.size - 120)) });
    else if (t.kind === 2) input.push({ type: 'function_call', name: 'shell', arguments: JSON.stringify({ command: ['bash', '-lc', prose(rand, Math.max(16, t.size - 80))], workdir: '/repo' }), call_id: `call_${t.n}` });
    else input.push({ type: 'function_call_output', call_id: `call_${t.n - 1}`, output: JSON.stringify({ output: prose(rand, Math.max(16, t.size - 60)), metadata: { exit_code: 0, duration_seconds: 0.1 } }) });
  }
  return {
    model,
    instructions: prose(rand, Math.min(12000, budget >> 3)),
    input,
    tools,
    tool_choice: 'auto',
    parallel_tool_calls: true,
    reasoning: { effort: 'medium', summary: 'auto' },
    store: false,
    stream,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: '01a1f8c6-f0e4-7060-a801-761556164cbd',
    text: { verbosity: 'low' },
  };
}

function renderChat(model, stream, rand, budget, tools) {
  const messages = [{ role: 'system', content: prose(rand, Math.min(12000, budget >> 3)) }];
  for (const t of turns(rand, budget)) {
    if (t.kind === 0) messages.push({ role: 'user', content: prose(rand, t.size) });
    else if (t.kind === 1) messages.push({ role: 'assistant', content: prose(rand, t.size) });
    else if (t.kind === 2) messages.push({ role: 'assistant', content: null, tool_calls: [{ id: `call_${t.n}`, type: 'function', function: { name: 'shell', arguments: JSON.stringify({ command: ['bash', '-lc', prose(rand, Math.max(16, t.size - 80))] }) } }] });
    else messages.push({ role: 'tool', tool_call_id: `call_${t.n - 1}`, content: prose(rand, t.size) });
  }
  return {
    model,
    messages,
    tools: tools.map((t) => ({ type: 'function', function: { name: t.name, description: t.description, parameters: t.parameters } })),
    tool_choice: 'auto',
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
  };
}

function renderAnthropic(model, stream, rand, budget, tools) {
  const messages = [];
  for (const t of turns(rand, budget)) {
    if (t.kind === 0) messages.push({ role: 'user', content: [{ type: 'text', text: prose(rand, t.size) }] });
    else if (t.kind === 1) messages.push({ role: 'assistant', content: [{ type: 'text', text: prose(rand, t.size) }] });
    else if (t.kind === 2) messages.push({ role: 'assistant', content: [{ type: 'tool_use', id: `call_${t.n}`, name: 'shell', input: { command: ['bash', '-lc', prose(rand, Math.max(16, t.size - 80))] } }] });
    else messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: `call_${t.n - 1}`, content: prose(rand, t.size) }] });
  }
  return {
    model,
    system: prose(rand, Math.min(12000, budget >> 3)),
    messages,
    tools: tools.map((t) => ({ name: t.name, description: t.description, input_schema: t.parameters })),
    max_tokens: 4096,
    stream,
  };
}

const RENDER = { responses: renderResponses, chat: renderChat, anthropic: renderAnthropic };

/**
 * A JSON request body of exactly `bytes` bytes in one of the three dialects.
 * `dialect`: responses | chat | anthropic.
 */
export function requestBody({ dialect = 'responses', bytes, stream, model = 'gpt-5-bench', seed = 7 }) {
  const render = RENDER[dialect];
  if (!render) throw new Error(`unknown dialect ${dialect}`);
  const tools = bytes >= 50_000 ? 8 : 0;
  const make = (budget) => JSON.stringify(render(model, stream, prng(seed), budget, toolSchemas(prng(seed + 1), tools)));
  // Shrink the budget until it fits, then pad with a trailing metadata string.
  let budget = bytes;
  let text = make(budget);
  let size = Buffer.byteLength(text);
  for (let i = 0; i < 40 && size > bytes - 40; i++) {
    budget = Math.max(16, Math.floor(budget * Math.min(0.99, (bytes - 40) / size)));
    text = make(budget);
    size = Buffer.byteLength(text);
  }
  const overhead = Buffer.byteLength(',"metadata":{"pad":""}');
  const pad = bytes - size - overhead;
  if (pad < 0) throw new Error(`cannot build a ${bytes} byte ${dialect} body (smallest ${size + overhead})`);
  const body = Buffer.from(`${text.slice(0, -1)},"metadata":{"pad":"${'p'.repeat(pad)}"}}`);
  if (body.length !== bytes) throw new Error(`body is ${body.length}, wanted ${bytes}`);
  return body;
}

/** Headers as Codex CLI sends them (names and sizes from a capture of 0.169). */
export const CODEX_HEADERS = {
  'x-codex-beta-features': 'remote_compaction_v2',
  'x-codex-window-id': '01a1f8c6-f0e4-7060-a801-761556164cbd:0',
  'x-codex-turn-metadata': JSON.stringify({
    installation_id: '95de49c2-4107-40dd-aebd-df81f28d9fcf', session_id: '01a1f8c6-f0e4-7060-a801-761556164cbd',
    thread_id: '01a1f8c6-f0e4-7060-a801-761556164cbd', turn_id: '01a1f8c6-f0fb-7a82-a323-0674763e7834',
    window_id: '01a1f8c6-f0e4-7060-a801-761556164cbd:0', window_number: 0, request_kind: 'turn',
    history_initialization: 'new', thread_source: 'user', turn_trigger: 'exec', sandbox: 'seccomp',
    sandbox_mode: 'read-only', turn_started_at_unix_ms: 1795175149821, model: 'gpt-5-bench', reasoning_effort: 'medium',
  }),
  'x-client-request-id': '01a1f8c6-f0e4-7060-a801-761556164cbd',
  'session-id': '01a1f8c6-f0e4-7060-a801-761556164cbd',
  'thread-id': '01a1f8c6-f0e4-7060-a801-761556164cbd',
  originator: 'codex_exec',
  'user-agent': 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) unknown (codex_exec; 0.169.0)',
  'content-type': 'application/json',
};

/** Response headers a relay or OpenAI itself would send, besides framing. */
export const UPSTREAM_HEADERS = [
  ['Server', 'cloudflare'],
  ['X-Request-Id', 'req_0123456789abcdef0123456789abcdef'],
  ['OpenAI-Version', '2020-10-01'],
  ['OpenAI-Organization', 'org-bench'],
  ['OpenAI-Processing-Ms', '42'],
  ['X-RateLimit-Limit-Requests', '10000'],
  ['X-RateLimit-Remaining-Requests', '9999'],
  ['X-RateLimit-Reset-Requests', '6ms'],
  ['X-RateLimit-Limit-Tokens', '2000000'],
  ['X-RateLimit-Remaining-Tokens', '1999000'],
  ['CF-RAY', '8c0ffee0deadbeef-IAD'],
  ['X-Content-Type-Options', 'nosniff'],
];

const USAGE = { input_tokens: 51234, input_tokens_details: { cached_tokens: 50176 }, output_tokens: 290, output_tokens_details: { reasoning_tokens: 128 }, total_tokens: 51524 };

function padDelta(base, bytes) {
  // `base(text)` renders an event around a delta text; pad the text so that the event is `bytes` long.
  const empty = Buffer.byteLength(base(MARK_TEXT));
  const pad = Math.max(0, bytes - empty);
  return base(MARK_TEXT + ' lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt'.repeat(Math.ceil(pad / 88) + 1).slice(0, pad));
}

/** The events of one stream as Buffers. Delta events are `bytes` long. */
export function streamEvents({ dialect = 'responses', events = 300, bytes = 200, model = 'gpt-5-bench' }) {
  const out = [];
  if (dialect === 'responses') {
    const base = { id: 'resp_bench0001', object: 'response', created_at: 1795175150, status: 'in_progress', model, output: [], parallel_tool_calls: true, store: false, usage: null };
    const ev = (type, body) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
    out.push(ev('response.created', { sequence_number: 0, response: base }));
    out.push(ev('response.in_progress', { sequence_number: 1, response: base }));
    out.push(ev('response.output_item.added', { sequence_number: 2, output_index: 0, item: { id: 'msg_bench0001', type: 'message', status: 'in_progress', role: 'assistant', content: [] } }));
    out.push(ev('response.content_part.added', { sequence_number: 3, item_id: 'msg_bench0001', output_index: 0, content_index: 0, part: { type: 'output_text', text: '', annotations: [] } }));
    const n = Math.max(1, events - 8);
    for (let i = 0; i < n; i++) out.push(padDelta((delta) => ev('response.output_text.delta', { sequence_number: 4 + i, item_id: 'msg_bench0001', output_index: 0, content_index: 0, delta }), bytes));
    const text = 'The complete output text, repeated by the closing events. '.repeat(16);
    const item = { id: 'msg_bench0001', type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] };
    out.push(ev('response.output_text.done', { sequence_number: 4 + n, item_id: 'msg_bench0001', output_index: 0, content_index: 0, text }));
    out.push(ev('response.content_part.done', { sequence_number: 5 + n, item_id: 'msg_bench0001', output_index: 0, content_index: 0, part: item.content[0] }));
    out.push(ev('response.output_item.done', { sequence_number: 6 + n, output_index: 0, item }));
    out.push(ev('response.completed', { sequence_number: 7 + n, response: { ...base, status: 'completed', output: [item], usage: USAGE } }));
  } else if (dialect === 'chat') {
    const head = { id: 'chatcmpl-bench0001', object: 'chat.completion.chunk', created: 1795175150, model };
    const ev = (delta, finish, extra) => `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: finish }], ...extra })}\n\n`;
    out.push(ev({ role: 'assistant', content: '' }, null));
    for (let i = 0; i < events - 3; i++) out.push(padDelta((content) => ev({ content }, null), bytes));
    out.push(ev({}, 'stop', { usage: { prompt_tokens: 51234, completion_tokens: 290, total_tokens: 51524 } }));
    out.push('data: [DONE]\n\n');
  } else if (dialect === 'anthropic') {
    const ev = (type, body) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
    out.push(ev('message_start', { message: { id: 'msg_bench0001', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 51234, output_tokens: 1 } } }));
    out.push(ev('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }));
    for (let i = 0; i < events - 5; i++) out.push(padDelta((text) => ev('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }), bytes));
    out.push(ev('content_block_stop', { index: 0 }));
    out.push(ev('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 290 } }));
    out.push(ev('message_stop', {}));
  } else throw new Error(`unknown dialect ${dialect}`);
  return out.map((s) => Buffer.from(s));
}

/** A non-streaming JSON answer of exactly `bytes` bytes. */
export function jsonResponse({ dialect = 'responses', bytes = 1024, model = 'gpt-5-bench' }) {
  const build = (text) => {
    if (dialect === 'chat') return { id: 'chatcmpl-bench0001', object: 'chat.completion', created: 1795175150, model, choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }], usage: { prompt_tokens: 512, completion_tokens: 64, total_tokens: 576 } };
    if (dialect === 'anthropic') return { id: 'msg_bench0001', type: 'message', role: 'assistant', model, content: [{ type: 'text', text }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 512, output_tokens: 64 } };
    return { id: 'resp_bench0001', object: 'response', created_at: 1795175150, status: 'completed', model, output: [{ id: 'msg_bench0001', type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] }], parallel_tool_calls: true, store: false, usage: USAGE };
  };
  const empty = Buffer.byteLength(JSON.stringify(build('')));
  return Buffer.from(JSON.stringify(build('x'.repeat(Math.max(0, bytes - empty)))));
}

export function dialectOfPath(path) {
  if (path.includes('/chat/completions')) return 'chat';
  if (path.includes('/messages')) return 'anthropic';
  return 'responses';
}
