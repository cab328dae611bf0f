import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';

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
  /** Remembers a turn; counting happens later, off the request's path. */
  observe(turn: TurnRecord): void;
  /** Counts what is waiting when there is much of it; called from the log's own rhythm. */
  settle(): Promise<void>;
  /** Prometheus text exposition, format 0.0.4. */
  text(): Promise<string>;
}

/** prom-client is loaded at the first scrape or when this many turns wait to be counted: an idle relay never pays for it. */
const LOAD_AT_TURNS = 1000;

interface Instruments {
  readonly registry: Registry;
  readonly turns: Counter<'provider' | 'status'>;
  readonly attempts: Counter<'provider' | 'outcome' | 'class' | 'status'>;
  readonly failovers: Counter<'provider'>;
  readonly tokens: Counter<'provider' | 'kind'>;
  readonly firstByte: Histogram<'provider'>;
  readonly duration: Histogram<'provider'>;
  readonly overhead: Histogram;
  readonly usable: Gauge<'provider' | 'endpoint'>;
  readonly cooling: Gauge<'provider' | 'endpoint'>;
  readonly leases: Gauge<'provider' | 'endpoint'>;
}

/** Metrics of one core; `endpoints` is asked at every scrape. */
export function createMetrics(endpoints: (() => readonly EndpointGauge[]) | undefined): Metrics {
  let waiting: TurnRecord[] = [];
  let loading: Promise<Instruments> | undefined;

  async function drain(): Promise<Instruments> {
    loading ??= loadInstruments();
    const instruments = await loading;
    const turns = waiting;
    waiting = [];
    for (const turn of turns) countTurn(instruments, turn);
    return instruments;
  }

  return {
    observe: (turn) => void waiting.push(turn),
    settle: async () => {
      if (waiting.length >= LOAD_AT_TURNS) await drain();
    },
    text: async () => {
      const instruments = await drain();
      setGauges(instruments, endpoints?.() ?? []);
      return await instruments.registry.metrics();
    },
  };
}

async function loadInstruments(): Promise<Instruments> {
  const { default: prometheus } = await import('prom-client');
  const registry = new prometheus.Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new prometheus.Counter({ name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
    new prometheus.Histogram({ name, help, labelNames, buckets, registers });
  const gauge = (name: string, help: string) =>
    new prometheus.Gauge({ name, help, labelNames: ['provider', 'endpoint'] as const, registers });
  return {
    registry,
    turns: counter('switchyard_turns_total', 'Turns by the provider that answered and status class.', [
      'provider',
      'status',
    ] as const),
    attempts: counter('switchyard_attempts_total', 'Attempts by provider, outcome, failure class and status class.', [
      'provider',
      'outcome',
      'class',
      'status',
    ] as const),
    failovers: counter('switchyard_failovers_total', 'Times a turn left a provider for the next candidate.', [
      'provider',
    ] as const),
    tokens: counter('switchyard_tokens_total', 'Tokens as reported by the upstream.', ['provider', 'kind'] as const),
    firstByte: histogram(
      'switchyard_first_byte_seconds',
      'Request to first byte to the client.',
      ['provider'] as const,
      [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128],
    ),
    duration: histogram(
      'switchyard_turn_seconds',
      'Request to the last byte to the client.',
      ['provider'] as const,
      [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800],
    ),
    overhead: histogram(
      'switchyard_overhead_seconds',
      'Time spent in the relay itself.',
      [] as const,
      [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
    ),
    usable: gauge('switchyard_endpoint_usable', '1 when the endpoint can be tried now.'),
    cooling: gauge('switchyard_endpoint_cooling', '1 while the endpoint rests after failures.'),
    leases: gauge('switchyard_endpoint_leases', 'Attempts in flight at the endpoint.'),
  };
}

function countTurn(instruments: Instruments, turn: TurnRecord): void {
  const provider = turn.provider ?? '-';
  instruments.turns.inc({ provider, status: statusClass(turn.status_code) });
  for (const attempt of turn.attempts) {
    instruments.attempts.inc({
      provider: attempt.provider,
      outcome: attempt.outcome,
      class: attempt.class ?? '',
      status: attempt.status === undefined ? '' : statusClass(attempt.status),
    });
    if (attempt.next === 'next') instruments.failovers.inc({ provider: attempt.provider });
  }
  countTokens(instruments, provider, turn.usage);
  observeMs(instruments.firstByte, { provider }, turn.first_byte_ms);
  observeMs(instruments.duration, { provider }, turn.duration_ms);
  observeMs(instruments.overhead, {}, turn.overhead_ms);
}

function countTokens(instruments: Instruments, provider: string, usage: TurnRecord['usage']): void {
  if (!usage) return;
  const kinds = {
    input: usage.input_tokens,
    output: usage.output_tokens,
    cached_input: usage.cached_input_tokens,
    reasoning: usage.reasoning_tokens,
  };
  for (const [kind, count] of Object.entries(kinds)) {
    if (count !== undefined && Number.isFinite(count) && count >= 0) instruments.tokens.inc({ provider, kind }, count);
  }
}

function observeMs<L extends string>(
  histogram: Histogram<L>,
  labels: Partial<Record<L, string>>,
  valueMs: number | undefined,
): void {
  if (valueMs !== undefined && Number.isFinite(valueMs)) histogram.observe(labels, valueMs / 1000);
}

function setGauges(instruments: Instruments, endpoints: readonly EndpointGauge[]): void {
  for (const gauge of [instruments.usable, instruments.cooling, instruments.leases]) gauge.reset();
  for (const { endpoint, provider, usable, cooling, leases } of endpoints) {
    instruments.usable.set({ provider, endpoint }, usable ? 1 : 0);
    instruments.cooling.set({ provider, endpoint }, cooling ? 1 : 0);
    instruments.leases.set({ provider, endpoint }, leases);
  }
}

function statusClass(status: number): string {
  return `${String(Math.floor(status / 100))}xx`;
}
