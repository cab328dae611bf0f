/** Counts by label text, and durations by bucket; plain numbers, so that counting costs next to nothing per turn. */
export interface Tally {
  add(name: string, labels: string, by: number): void;
  /** Counts a duration in seconds. */
  observe(name: string, labels: string, seconds: number): void;
  text(): string;
}

/** What a metric is. */
export interface MetricDefinition {
  readonly help: string;
  /** Upper bounds in seconds; absent for counters. */
  readonly buckets?: readonly number[];
}

interface Distribution {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Makes an empty tally of the given metrics; its text is the Prometheus exposition format 0.0.4. */
export function createTally(definitions: Readonly<Record<string, MetricDefinition>>): Tally {
  const counters = new Map<string, Map<string, number>>();
  const distributions = new Map<string, Map<string, Distribution>>();
  return {
    add(name, labels, by) {
      const series = seriesOf(counters, name);
      series.set(labels, (series.get(labels) ?? 0) + by);
    },
    observe(name, labels, seconds) {
      const buckets = definitions[name]?.buckets ?? [];
      const series = seriesOf(distributions, name);
      let found = series.get(labels);
      if (found === undefined) {
        found = { counts: new Array<number>(buckets.length).fill(0), sum: 0, count: 0 };
        series.set(labels, found);
      }
      const bucket = buckets.findIndex((bound) => seconds <= bound);
      if (bucket >= 0) found.counts[bucket] = (found.counts[bucket] ?? 0) + 1;
      found.sum += seconds;
      found.count += 1;
    },
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

function seriesOf<T>(all: Map<string, Map<string, T>>, name: string): Map<string, T> {
  let series = all.get(name);
  if (series === undefined) {
    series = new Map();
    all.set(name, series);
  }
  return series;
}

function counterText(name: string, { help }: MetricDefinition, series: ReadonlyMap<string, number> = new Map()): string {
  const lines = [...series].map(([labels, value]) => `${name}${braced(labels)} ${String(value)}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} counter\n${lines.join('')}`;
}

function histogramText(
  name: string,
  { help, buckets = [] }: MetricDefinition,
  series: ReadonlyMap<string, Distribution> = new Map(),
): string {
  const lines = [...series].flatMap(([labels, { counts, sum, count }]) => {
    let below = 0;
    const rest = labels === '' ? '' : `,${labels}`;
    const perBucket = buckets.map((bound, index) => {
      below += counts[index] ?? 0;
      return `${name}_bucket{le="${String(bound)}"${rest}} ${String(below)}\n`;
    });
    return [
      ...perBucket,
      `${name}_bucket{le="+Inf"${rest}} ${String(count)}\n`,
      `${name}_sum${braced(labels)} ${String(sum)}\n`,
      `${name}_count${braced(labels)} ${String(count)}\n`,
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
