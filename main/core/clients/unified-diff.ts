/** One line of an edit script; indexes count from 0 in the old and the new text. */
interface DiffLine {
  readonly kind: ' ' | '-' | '+';
  readonly old: number;
  readonly now: number;
}

/** Names and displayed lines of both sides of a diff. */
export interface DiffOptions {
  readonly oldName: string;
  readonly newName: string;
  /** Changes what is shown, line by line, not what is compared: hides secrets. Must keep the number of lines. */
  readonly display?: (text: string) => string;
}

const contextLines = 3;
const maxTableCells = 4_000_000;

/** A unified diff of two texts, empty when they are equal; line endings are compared, too. */
export function unifiedDiff(before: string, after: string, options: DiffOptions): string {
  if (before === after) return '';
  const oldLines = splitLines(before);
  const newLines = splitLines(after);
  const display = options.display ?? ((text: string) => text);
  const shownOld = splitLines(display(before));
  const shownNew = splitLines(display(after));
  const script = editScript(oldLines, newLines);
  const show = ({ kind, old, now }: DiffLine): string => {
    const line = (kind === '+' ? shownNew[now] : shownOld[old]) ?? '';
    return kind + (line.endsWith('\n') ? line.replace(/\r?\n$/, '') : `${line}\n\\ No newline at end of file`);
  };
  const body = hunks(script).map((hunk) => `${hunkHeader(hunk)}\n${hunk.map(show).join('\n')}\n`);
  return `--- ${options.oldName}\n+++ ${options.newName}\n${body.join('')}`;
}

function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function editScript(oldLines: readonly string[], newLines: readonly string[]): readonly DiffLine[] {
  const shorter = Math.min(oldLines.length, newLines.length);
  let head = 0;
  while (head < shorter && oldLines[head] === newLines[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && oldLines.at(-1 - tail) === newLines.at(-1 - tail)) tail += 1;
  const same = (count: number, old: number, now: number): DiffLine[] =>
    Array.from({ length: count }, (_, index) => ({ kind: ' ', old: old + index, now: now + index }));
  return [
    ...same(head, 0, 0),
    ...middleScript(oldLines.slice(head, oldLines.length - tail), newLines.slice(head, newLines.length - tail)).map((line) => ({
      ...line,
      old: line.old + head,
      now: line.now + head,
    })),
    ...same(tail, oldLines.length - tail, newLines.length - tail),
  ];
}

/** Longest common subsequence; where the table would be huge, everything counts as replaced. */
function middleScript(oldLines: readonly string[], newLines: readonly string[]): readonly DiffLine[] {
  const width = newLines.length + 1;
  const isHuge = (oldLines.length + 1) * width > maxTableCells;
  const lengths = new Uint32Array(isHuge ? 0 : (oldLines.length + 1) * width);
  const at = (old: number, now: number): number => lengths[old * width + now] ?? 0;
  for (let old = oldLines.length - 1; old >= 0 && !isHuge; old -= 1) {
    for (let now = newLines.length - 1; now >= 0; now -= 1) {
      lengths[old * width + now] =
        oldLines[old] === newLines[now] ? at(old + 1, now + 1) + 1 : Math.max(at(old + 1, now), at(old, now + 1));
    }
  }
  const script: DiffLine[] = [];
  let old = 0;
  let now = 0;
  while (old < oldLines.length || now < newLines.length) {
    const isSame = !isHuge && old < oldLines.length && now < newLines.length && oldLines[old] === newLines[now];
    const isRemoval = old < oldLines.length && (now >= newLines.length || at(old + 1, now) >= at(old, now + 1));
    const kind = isSame ? ' ' : isRemoval ? '-' : '+';
    script.push({ kind, old, now });
    if (kind !== '+') old += 1;
    if (kind !== '-') now += 1;
  }
  return script;
}

function hunks(script: readonly DiffLine[]): readonly (readonly DiffLine[])[] {
  const result: DiffLine[][] = [];
  let lastChange = Number.NEGATIVE_INFINITY;
  script.forEach((line, index) => {
    if (line.kind === ' ') return;
    const current = result.at(-1);
    const isNear = index - lastChange <= 2 * contextLines;
    if (current !== undefined && isNear) current.push(...script.slice(lastChange + 1, index + 1));
    else {
      if (current !== undefined) current.push(...script.slice(lastChange + 1, lastChange + 1 + contextLines));
      result.push([...script.slice(Math.max(0, index - contextLines), index + 1)]);
    }
    lastChange = index;
  });
  result.at(-1)?.push(...script.slice(lastChange + 1, lastChange + 1 + contextLines));
  return result;
}

function hunkHeader(hunk: readonly DiffLine[]): string {
  const first = hunk[0];
  const oldCount = hunk.filter((line) => line.kind !== '+').length;
  const newCount = hunk.filter((line) => line.kind !== '-').length;
  const range = (start: number, count: number): string => `${String(count === 0 ? start : start + 1)},${String(count)}`;
  return `@@ -${range(first?.old ?? 0, oldCount)} +${range(first?.now ?? 0, newCount)} @@`;
}
