/** Inclusive ranges of HTTP statuses. */
export type StatusSet = readonly (readonly [number, number])[];

/** Reads `"429,500-599"`; reversed ranges are turned round, parts that are no status are ignored, empty text is the empty set. */
export function parseStatusSet(text: string): StatusSet {
  const ranges: (readonly [number, number])[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d{3})(?:\s*-\s*(\d{3}))?\s*$/.exec(part);
    if (match === null) continue;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    ranges.push([Math.min(from, to), Math.max(from, to)]);
  }
  return ranges;
}

/** True when the status lies in one of the ranges; no status lies in none. */
export function statusIn(set: StatusSet, status: number | undefined): boolean {
  return status !== undefined && set.some(([from, to]) => status >= from && status <= to);
}
