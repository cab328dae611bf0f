/** One counter; whoever counts often keeps it. */
export interface CounterHandle {
  value: number;
}

/** One distribution of durations. */
export interface DistributionHandle {
  observe(seconds: number): void;
}

/** Counts by label text, and durations by bucket; plain numbers, so that counting costs next to nothing per turn. */
export interface Tally {
  counter(name: string, labels: string): CounterHandle;
  distribution(name: string, labels: string): DistributionHandle;
  text(): string;
}

/** What a metric is. */
export interface MetricDefinition {
  readonly help: string;
  /** Upper bounds in seconds; absent for counters. */
  readonly buckets?: readonly number[];
}

interface Distribution extends DistributionHandle {
  readonly counts: readonly number[];
  readonly sum: () => number;
  readonly count: () => number;
}

/** Makes an empty tally of the given metrics; its text is the Prometheus exposition format 0.0.4. */
export function createTally(definitions: Readonly<Record<string, MetricDefinition>>): Tally {
  const counters = new Map<string, Map<string, CounterHandle>>();
  const distributions = new Map<string, Map<string, Distribution>>();
  return {
    counter: (name, labels) => memberOf(seriesOf(counters, name), labels, () => ({ value: 0 })),
    distribution: (name, labels) =>
      memberOf(seriesOf(distributions, name), labels, () => createDistribution(definitions[name]?.buckets ?? [])),
    text: () =>
      Object.entries(definitions)
        .map(([name, definition]) =>
          definition.buckets === undefined
            ? counterText(name, definition, counters.get(name))
            : histogramText(name, definition, distributions.get(name)),
        )
        .join(''),
  };
}

function createDistribution(buckets: readonly number[]): Distribution {
  const counts = buckets.map(() => 0);
  let sum = 0;
  let count = 0;
  return {
    counts,
    sum: () => sum,
    count: () => count,
    observe(seconds) {
      sum += seconds;
      count += 1;
      for (let index = 0; index < buckets.length; index++) {
        if (seconds > (buckets[index] ?? 0)) continue;
        counts[index] = (counts[index] ?? 0) + 1;
        return;
      }
    },
  };
}

function memberOf<T>(series: Map<string, T>, labels: string, make: () => T): T {
  let member = series.get(labels);
  if (member === undefined) {
    member = make();
    series.set(labels, member);
  }
  return member;
}

function seriesOf<T>(all: Map<string, Map<string, T>>, name: string): Map<string, T> {
  let series = all.get(name);
  if (series === undefined) {
    series = new Map();
    all.set(name, series);
  }
  return series;
}

function counterText(name: string, { help }: MetricDefinition, series: ReadonlyMap<string, CounterHandle> = new Map()): string {
  const seen = [...series].filter(([, { value }]) => value > 0);
  const lines = seen.map(([labels, { value }]) => `${name}${braced(labels)} ${String(value)}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} counter\n${lines.join('')}`;
}

function histogramText(
  name: string,
  { help, buckets = [] }: MetricDefinition,
  series: ReadonlyMap<string, Distribution> = new Map(),
): string {
  const lines = [...series].flatMap(([labels, { counts, sum, count }]) => {
    if (count() === 0) return [];
    let below = 0;
    const rest = labels === '' ? '' : `,${labels}`;
    const perBucket = buckets.map((bound, index) => {
      below += counts[index] ?? 0;
      return `${name}_bucket{le="${String(bound)}"${rest}} ${String(below)}\n`;
    });
    return [
      ...perBucket,
      `${name}_bucket{le="+Inf"${rest}} ${String(count())}\n`,
      `${name}_sum${braced(labels)} ${String(sum())}\n`,
      `${name}_count${braced(labels)} ${String(count())}\n`,
    ];
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${lines.join('')}`;
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

/** One label, its value escaped as the format asks. */
export function label(name: string, value: string): string {
  if (!/[\\"\n]/.test(value)) return `${name}="${value}"`;
  return `${name}="${value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`;
}
