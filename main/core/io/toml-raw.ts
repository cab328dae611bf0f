import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { byteOrderMark, parseTomlDocument } from './toml-document.js';
import { findPlace, indexToml, type HeaderEntry } from './toml-index.js';
import { lineStart } from './toml-lines.js';

/** The text of the value at a path exactly as written; `undefined` where no single value is written there. */
export function valueTextAt(text: string, path: readonly string[]): string | undefined {
  const range = valueRange(text, path);
  return range === undefined ? undefined : text.slice(range.start, range.end);
}

/** Puts other source text in place of the value at a path. @throws SwitchyardError CLIENT_EDIT_UNSAFE */
export function replaceValueText(text: string, path: readonly string[], valueText: string): string {
  const range = valueRange(text, path);
  if (range === undefined) throw new SwitchyardError('CLIENT_EDIT_UNSAFE', `${path.join('.')} is not written as one value.`);
  const replaced = text.slice(0, range.start) + valueText + text.slice(range.end);
  parseTomlDocument(replaced.slice(byteOrderMark(replaced).length));
  return replaced;
}

/** Offset of the line on which a key, or the header of a table, is written; `undefined` where it has no line of its own. */
export function definitionLineStart(text: string, path: readonly string[]): number | undefined {
  const bomLength = byteOrderMark(text).length;
  const body = text.slice(bomLength);
  const index = indexToml(parseTomlDocument(body).ast);
  const place = findPlace(index, path);
  if (place.kind === 'key' && place.entry.owner.type === 'TOMLInlineTable') return undefined;
  const header: HeaderEntry | undefined = index.headers.find((entry) => place.kind === 'table' && entry.node === place.owner);
  const node = place.kind === 'key' ? place.entry.node : header?.node;
  return node === undefined ? undefined : bomLength + lineStart(body, node.range[0]);
}

/** Offsets of comments, each from its `#` to the end of its line without the line ending. */
export function commentRanges(text: string): readonly { readonly start: number; readonly end: number }[] {
  const bomLength = byteOrderMark(text).length;
  return parseTomlDocument(text.slice(bomLength)).ast.comments.map(({ range }) => ({
    start: range[0] + bomLength,
    end: range[1] + bomLength,
  }));
}

function valueRange(text: string, path: readonly string[]): { readonly start: number; readonly end: number } | undefined {
  const bomLength = byteOrderMark(text).length;
  const place = findPlace(indexToml(parseTomlDocument(text.slice(bomLength)).ast), path);
  if (place.kind !== 'key') return undefined;
  const [start, end] = place.entry.node.value.range;
  return { start: start + bomLength, end: end + bomLength };
}
