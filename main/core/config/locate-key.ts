import { parseTOML, type AST } from 'toml-eslint-parser';
import type { KeyPath } from './config-problem.js';

/** A place in a text; both count from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** Finds where a key is written; for a key that is not there, where its nearest parent is. */
export type KeyLocator = (path: KeyPath) => TextPosition | undefined;

/** Reads a valid TOML text once, at the first question, and then says where its keys are. */
export function createKeyLocator(text: string): KeyLocator {
  let known: ReadonlyMap<string, TextPosition> | undefined;
  return (path) => {
    known ??= collectPositions(text);
    for (let length = path.length; length > 0; length -= 1) {
      const position = known.get(identity(path.slice(0, length)));
      if (position) return position;
    }
    return undefined;
  };
}

function identity(path: KeyPath): string {
  return JSON.stringify(path);
}

function collectPositions(text: string): ReadonlyMap<string, TextPosition> {
  const positions = new Map<string, TextPosition>();
  try {
    const program = parseTOML(text.replace(/^\uFEFF/, ''), { tomlVersion: 'latest' });
    for (const node of program.body[0].body) {
      if (node.type === 'TOMLTable') collectTable(node, positions);
      else collectPair(node, [], positions);
    }
  } catch {
    // The other parser accepted the text; a problem without a place is better than none.
  }
  return positions;
}

function collectTable(table: AST.TOMLTable, positions: Map<string, TextPosition>): void {
  let written = -1;
  table.resolvedKey.forEach((part, index) => {
    if (typeof part === 'string') written += 1;
    remember(table.resolvedKey.slice(0, index + 1), table.key.keys[written], positions);
  });
  for (const pair of table.body) collectPair(pair, table.resolvedKey, positions);
}

function collectPair(pair: AST.TOMLKeyValue, parent: KeyPath, positions: Map<string, TextPosition>): void {
  let path = parent;
  for (const key of pair.key.keys) {
    path = [...path, key.type === 'TOMLBare' ? key.name : key.value];
    remember(path, key, positions);
  }
  collectValue(pair.value, path, positions);
}

function collectValue(value: AST.TOMLContentNode, path: KeyPath, positions: Map<string, TextPosition>): void {
  if (value.type === 'TOMLInlineTable') for (const pair of value.body) collectPair(pair, path, positions);
  if (value.type !== 'TOMLArray') return;
  value.elements.forEach((element, index) => {
    remember([...path, index], element, positions);
    collectValue(element, [...path, index], positions);
  });
}

function remember(path: KeyPath, node: AST.TOMLNode | undefined, positions: Map<string, TextPosition>): void {
  const id = identity(path);
  if (node && !positions.has(id)) positions.set(id, { line: node.loc.start.line, column: node.loc.start.column + 1 });
}
