import type { AST } from 'toml-eslint-parser';
import type { EditContext, TextChange } from './toml-insert.js';
import { findPlace, startsWith, type KeyEntry } from './toml-index.js';
import { includeBlankAbove, lineEnd, lineStart } from './toml-lines.js';

/** What to cut so that nothing is left at or below a path; ascending, empty when nothing is there. */
export function removalsAt(context: EditContext, path: readonly string[]): readonly TextChange[] {
  const place = findPlace(context.index, path);
  if (place.kind === 'missing') return [];
  if (place.kind === 'element') return cutItems(place.entry.array, place.entry.array.elements, [place.entry.node]);
  if (place.kind === 'key') return cutKeys(context, [place.entry]);
  const sections = context.index.headers
    .filter((entry) => startsWith(entry.path, path))
    .map((entry) => cutSection(context, entry.node));
  const dotted = context.index.keys.filter((entry) => startsWith(entry.path, path) && entry.ownerPath.length < path.length);
  return [...cutKeys(context, dotted), ...sections].sort((left, right) => left.start - right.start);
}

/** All entries have the same owner: a table is spread over dotted keys of one owner only. */
function cutKeys({ text }: EditContext, entries: readonly KeyEntry[]): readonly TextChange[] {
  const owner = entries[0]?.owner;
  if (owner?.type === 'TOMLInlineTable') {
    return cutItems(
      owner,
      owner.body,
      entries.map((entry) => entry.node),
    );
  }
  return entries.map(({ node }) => ({ start: lineStart(text, node.range[0]), end: lineEnd(text, node.range[1]), inserted: '' }));
}

/** A header with its own keys; comments that follow stand above the next table and stay. */
function cutSection({ text }: EditContext, node: AST.TOMLTable): TextChange {
  const start = lineStart(text, node.range[0]);
  const end = lineEnd(text, node.range[1]);
  return { start: includeBlankAbove(text, start, end), end, inserted: '' };
}

/** Items of an inline table or array go with one comma each. */
function cutItems<N extends AST.TOMLContentNode | AST.TOMLKeyValue>(
  content: AST.TOMLInlineTable | AST.TOMLArray,
  items: readonly N[],
  removed: readonly N[],
): readonly TextChange[] {
  const firstKept = items.findIndex((item) => !removed.includes(item));
  if (firstKept === -1) return [{ start: content.range[0] + 1, end: content.range[1] - 1, inserted: '' }];
  const changes: TextChange[] = [];
  const first = items[0];
  const kept = items[firstKept];
  if (firstKept > 0 && first !== undefined && kept !== undefined) {
    changes.push({ start: first.range[0], end: kept.range[0], inserted: '' });
  }
  items.forEach((item, position) => {
    const previous = items[position - 1];
    if (position < firstKept || previous === undefined || !removed.includes(item)) return;
    changes.push({ start: previous.range[1], end: item.range[1], inserted: '' });
  });
  return changes;
}
