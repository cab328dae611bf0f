import { writeFileSync } from 'node:fs';
import { createCore, type Core } from '../../main/core/core.js';
import type { CoreEvent } from '../../shared/control/events.js';
import type { TurnRecord } from '../../shared/domain/turn-record.js';
import type { Clock } from '../../main/core/ports.js';
import type { ManualClock } from './manual-clock.js';
import { makeTempHome, type TempHome } from './temp-home.js';
import { testPorts, type TestPorts } from './test-ports.js';

/** A whole relay in this process, on a port of its own and in a home of its own. */
export interface TestRelay {
  readonly url: string;
  readonly core: Core;
  readonly home: TempHome;
  readonly ports: TestPorts;
  readonly events: readonly CoreEvent[];
  /** Ended turns, in the order they ended. */
  records(): readonly TurnRecord[];
  /** Waits until that many turns have ended. */
  ended(count: number): Promise<readonly TurnRecord[]>;
  /** Sends a Codex-like streaming turn. */
  turn(options?: TurnOptions): Promise<TurnAnswer>;
  /** Ends it; a home that was given to it stays. */
  close(): Promise<void>;
}

/** What a test turn asks for. */
export interface TurnOptions {
  readonly path?: string;
  readonly model?: string;
  readonly session?: string;
  readonly stream?: boolean;
  /** False: a client that is not Codex. */
  readonly codex?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** What the client got. */
export interface TurnAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Types of the events, in order; empty when the answer is no stream. */
  readonly types: readonly string[];
}

/** How a test relay differs from the usual one. */
export interface RelayOptions {
  readonly ports?: Partial<TestPorts>;
  readonly env?: Record<string, string>;
  /** A home of an earlier relay, so that a restart can be played; it is not cleaned up. */
  readonly home?: TempHome;
}

/** Starts a relay with a config file of the given text. */
export async function startRelay(config: string, options: RelayOptions = {}): Promise<TestRelay> {
  const home = options.home ?? makeTempHome();
  writeFileSync(home.paths.configFile, config);
  const base = testPorts({ paths: home.paths, env: options.env ?? {} });
  const ports: TestPorts = { ...base, ...options.ports };
  const core = createCore(ports, {
    version: '0.0.0-test',
    host: 'daemon',
    listen: { host: '127.0.0.1', port: 0 },
    onStopRequested: () => undefined,
  });
  const events: CoreEvent[] = [];
  const records: TurnRecord[] = [];
  const waiting = new Set<() => void>();
  core.onEvent((event) => {
    events.push(event);
    if (event.type === 'turn-end') records.push(event.record);
    for (const check of waiting) check();
  });
  await core.open();
  const { url } = await core.listen();
  return {
    url,
    core,
    home,
    ports,
    events,
    records: () => records,
    ended: (count) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (records.length < count) return;
          waiting.delete(check);
          resolve(records);
        };
        waiting.add(check);
        check();
      }),
    turn: (turn = {}) => sendTurn(url, turn),
    async close() {
      const closed = core.close();
      // On a clock that stands still the turns that hang would be waited for, for ever.
      if (isManual(ports.clock)) ports.clock.advance(10_000);
      await closed;
      if (options.home === undefined) home.cleanup();
    },
  };
}

function isManual(clock: Clock): clock is ManualClock {
  return 'advance' in clock;
}

/** One provider block with an inline key. */
export function provider(name: string, baseUrl: string, more = ''): string {
  return `[providers.${name}]\nbase_url = "${baseUrl}"\napi_key = "sk-${name}"\n${more}\n`;
}

async function sendTurn(url: string, options: TurnOptions): Promise<TurnAnswer> {
  const stream = options.stream ?? true;
  const response = await fetch(url + (options.path ?? '/v1/responses'), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      authorization: 'Bearer client-own-login',
      ...(options.codex === false ? {} : { originator: 'codex_exec', 'user-agent': 'codex_exec/0.169.0' }),
      ...(options.session === undefined ? {} : { 'session-id': options.session }),
      ...options.headers,
    },
    body: JSON.stringify({
      model: options.model ?? 'gpt-5.5',
      stream,
      input: [{ role: 'user', content: 'hi' }],
      ...options.body,
    }),
  });
  const text = await response.text();
  const types = [...text.matchAll(/^data: \{"type":"([^"]+)"/gm)].map((match) => match[1] ?? '');
  return { status: response.status, headers: response.headers, text, types };
}
