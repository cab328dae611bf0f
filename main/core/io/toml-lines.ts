/** Offset where the line that holds `at` starts. */
export function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
}

/** Offset just behind the line that holds `at`, its line ending included. */
export function lineEnd(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  return newline === -1 ? text.length : newline + 1;
}

/** The white space a line starts with. */
export function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, at), at))?.[0] ?? '';
}

/** An empty string, or the line ending that is missing before `at` so that a new line can start there. */
export function missingNewline(text: string, at: number, eol: string): string {
  return at === 0 || text[at - 1] === '\n' ? '' : eol;
}

/** Start of the comment lines that stand directly above the line at `at`. */
export function attachedCommentStart(text: string, at: number): number {
  let start = lineStart(text, at);
  while (start > 0) {
    const previous = lineStart(text, start - 1);
    if (!/^[ \t]*#/.test(text.slice(previous, start))) break;
    start = previous;
  }
  return start;
}

/** Takes the blank line above a removed block along when a blank line or the end follows, so that no double gap stays. */
export function includeBlankAbove(text: string, start: number, end: number): number {
  const followedByGap = end >= text.length || /^[ \t]*\r?\n/.test(text.slice(end, lineEnd(text, end)));
  const previous = start === 0 ? 0 : lineStart(text, start - 1);
  return followedByGap && start > 0 && /^[ \t]*\r?\n$/.test(text.slice(previous, start)) ? previous : start;
}
