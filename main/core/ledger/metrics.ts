import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import { createTally, label, type MetricDefinition, type Tally } from './tally.js';

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
  return {
    observe: (turn) => countTurn(tally, turn),
    text: () => tally.text() + gaugeText(endpoints?.() ?? []),
  };
}

function countTurn(tally: Tally, turn: TurnRecord): void {
  const provider = label('provider', turn.provider ?? '-');
  tally.add('switchyard_turns_total', `${provider},status="${statusClass(turn.status_code)}"`, 1);
  for (const attempt of turn.attempts) {
    const from = label('provider', attempt.provider);
    const status = attempt.status === undefined ? '' : statusClass(attempt.status);
    const labels = `${from},outcome="${attempt.outcome}",class="${attempt.class ?? ''}",status="${status}"`;
    tally.add('switchyard_attempts_total', labels, 1);
    if (attempt.next === 'next') tally.add('switchyard_failovers_total', from, 1);
  }
  countTokens(tally, provider, turn.usage);
  observeMs(tally, 'switchyard_first_byte_seconds', provider, turn.first_byte_ms);
  observeMs(tally, 'switchyard_turn_seconds', provider, turn.duration_ms);
  observeMs(tally, 'switchyard_overhead_seconds', '', turn.overhead_ms);
}

function countTokens(tally: Tally, provider: string, usage: TurnRecord['usage']): void {
  if (usage === undefined) return;
  const count = (kind: string, tokens: number | undefined): void => {
    if (tokens !== undefined) tally.add('switchyard_tokens_total', `${provider},kind="${kind}"`, tokens);
  };
  count('input', usage.input_tokens);
  count('output', usage.output_tokens);
  count('cached_input', usage.cached_input_tokens);
  count('reasoning', usage.reasoning_tokens);
}

function observeMs(tally: Tally, name: string, labels: string, valueMs: number | undefined): void {
  if (valueMs !== undefined && Number.isFinite(valueMs)) tally.observe(name, labels, valueMs / 1000);
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
