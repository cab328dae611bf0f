import type { AST } from 'toml-eslint-parser';

/** Something that owns `key = value` pairs. */
export type TableOwner = AST.TOMLTopLevelTable | AST.TOMLTable | AST.TOMLInlineTable;

/** One `key = value`, with the path it defines. */
export interface KeyEntry {
  readonly path: readonly string[];
  readonly node: AST.TOMLKeyValue;
  readonly owner: TableOwner;
  readonly ownerPath: readonly string[];
}

/** One element of an inline array. */
export interface ElementEntry {
  readonly path: readonly string[];
  readonly node: AST.TOMLContentNode;
  readonly array: AST.TOMLArray;
}

/** One `[header]` or `[[header]]`; indexes of table arrays are decimal segments of the path. */
export interface HeaderEntry {
  readonly path: readonly string[];
  readonly node: AST.TOMLTable;
}

/** Everything a document defines, in the order it stands in the text. */
export interface TomlIndex {
  readonly root: AST.TOMLTopLevelTable;
  readonly keys: readonly KeyEntry[];
  readonly elements: readonly ElementEntry[];
  readonly headers: readonly HeaderEntry[];
}

/** What stands at a path. */
export type Place =
  | { readonly kind: 'key'; readonly entry: KeyEntry }
  | { readonly kind: 'element'; readonly entry: ElementEntry }
  /** The root or a table with a header. */
  | { readonly kind: 'table'; readonly owner: AST.TOMLTopLevelTable | AST.TOMLTable }
  /** A table that exists only through dotted keys. */
  | { readonly kind: 'dotted'; readonly last: KeyEntry }
  /** A table that exists only through headers below it. */
  | { readonly kind: 'super' }
  | { readonly kind: 'table-array'; readonly length: number }
  | { readonly kind: 'missing' };

/** Lists all definitions of a parsed document. */
export function indexToml(ast: AST.TOMLProgram): TomlIndex {
  const root = ast.body[0];
  const keys: KeyEntry[] = [];
  const elements: ElementEntry[] = [];
  const headers: HeaderEntry[] = [];

  const visitContent = (path: readonly string[], node: AST.TOMLContentNode): void => {
    if (node.type === 'TOMLInlineTable') node.body.forEach((member) => visitKey(path, member, node));
    if (node.type !== 'TOMLArray') return;
    node.elements.forEach((element, position) => {
      const elementPath = [...path, String(position)];
      elements.push({ path: elementPath, node: element, array: node });
      visitContent(elementPath, element);
    });
  };
  const visitKey = (ownerPath: readonly string[], node: AST.TOMLKeyValue, owner: TableOwner): void => {
    const path = [...ownerPath, ...node.key.keys.map(keyName)];
    keys.push({ path, node, owner, ownerPath });
    visitContent(path, node.value);
  };
  for (const node of root.body) {
    if (node.type === 'TOMLKeyValue') {
      visitKey([], node, root);
    } else {
      const path = node.resolvedKey.map(String);
      headers.push({ path, node });
      node.body.forEach((member) => visitKey(path, member, node));
    }
  }
  return { root, keys, elements, headers };
}

/** Finds what stands at a path. */
export function findPlace(index: TomlIndex, path: readonly string[]): Place {
  if (path.length === 0) return { kind: 'table', owner: index.root };
  const key = index.keys.find((entry) => samePath(entry.path, path));
  if (key !== undefined) return { kind: 'key', entry: key };
  const element = index.elements.find((entry) => samePath(entry.path, path));
  if (element !== undefined) return { kind: 'element', entry: element };
  const header = index.headers.find((entry) => samePath(entry.path, path));
  if (header !== undefined) return { kind: 'table', owner: header.node };
  const last = index.keys.findLast((entry) => startsWith(entry.path, path) && entry.ownerPath.length < path.length);
  if (last !== undefined) return { kind: 'dotted', last };
  const length = index.headers.filter(
    (entry) => entry.node.kind === 'array' && entry.path.length === path.length + 1 && startsWith(entry.path, path),
  ).length;
  if (length > 0) return { kind: 'table-array', length };
  return index.headers.some((entry) => startsWith(entry.path, path)) ? { kind: 'super' } : { kind: 'missing' };
}

/**
 * The dotted name a header of this path is written with, without array indexes; `undefined` when a header at the end of the
 * file would mean another element of a table array.
 */
export function headerPathAtEnd(index: TomlIndex, path: readonly string[]): readonly string[] | undefined {
  const header: string[] = [];
  for (const [position, segment] of path.entries()) {
    const place = findPlace(index, path.slice(0, position));
    if (place.kind !== 'table-array') header.push(segment);
    else if (segment !== String(place.length - 1)) return undefined;
  }
  return header;
}

/** The dotted name of a header of this path, without array indexes. */
export function headerPathOf(index: TomlIndex, path: readonly string[]): readonly string[] {
  return path.filter((_, position) => findPlace(index, path.slice(0, position)).kind !== 'table-array');
}

/** True when `path` is `prefix` or lies below it. */
export function startsWith(path: readonly string[], prefix: readonly string[]): boolean {
  return prefix.length <= path.length && prefix.every((segment, position) => path[position] === segment);
}

function samePath(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && startsWith(left, right);
}

function keyName(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === 'TOMLBare' ? key.name : key.value;
}
