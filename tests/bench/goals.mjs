// The goals a relay with every feature on has to meet, and how each is read from a results file.
import { median } from './lib/stats.mjs';

const number = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** Each goal: what is shown, what is read for a target, and what counts as met. */
const goals = [
  {
    figure: '2 KB JSON, 64 connections: req/s',
    goal: '≥ 0.75 × ref',
    read: (r, t) => r.summary['json-c64']?.[t]?.vsRef.perSecond,
    show: (value) => `${number(value)} ×`,
    met: (value) => value >= 0.75,
  },
  {
    figure: '2 KB JSON, 1 connection: added p50',
    goal: '≤ 0.2 ms',
    read: (r, t) => r.summary['json-c1']?.[t]?.added.p50Ms,
    show: (value) => `${number(value)} ms`,
    met: (value) => value <= 0.2,
  },
  {
    figure: '200 KB body, 300-event stream: first byte added',
    goal: '≤ 0.5 ms',
    read: (r, t) => r.summary['sse200k-c1']?.[t]?.added.ttfbP50Ms,
    show: (value) => `${number(value)} ms`,
    met: (value) => value <= 0.5,
  },
  {
    figure: 'the same, 32 at once: streams/s',
    goal: '≥ 0.9 × ref',
    read: (r, t) => r.summary['sse200k-c32']?.[t]?.vsRef.perSecond,
    show: (value) => `${number(value)} ×`,
    met: (value) => value >= 0.9,
  },
  {
    figure: '2 MB body: first byte added',
    goal: '≤ 2 ms',
    read: (r, t) => r.summary['sse2m-c1']?.[t]?.added.ttfbP50Ms,
    show: (value) => `${number(value)} ms`,
    met: (value) => value <= 2,
  },
  {
    figure: '256 paced streams (5 ms): complete, identical',
    goal: '256, 256',
    read: (r, t) => Math.min(r.summary['paced-c256']?.[t]?.completed?.min ?? NaN, r.summary['paced-c256']?.[t]?.identical?.min ?? NaN),
    show: (value) => number(value, 0),
    met: (value) => value === 256,
  },
  {
    figure: '256 paced streams (5 ms): event p99',
    goal: '≤ 20 ms',
    read: (r, t) => r.summary['paced-c256']?.[t]?.eventP99Ms?.median,
    show: (value) => `${number(value, 1)} ms`,
    met: (value) => value <= 20,
  },
  {
    figure: 'one paced stream: added per event p50',
    goal: '≤ 0.12 ms',
    read: (r, t) => r.summary['paced-c1']?.[t]?.added.eventP50Ms,
    show: (value) => `${number(value)} ms`,
    met: (value) => value <= 0.12,
  },
  {
    figure: '64 MB answer: MB/s',
    goal: '≥ 0.9 × ref',
    read: (r, t) => r.summary.bulk64?.[t]?.vsRef.mbPerSecond,
    show: (value) => `${number(value)} ×`,
    met: (value) => value >= 0.9,
  },
  {
    figure: '64 MB answer: memory growth',
    goal: '≤ 8 MB',
    read: (r, t) => r.summary.bulk64?.[t]?.growthMb?.median,
    show: (value) => `${number(value, 1)} MB`,
    met: (value) => value <= 8,
  },
  {
    figure: '64 MB answer, slow reader: memory growth',
    goal: '≤ 4 MB',
    read: (r, t) => r.summary.slow?.[t]?.growthMb?.median,
    show: (value) => `${number(value, 1)} MB`,
    met: (value) => value <= 4,
  },
  {
    figure: 'client gone: upstream closed, of 8',
    goal: '8',
    read: (r, t) => r.summary.abort?.[t]?.propagated?.min,
    show: (value) => number(value, 0),
    met: (value) => value === 8,
  },
  {
    figure: 'client gone: upstream closed after, p50',
    goal: '≤ 5 ms',
    read: (r, t) => r.summary.abort?.[t]?.propagateMs?.median,
    show: (value) => `${number(value, 1)} ms`,
    met: (value) => value <= 5,
  },
  {
    figure: 'start to first answer',
    goal: '≤ 400 ms',
    read: (r, t) => median((r.starts[t] ?? []).map((start) => start.readyMs)),
    show: (value) => `${number(value, 0)} ms`,
    met: (value) => value <= 400,
  },
  {
    figure: 'idle memory (RSS)',
    goal: '≤ 100 MB',
    read: (r, t) => r.idle[t]?.rssMb,
    show: (value) => `${number(value, 0)} MB`,
    met: (value) => value <= 100,
  },
  {
    figure: 'idle CPU',
    goal: '≤ 0.3 %',
    read: (r, t) => r.idle[t]?.cpuMsPerS / 10,
    show: (value) => `${number(value)} %`,
    met: (value) => value <= 0.3,
  },
  {
    figure: 'peak memory under any load (RSS)',
    goal: '≤ 220 MB',
    read: (r, t) => Math.max(...r.samples.filter((sample) => sample.target === t).map((sample) => sample.peakMb)),
    show: (value) => `${number(value, 0)} MB`,
    met: (value) => value <= 220,
  },
];

/** The table of goals for one target beside others, and how many were met; a figure not measured counts as neither. */
export function goalTable(results, target, beside) {
  const rows = goals.map((goal) => {
    const value = goal.read(results, target);
    const measured = Number.isFinite(value);
    const mark = !measured ? 'not measured' : goal.met(value) ? 'met' : 'short';
    const others = beside.map((name) => {
      const other = goal.read(results, name);
      return Number.isFinite(other) ? goal.show(other) : '–';
    });
    return { mark, cells: [goal.figure, goal.goal, measured ? goal.show(value) : '–', mark, ...others] };
  });
  const head = ['figure', 'goal', target, '', ...beside];
  const lines = [head, head.map((_, i) => (i === 0 || i === 3 ? '---' : '---:')), ...rows.map((row) => row.cells)];
  const count = (mark) => rows.filter((row) => row.mark === mark).length;
  return { markdown: lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n'), met: count('met'), short: count('short'), unmeasured: count('not measured') };
}
