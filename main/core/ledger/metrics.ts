import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import { createTally, label, type CounterHandle, type DistributionHandle, type MetricDefinition, type Tally } from './tally.js';

/** How an endpoint stands at the moment of a scrape. */
export interface EndpointGauge {
  readonly endpoint: string;
  readonly provider: string;
  readonly usable: boolean;
  readonly cooling: boolean;
  readonly leases: number;
}

/** Counts turns for Prometheus. */
export interface Metrics {
  observe(turn: TurnRecord): void;
  /** Prometheus text exposition, format 0.0.4. */
  text(): string;
}

const definitions: Readonly<Record<string, MetricDefinition>> = {
  switchyard_turns_total: { help: 'Turns by the provider that answered and status class.' },
  switchyard_attempts_total: { help: 'Attempts by provider, outcome, failure class and status class.' },
  switchyard_failovers_total: { help: 'Times a turn left a provider for the next candidate.' },
  switchyard_tokens_total: { help: 'Tokens as reported by the upstream.' },
  switchyard_first_byte_seconds: {
    help: 'Request to first byte to the client.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128],
  },
  switchyard_turn_seconds: {
    help: 'Request to the last byte to the client.',
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800],
  },
  switchyard_overhead_seconds: {
    help: 'Time spent in the relay itself.',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
  },
};

const gauges = {
  switchyard_endpoint_usable: ['1 when the endpoint can be tried now.', (each: EndpointGauge) => Number(each.usable)],
  switchyard_endpoint_cooling: ['1 while the endpoint rests after failures.', (each: EndpointGauge) => Number(each.cooling)],
  switchyard_endpoint_leases: ['Attempts in flight at the endpoint.', (each: EndpointGauge) => each.leases],
} as const;

/** Metrics of one core; `endpoints` is asked at every scrape. */
export function createMetrics(endpoints: (() => readonly EndpointGauge[]) | undefined): Metrics {
  const tally = createTally(definitions);
  const byProvider = new Map<string, ProviderCounters>();
  const counters = (provider: string): ProviderCounters => {
    let found = byProvider.get(provider);
    if (found === undefined) {
      found = createProviderCounters(tally, provider);
      byProvider.set(provider, found);
    }
    return found;
  };
  const overhead = tally.distribution('switchyard_overhead_seconds', '');
  return {
    observe: (turn) => countTurn(counters, overhead, turn),
    text: () => tally.text() + gaugeText(endpoints?.() ?? []),
  };
}

/** The counters of one provider, found once. */
interface ProviderCounters {
  readonly turns: (status: string) => CounterHandle;
  readonly attempts: (outcome: string, failure: string, status: string) => CounterHandle;
  readonly failovers: CounterHandle;
  readonly tokens: Readonly<Record<'input' | 'output' | 'cached' | 'reasoning', CounterHandle>>;
  readonly firstByte: DistributionHandle;
  readonly duration: DistributionHandle;
}

function createProviderCounters(tally: Tally, name: string): ProviderCounters {
  const provider = label('provider', name);
  const tokens = (kind: string): CounterHandle => tally.counter('switchyard_tokens_total', `${provider},kind="${kind}"`);
  return {
    turns: remembered((status) => tally.counter('switchyard_turns_total', `${provider},status="${status}"`)),
    attempts: remembered((outcome, failure, status) =>
      tally.counter('switchyard_attempts_total', `${provider},outcome="${outcome}",class="${failure}",status="${status}"`),
    ),
    failovers: tally.counter('switchyard_failovers_total', provider),
    tokens: { input: tokens('input'), output: tokens('output'), cached: tokens('cached_input'), reasoning: tokens('reasoning') },
    firstByte: tally.distribution('switchyard_first_byte_seconds', provider),
    duration: tally.distribution('switchyard_turn_seconds', provider),
  };
}

/** Remembers the last counter asked for: almost every turn asks for the same one. */
function remembered<A extends readonly string[]>(find: (...parts: A) => CounterHandle): (...parts: A) => CounterHandle {
  let known: A | undefined;
  let handle: CounterHandle | undefined;
  return (...parts) => {
    if (handle !== undefined && known?.every((part, index) => part === parts[index]) === true) return handle;
    known = parts;
    handle = find(...parts);
    return handle;
  };
}

function countTurn(counters: (provider: string) => ProviderCounters, overhead: DistributionHandle, turn: TurnRecord): void {
  const own = counters(turn.provider ?? '-');
  own.turns(statusClass(turn.status_code)).value += 1;
  for (const attempt of turn.attempts) {
    const status = attempt.status === undefined ? '' : statusClass(attempt.status);
    const from = counters(attempt.provider);
    from.attempts(attempt.outcome, attempt.class ?? '', status).value += 1;
    if (attempt.next === 'next') from.failovers.value += 1;
  }
  const { usage } = turn;
  own.tokens.input.value += usage?.input_tokens ?? 0;
  own.tokens.output.value += usage?.output_tokens ?? 0;
  own.tokens.cached.value += usage?.cached_input_tokens ?? 0;
  own.tokens.reasoning.value += usage?.reasoning_tokens ?? 0;
  if (turn.first_byte_ms !== undefined) own.firstByte.observe(turn.first_byte_ms / 1000);
  own.duration.observe(turn.duration_ms / 1000);
  if (turn.overhead_ms !== undefined) overhead.observe(turn.overhead_ms / 1000);
}

function gaugeText(endpoints: readonly EndpointGauge[]): string {
  return Object.entries(gauges)
    .map(([name, [help, valueOf]]) => {
      const lines = endpoints.map(
        (each) => `${name}{${label('provider', each.provider)},${label('endpoint', each.endpoint)}} ${String(valueOf(each))}\n`,
      );
      return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
    })
    .join('');
}

function statusClass(status: number): string {
  return `${String(Math.floor(status / 100))}xx`;
}
