import { request, type IncomingMessage } from 'node:http';

const TURN_LIMIT_MS = 60_000;

/** What the client of a turn saw. */
export interface PracticeTurn {
  readonly status: number;
  readonly turnId: string | undefined;
  readonly text: string;
  /** The closing event arrived, and every piece of the text before it. */
  readonly completed: boolean;
  /** In words, when it did not. */
  readonly problem: string | undefined;
  readonly durationMs: number;
}

/** Sends one streaming turn the way an agent does, with plain HTTP, and reads it to its end; never throws. */
export async function sendPracticeTurn(relayUrl: string, session: string): Promise<PracticeTurn> {
  const startedAt = performance.now();
  const seen = await exchange(relayUrl, session).catch((error: unknown) => ({
    status: 0,
    turnId: undefined,
    body: '',
    problem: error instanceof Error ? error.message : String(error),
  }));
  const events = readEvents(seen.body);
  const text = events
    .filter((event) => event['type'] === 'response.output_text.delta')
    .map((event) => String(event['delta']))
    .join('');
  const closed = events.some((event) => event['type'] === 'response.completed');
  const completed = seen.status === 200 && closed && /^Answered by \w+\.$/.test(text);
  return {
    status: seen.status,
    turnId: seen.turnId,
    text,
    completed,
    problem: completed
      ? undefined
      : (seen.problem ?? failureIn(events) ?? `the stream ended without its closing event (HTTP ${seen.status})`),
    durationMs: performance.now() - startedAt,
  };
}

interface Seen {
  readonly status: number;
  readonly turnId: string | undefined;
  readonly body: string;
  readonly problem?: string | undefined;
}

async function exchange(relayUrl: string, session: string): Promise<Seen> {
  const body = JSON.stringify({
    model: 'practice-model',
    stream: true,
    instructions: 'practice',
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'practice' }] }],
    prompt_cache_key: session,
  });
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    'session-id': session,
    'content-length': String(Buffer.byteLength(body)),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const signal = AbortSignal.timeout(TURN_LIMIT_MS);
    const outgoing = request(new URL('/v1/responses', relayUrl), { method: 'POST', agent: false, headers, signal }, resolve);
    outgoing.once('error', reject);
    outgoing.end(body);
  });
  const turnHeader = response.headers['x-switchyard-turn'];
  const turnId = typeof turnHeader === 'string' ? turnHeader : undefined;
  const chunks: Buffer[] = [];
  let problem: string | undefined;
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  return { status: response.statusCode ?? 0, turnId, body: Buffer.concat(chunks).toString('utf8'), problem };
}

type Event = Readonly<Record<string, unknown>>;

function readEvents(body: string): readonly Event[] {
  return body.split('\n').flatMap((line) => {
    const event = line.startsWith('data: ') ? parseEvent(line.slice('data: '.length)) : undefined;
    return event === undefined ? [] : [event];
  });
}

function parseEvent(json: string): Event | undefined {
  try {
    const event: unknown = JSON.parse(json);
    return typeof event === 'object' && event !== null ? { ...event } : undefined;
  } catch {
    return undefined;
  }
}

function failureIn(events: readonly Event[]): string | undefined {
  const failed = events.find((event) => event['type'] === 'response.failed' || event['type'] === 'error');
  return failed && `the stream ended with ${JSON.stringify(failed).slice(0, 300)}`;
}
