/** Builds the events a vendor's server would send for one turn, per wire protocol. */

/** The wire protocols the scripted upstream speaks. */
export type Dialect = 'responses' | 'chat' | 'messages';

/** One server-sent event before framing; `event` is the name line, absent in chat completions. */
export interface WireEvent {
  readonly event?: string;
  /** Sent verbatim when a string, as JSON otherwise. */
  readonly data: unknown;
}

/** What the scripted model says in one turn. */
export interface ScriptedTurn {
  readonly text?: string;
  readonly model?: string;
  readonly id?: string;
  readonly functionCall?: { readonly name: string; readonly arguments: unknown; readonly callId?: string };
  readonly usage?: { readonly input: number; readonly output: number; readonly cached?: number; readonly reasoning?: number };
}

const defaultUsage = { input: 11, output: 7, cached: 3, reasoning: 2 };

/** The token counts of a turn in the words of the Responses API. */
export function responsesUsage(turn: ScriptedTurn): Readonly<Record<string, unknown>> {
  const usage = turn.usage ?? defaultUsage;
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached ?? 0 },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: usage.input + usage.output,
  };
}

function itemOf(turn: ScriptedTurn, id: string): Readonly<Record<string, unknown>> {
  if (turn.functionCall !== undefined) {
    return {
      id: `fc_${id}`,
      type: 'function_call',
      status: 'completed',
      name: turn.functionCall.name,
      arguments: JSON.stringify(turn.functionCall.arguments),
      call_id: turn.functionCall.callId ?? `call_${id}`,
    };
  }
  const content = [{ type: 'output_text', text: textOf(turn), annotations: [] }];
  return { id: `msg_${id}`, type: 'message', role: 'assistant', status: 'completed', content };
}

function textOf(turn: ScriptedTurn): string {
  return turn.text ?? 'Hello from the scripted upstream.';
}

/** Splits a text into word-sized deltas; joined they give the text again. */
export function deltasOf(text: string): readonly string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}

/** The unary answer of the Responses API. */
export function responsesBody(turn: ScriptedTurn = {}): Readonly<Record<string, unknown>> {
  const id = turn.id ?? '1';
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: 1_795_000_000,
    status: 'completed',
    model: turn.model ?? 'gpt-5.5',
    output: [itemOf(turn, id)],
    usage: responsesUsage(turn),
  };
}

/** A whole, valid Responses stream: created, item, deltas, item done, completed. */
export function responsesEvents(turn: ScriptedTurn = {}): readonly WireEvent[] {
  const completed = responsesBody(turn);
  const id = turn.id ?? '1';
  const item = itemOf(turn, id);
  const opened = { ...completed, status: 'in_progress', output: [], usage: null };
  const list: { type: string; [key: string]: unknown }[] = [
    { type: 'response.created', response: opened },
    { type: 'response.in_progress', response: opened },
  ];
  if (turn.functionCall !== undefined) {
    const text = JSON.stringify(turn.functionCall.arguments);
    list.push({ type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', arguments: '' } });
    list.push({ type: 'response.function_call_arguments.delta', item_id: item['id'], output_index: 0, delta: text });
    list.push({ type: 'response.function_call_arguments.done', item_id: item['id'], output_index: 0, arguments: text });
  } else {
    const at = { item_id: item['id'], output_index: 0, content_index: 0 };
    const text = textOf(turn);
    list.push({ type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } });
    list.push({ type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } });
    for (const delta of deltasOf(text)) list.push({ type: 'response.output_text.delta', ...at, delta });
    list.push({ type: 'response.output_text.done', ...at, text });
    list.push({ type: 'response.content_part.done', ...at, part: { type: 'output_text', text, annotations: [] } });
  }
  list.push({ type: 'response.output_item.done', output_index: 0, item });
  list.push({ type: 'response.completed', response: completed });
  return list.map((data, index) => ({ event: data.type, data: { ...data, sequence_number: index } }));
}

/** The unary answer of chat completions. */
export function chatBody(turn: ScriptedTurn = {}): Readonly<Record<string, unknown>> {
  const id = turn.id ?? '1';
  const call = turn.functionCall;
  const toolCalls = call && [
    {
      id: call.callId ?? `call_${id}`,
      type: 'function',
      function: { name: call.name, arguments: JSON.stringify(call.arguments) },
    },
  ];
  const message = toolCalls
    ? { role: 'assistant', content: null, tool_calls: toolCalls }
    : { role: 'assistant', content: textOf(turn) };
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: 1_795_000_000,
    model: turn.model ?? 'gpt-5.5',
    choices: [{ index: 0, message, finish_reason: toolCalls ? 'tool_calls' : 'stop' }],
    usage: chatUsage(turn),
  };
}

function chatUsage(turn: ScriptedTurn): Readonly<Record<string, unknown>> {
  const usage = turn.usage ?? defaultUsage;
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached ?? 0 },
  };
}

/** A whole, valid chat completions stream, closing with a usage chunk and `[DONE]`. */
export function chatEvents(turn: ScriptedTurn = {}): readonly WireEvent[] {
  const id = turn.id ?? '1';
  const head = {
    id: `chatcmpl-${id}`,
    object: 'chat.completion.chunk',
    created: 1_795_000_000,
    model: turn.model ?? 'gpt-5.5',
  };
  const chunk = (delta: unknown, finish: string | null): WireEvent => ({
    data: { ...head, choices: [{ index: 0, delta, finish_reason: finish }] },
  });
  const call = turn.functionCall;
  const middle = call
    ? [
        chunk(
          {
            tool_calls: [
              {
                index: 0,
                id: call.callId ?? `call_${id}`,
                type: 'function',
                function: { name: call.name, arguments: JSON.stringify(call.arguments) },
              },
            ],
          },
          null,
        ),
      ]
    : deltasOf(textOf(turn)).map((content) => chunk({ content }, null));
  return [
    chunk({ role: 'assistant', content: call ? null : '' }, null),
    ...middle,
    chunk({}, call ? 'tool_calls' : 'stop'),
    { data: { ...head, choices: [], usage: chatUsage(turn) } },
    { data: '[DONE]' },
  ];
}

/** The unary answer of the Messages API. */
export function messagesBody(turn: ScriptedTurn = {}): Readonly<Record<string, unknown>> {
  const id = turn.id ?? '1';
  const usage = turn.usage ?? defaultUsage;
  const call = turn.functionCall;
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model: turn.model ?? 'claude-sonnet-5',
    content: call
      ? [{ type: 'tool_use', id: call.callId ?? `toolu_${id}`, name: call.name, input: call.arguments }]
      : [{ type: 'text', text: textOf(turn) }],
    stop_reason: call ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: usage.input, output_tokens: usage.output, cache_read_input_tokens: usage.cached ?? 0 },
  };
}

/** A whole, valid Messages stream: message_start ... message_stop, with one ping. */
export function messagesEvents(turn: ScriptedTurn = {}): readonly WireEvent[] {
  const whole = messagesBody(turn);
  const usage = turn.usage ?? defaultUsage;
  const call = turn.functionCall;
  const startUsage = { input_tokens: usage.input, cache_read_input_tokens: usage.cached ?? 0, output_tokens: 1 };
  const block = call
    ? { type: 'tool_use', id: call.callId ?? `toolu_${turn.id ?? '1'}`, name: call.name, input: {} }
    : { type: 'text', text: '' };
  const deltas = call
    ? [{ type: 'input_json_delta', partial_json: JSON.stringify(call.arguments) }]
    : deltasOf(textOf(turn)).map((text) => ({ type: 'text_delta', text }));
  const list: { type: string; [key: string]: unknown }[] = [
    { type: 'message_start', message: { ...whole, content: [], stop_reason: null, usage: startUsage } },
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'ping' },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index: 0, delta })),
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: whole['stop_reason'], stop_sequence: null },
      usage: { output_tokens: usage.output },
    },
    { type: 'message_stop' },
  ];
  return list.map((data) => ({ event: data.type, data }));
}

/** The events of a whole turn in the given dialect. */
export function turnEvents(dialect: Dialect, turn: ScriptedTurn = {}): readonly WireEvent[] {
  switch (dialect) {
    case 'responses':
      return responsesEvents(turn);
    case 'chat':
      return chatEvents(turn);
    case 'messages':
      return messagesEvents(turn);
  }
}

/** The unary answer of a whole turn in the given dialect. */
export function turnBody(dialect: Dialect, turn: ScriptedTurn = {}): Readonly<Record<string, unknown>> {
  switch (dialect) {
    case 'responses':
      return responsesBody(turn);
    case 'chat':
      return chatBody(turn);
    case 'messages':
      return messagesBody(turn);
  }
}

/** The error event a server of the dialect puts inside a 200 stream. */
export function failureEvent(dialect: Dialect, code: string, message: string): WireEvent {
  switch (dialect) {
    case 'responses':
      return {
        event: 'response.failed',
        data: {
          type: 'response.failed',
          response: { id: 'resp_failed', object: 'response', status: 'failed', output: [], error: { code, message } },
        },
      };
    case 'chat':
      return { data: { error: { message, type: code, code } } };
    case 'messages':
      return { event: 'error', data: { type: 'error', error: { type: code, message } } };
  }
}

/** Frames an event as bytes on the wire. */
export function frameEvent(event: WireEvent, newline = '\n'): string {
  const data = typeof event.data === 'string' ? event.data : JSON.stringify(event.data);
  const name = event.event === undefined ? '' : `event: ${event.event}${newline}`;
  return `${name}data: ${data}${newline}${newline}`;
}
