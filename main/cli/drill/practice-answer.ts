/** One event of a Responses stream. */
export interface ResponsesEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** The stream with which a practice upstream answers a turn: `Answered by <name>.` in three pieces. */
export function answerEvents(name: string, turn: number): readonly [ResponsesEvent, ...ResponsesEvent[]] {
  const id = `resp_practice_${name}_${turn}`;
  const itemId = `msg_practice_${name}_${turn}`;
  const pieces = ['Answered', ' by ', `${name}.`];
  const content = [{ type: 'output_text', text: pieces.join(''), annotations: [] }];
  const item = { id: itemId, type: 'message', role: 'assistant' };
  const usage = {
    input_tokens: 12,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 3,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 15,
  };
  const events: readonly [ResponsesEvent, ...ResponsesEvent[]] = [
    { type: 'response.created', response: { id, object: 'response', status: 'in_progress', output: [] } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
    ...pieces.map((delta) => ({ type: 'response.output_text.delta', item_id: itemId, output_index: 0, content_index: 0, delta })),
    { type: 'response.output_item.done', output_index: 0, item: { ...item, status: 'completed', content } },
    {
      type: 'response.completed',
      response: { id, object: 'response', status: 'completed', output: [{ ...item, status: 'completed', content }], usage },
    },
  ];
  return events;
}

/** One event as it goes over the wire. */
export function eventText(event: ResponsesEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
