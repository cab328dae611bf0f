/** One stretch of text that an edit put in place of another; offsets count UTF-16 units in the text before the edit. */
export interface TextSplice {
  readonly at: number;
  readonly removed: string;
  readonly inserted: string;
}

/** A text under edit that remembers which parts are still the original's. */
export interface SpliceBuffer {
  text(): string;
  /** Replaces `[start, end)` of the current text. */
  replace(start: number, end: number, inserted: string): void;
  /** What turned the original into the current text, ascending and not overlapping. */
  splices(): readonly TextSplice[];
}

/** Either a stretch of the original (`from` is its offset there) or new text. */
interface Piece {
  readonly text: string;
  readonly from: number | null;
}

/** Starts with one piece: the original. */
export function createSpliceBuffer(original: string): SpliceBuffer {
  let pieces: readonly Piece[] = original === '' ? [] : [{ text: original, from: 0 }];
  return {
    text: () => pieces.map((piece) => piece.text).join(''),
    replace(start, end, inserted) {
      const added = inserted === '' ? [] : [{ text: inserted, from: null }];
      pieces = [...cut(pieces, 0, start), ...added, ...cut(pieces, end, Number.POSITIVE_INFINITY)];
    },
    splices: () => splicesOf(pieces, original),
  };
}

/** Applies splices to the text they were made for. */
export function applySplices(text: string, splices: readonly TextSplice[]): string {
  const parts: string[] = [];
  let position = 0;
  for (const splice of splices) {
    parts.push(text.slice(position, splice.at), splice.inserted);
    position = splice.at + splice.removed.length;
  }
  return parts.join('') + text.slice(position);
}

/** The splices that undo the given ones: applied to the new text they give the old. */
export function invertSplices(splices: readonly TextSplice[]): readonly TextSplice[] {
  let shift = 0;
  return splices.map((splice) => {
    const inverse = { at: splice.at + shift, removed: splice.inserted, inserted: splice.removed };
    shift += splice.inserted.length - splice.removed.length;
    return inverse;
  });
}

function cut(pieces: readonly Piece[], start: number, end: number): Piece[] {
  const result: Piece[] = [];
  let position = 0;
  for (const piece of pieces) {
    const from = Math.max(start - position, 0);
    const to = Math.min(end - position, piece.text.length);
    if (from < to) result.push({ text: piece.text.slice(from, to), from: piece.from === null ? null : piece.from + from });
    position += piece.text.length;
  }
  return result;
}

function splicesOf(pieces: readonly Piece[], original: string): readonly TextSplice[] {
  const splices: TextSplice[] = [];
  let position = 0;
  let inserted = '';
  const flush = (until: number): void => {
    const removed = original.slice(position, until);
    if (inserted !== removed) splices.push({ at: position, removed, inserted });
    inserted = '';
    position = until;
  };
  for (const piece of pieces) {
    if (piece.from === null) {
      inserted += piece.text;
    } else {
      if (piece.from > position || inserted !== '') flush(piece.from);
      position = piece.from + piece.text.length;
    }
  }
  flush(original.length);
  return splices;
}
