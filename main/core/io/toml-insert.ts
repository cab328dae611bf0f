import type { AST } from 'toml-eslint-parser';
import type { TomlValue } from '../../../shared/control/contract.js';
import { assertNever } from '../../../shared/assert.js';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { formatBlock, formatKey, formatKeyPath, formatValue, isTableValue } from './toml-format.js';
import { findPlace, headerPathAtEnd, headerPathOf, startsWith, type KeyEntry, type TomlIndex } from './toml-index.js';
import { attachedCommentStart, indentAt, lineEnd, lineStart, missingNewline } from './toml-lines.js';

/** A replacement in a text. */
export interface TextChange {
  readonly start: number;
  readonly end: number;
  readonly inserted: string;
}

/** The text being edited with what is known about it. */
export interface EditContext {
  readonly text: string;
  readonly eol: string;
  readonly index: TomlIndex;
}

/** Where a value that does not exist yet goes: into the deepest container that does. */
export function insertValue(context: EditContext, path: readonly string[], value: TomlValue): TextChange {
  for (let length = path.length - 1; length >= 0; length -= 1) {
    const container = path.slice(0, length);
    const [key, ...deeper] = path.slice(length);
    if (key === undefined) continue;
    const place = findPlace(context.index, container);
    const nested = nest(deeper, value);
    switch (place.kind) {
      case 'missing':
        continue;
      case 'key':
        return insertIntoContent(place.entry.node.value, key, nested, path);
      case 'element':
        return insertIntoContent(place.entry.node, key, nested, path);
      case 'dotted':
        return insertBesideDotted(context, place.last, [...container, key], nested);
      case 'table-array':
        if (key !== String(place.length) || !isTableValue(nested)) throw unsafe(path, 'it would leave a gap in a list');
        return appendBlocks(context, container, [nested], true) ?? unsafeThrow(path);
      case 'super':
        return appendBlocks(context, container, [{ [key]: nested }], false) ?? insertSuperHeader(context, container, key, nested);
      case 'table':
        return insertIntoTable(context, { owner: place.owner, path: container }, key, nested);
      default:
        return assertNever(place);
    }
  }
  throw unsafe(path, 'no place was found for it');
}

/** The error of an edit that cannot be made, or not be proven right. */
export function unsafe(path: readonly string[], reason: string): SwitchyardError {
  return new SwitchyardError('CLIENT_EDIT_UNSAFE', `${formatKeyPath(path)} could not be edited safely: ${reason}.`);
}

function unsafeThrow(path: readonly string[]): never {
  throw unsafe(path, 'its list is not the last one of its name');
}

/** Wraps a value in the containers that are still missing; segment 0 of nothing starts a list. */
function nest(path: readonly string[], value: TomlValue): TomlValue {
  return path.reduceRight<TomlValue>((inner, segment) => (segment === '0' ? [inner] : { [segment]: inner }), value);
}

function insertIntoContent(content: AST.TOMLContentNode, key: string, value: TomlValue, path: readonly string[]): TextChange {
  if (content.type === 'TOMLInlineTable') return insertItem(content, content.body, `${formatKey(key)} = ${formatValue(value)}`);
  if (content.type === 'TOMLArray' && key === String(content.elements.length)) {
    return insertItem(content, content.elements, formatValue(value));
  }
  throw unsafe(path, content.type === 'TOMLArray' ? 'it would leave a gap in a list' : 'a key above it is not a table');
}

function insertItem(
  content: AST.TOMLInlineTable | AST.TOMLArray,
  items: readonly { readonly range: AST.TOMLContentNode['range'] }[],
  item: string,
): TextChange {
  const last = items.at(-1);
  if (last !== undefined) return { start: last.range[1], end: last.range[1], inserted: `, ${item}` };
  const start = content.range[0] + 1;
  if (content.type === 'TOMLArray') return { start, end: start, inserted: item };
  return { start, end: content.range[1] - 1, inserted: ` ${item} ` };
}

function insertBesideDotted(context: EditContext, last: KeyEntry, path: readonly string[], value: TomlValue): TextChange {
  const pair = `${formatKeyPath(path.slice(last.ownerPath.length))} = ${formatValue(value)}`;
  if (last.owner.type === 'TOMLInlineTable') return { start: last.node.range[1], end: last.node.range[1], inserted: `, ${pair}` };
  return lineBehind(context, last.node, pair);
}

function insertIntoTable(
  context: EditContext,
  table: { readonly owner: AST.TOMLTopLevelTable | AST.TOMLTable; readonly path: readonly string[] },
  key: string,
  value: TomlValue,
): TextChange {
  const path = [...table.path, key];
  const blocks = tableItems(value);
  const change = blocks === undefined ? undefined : appendBlocks(context, path, blocks, Array.isArray(value));
  if (change !== undefined) return change;
  const pair = `${formatKey(key)} = ${formatValue(value)}`;
  const last = table.owner.body.findLast((node) => node.type === 'TOMLKeyValue');
  if (last !== undefined) return lineBehind(context, last, pair);
  if (table.owner.type === 'TOMLTable') return lineBehind(context, table.owner, pair);
  return insertFirstRootKey(context, pair);
}

/** A root key must stand before the first header, but not between that header and the comment that belongs to it. */
function insertFirstRootKey({ text, eol, index }: EditContext, pair: string): TextChange {
  const header = index.headers[0];
  if (header !== undefined) {
    const start = attachedCommentStart(text, header.node.range[0]);
    return { start, end: start, inserted: `${pair}${eol}${eol}` };
  }
  return { start: text.length, end: text.length, inserted: `${missingNewline(text, text.length, eol)}${pair}${eol}` };
}

function lineBehind({ text, eol }: EditContext, node: AST.TOMLKeyValue | AST.TOMLTable, pair: string): TextChange {
  const start = lineEnd(text, node.range[1]);
  const indent = indentAt(text, node.range[0]);
  return { start, end: start, inserted: `${missingNewline(text, start, eol)}${indent}${pair}${eol}` };
}

/** The values that want a header of their own, or `undefined` when the value is written on one line. */
function tableItems(value: TomlValue): readonly { readonly [key: string]: TomlValue }[] | undefined {
  if (isTableValue(value)) return [value];
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const items: readonly TomlValue[] = value;
  return items.every(isTableValue) ? items : undefined;
}

function appendBlocks(
  context: EditContext,
  path: readonly string[],
  values: readonly { readonly [key: string]: TomlValue }[],
  array: boolean,
): TextChange | undefined {
  const { text, eol, index } = context;
  const header = headerPathAtEnd(index, path);
  if (header === undefined) return undefined;
  const blocks = values.map((value) => formatBlock(header, value, { eol, array })).join(eol);
  const gap = text.trim() === '' || /\n[ \t]*\r?\n$/.test(text) ? '' : eol;
  return { start: text.length, end: text.length, inserted: `${missingNewline(text, text.length, eol)}${gap}${blocks}` };
}

/** Gives a header to a table that so far only had sub-tables, in front of the first of them. */
function insertSuperHeader(context: EditContext, path: readonly string[], key: string, value: TomlValue): TextChange {
  const first = context.index.headers.find((entry) => startsWith(entry.path, path));
  if (first === undefined) throw unsafe(path, 'its table was not found');
  const start = lineStart(context.text, first.node.range[0]);
  const header = `[${formatKeyPath(headerPathOf(context.index, path))}]`;
  return { start, end: start, inserted: `${header}${context.eol}${formatKey(key)} = ${formatValue(value)}${context.eol}` };
}
