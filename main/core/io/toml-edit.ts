import type { ConfigEdit, TomlValue } from '../../../shared/control/contract.js';
import { assertNever } from '../../../shared/assert.js';
import { isSwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { byteOrderMark, lineEnding, parseTomlDocument, type TomlDocument } from './toml-document.js';
import { formatValue, isTableValue } from './toml-format.js';
import { findPlace, indexToml } from './toml-index.js';
import { insertValue, unsafe, type EditContext, type TextChange } from './toml-insert.js';
import { hasValue, isEditOf, valueAt } from './toml-model.js';
import { removalsAt } from './toml-remove.js';
import { createSpliceBuffer, type SpliceBuffer, type TextSplice } from './toml-splice.js';

export type { TextSplice } from './toml-splice.js';

/** A document before and after edits. */
export interface TomlEditResult {
  readonly text: string;
  /** In ascending order, not overlapping; applying them to the old text gives the new one. */
  readonly splices: readonly TextSplice[];
}

/** Where the edited text lives; the line ending is decided once so that edits do not change it. */
interface EditState {
  readonly buffer: SpliceBuffer;
  readonly bomLength: number;
  readonly eol: string;
}

/**
 * Applies edits one after the other, keeping comments, order, line endings, BOM and every byte it does not change, and proves
 * after each that the document means the old one plus that edit.
 * Array indexes are decimal path segments; the index behind the last one appends. `file` only names the file in errors.
 * @throws SwitchyardError CONFIG_SYNTAX when the text is not valid TOML 1.0, CLIENT_EDIT_UNSAFE when an edit cannot be proven
 */
export function editToml(text: string, edits: readonly ConfigEdit[], file = ''): TomlEditResult {
  const bomLength = byteOrderMark(text).length;
  const state: EditState = { buffer: createSpliceBuffer(text), bomLength, eol: lineEnding(text) };
  let document = parseTomlDocument(text.slice(bomLength), file);
  for (const edit of edits) document = applyEdit(state, document, edit);
  return { text: state.buffer.text(), splices: state.buffer.splices() };
}

function applyEdit(state: EditState, before: TomlDocument, edit: ConfigEdit): TomlDocument {
  const after = edit.op === 'set' ? setValue(state, before, edit.path, edit.value) : removeValue(state, before, edit.path);
  if (!isEditOf(before.value, after.value, edit)) throw unsafe(edit.path, 'the result would not be what was asked for');
  return after;
}

function setValue(state: EditState, before: TomlDocument, path: readonly string[], value: TomlValue): TomlDocument {
  if (hasValue(before.value, path, value)) return before;
  const context = contextOf(state, before);
  const place = findPlace(context.index, path);
  switch (place.kind) {
    case 'key':
      return change(state, path, [replaceContent(place.entry.node.value, value)]);
    case 'element':
      return change(state, path, [replaceContent(place.entry.node, value)]);
    case 'missing':
      return change(state, path, [insertValue(context, path, value)]);
    case 'table':
    case 'dotted':
    case 'super':
    case 'table-array': {
      const merged = isTableValue(value) && place.kind !== 'table-array' ? mergeTable(state, before, path, value) : before;
      if (hasValue(merged.value, path, value)) return merged;
      const removed = removeValue(state, merged, path);
      return change(state, path, [insertValue(contextOf(state, removed), path, value)]);
    }
    default:
      return assertNever(place);
  }
}

/** Brings an existing table to a new value key by key, so that its comments and order stay. */
function mergeTable(
  state: EditState,
  before: TomlDocument,
  path: readonly string[],
  value: { readonly [key: string]: TomlValue },
): TomlDocument {
  const old = valueAt(before.value, path);
  const oldKeys = typeof old === 'object' && old !== null ? Object.keys(old) : [];
  let document = before;
  for (const key of oldKeys.filter((name) => !Object.hasOwn(value, name)))
    document = removeValue(state, document, [...path, key]);
  for (const [key, member] of Object.entries(value)) document = setValue(state, document, [...path, key], member);
  return document;
}

function removeValue(state: EditState, before: TomlDocument, path: readonly string[]): TomlDocument {
  return change(state, path, removalsAt(contextOf(state, before), path));
}

function replaceContent(node: { readonly range: readonly [number, number] }, value: TomlValue): TextChange {
  return { start: node.range[0], end: node.range[1], inserted: formatValue(value) };
}

function contextOf(state: EditState, document: TomlDocument): EditContext {
  return { text: document.text, eol: state.eol, index: indexToml(document.ast) };
}

/** Splices from the end on, so that earlier offsets stay right, and parses what came out. */
function change(state: EditState, path: readonly string[], changes: readonly TextChange[]): TomlDocument {
  for (const { start, end, inserted } of changes.toReversed()) {
    state.buffer.replace(start + state.bomLength, end + state.bomLength, inserted);
  }
  try {
    return parseTomlDocument(state.buffer.text().slice(state.bomLength));
  } catch (error) {
    if (isSwitchyardError(error)) throw unsafe(path, 'the result would not be valid TOML');
    throw error;
  }
}
