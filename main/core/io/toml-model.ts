import { isDeepStrictEqual } from 'node:util';
import type { ConfigEdit, TomlValue } from '../../../shared/control/contract.js';
import type { TomlTable } from './toml-document.js';
import { isTableValue } from './toml-format.js';

/** True when `after` is `before` with exactly this edit applied; tables left empty by a removal may vanish with it. */
export function isEditOf(before: TomlTable, after: TomlTable, edit: ConfigEdit): boolean {
  if (edit.op === 'set') return isDeepStrictEqual(after, setAt(before, edit.path, readBack(edit.value)));
  let expected: unknown = removeAt(before, edit.path);
  for (let length = edit.path.length - 1; length >= 0; length -= 1) {
    if (isDeepStrictEqual(after, expected)) return true;
    const parent = edit.path.slice(0, length);
    if (length === 0 || !isEmpty(valueAt(expected, parent))) return false;
    expected = removeAt(expected, parent);
  }
  return false;
}

/** True when the document already has this very value at the path. */
export function hasValue(document: TomlTable, path: readonly string[], value: TomlValue): boolean {
  return isDeepStrictEqual(valueAt(document, path), readBack(value));
}

/** The value at a path, `undefined` where there is none; array indexes are decimal segments. */
export function valueAt(container: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((current, segment) => {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined;
    return Object.entries(current).find(([key]) => key === segment)?.[1];
  }, container);
}

/** What a parser returns for a value we write: safe integers as bigint. */
function readBack(value: TomlValue): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object') return value;
  if (isTableValue(value)) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, readBack(member)]));
  return value.map(readBack);
}

function setAt(container: unknown, path: readonly string[], value: unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return value;
  if (Array.isArray(container) || (container === undefined && segment === '0')) {
    const items = Array.isArray(container) ? container.map((item: unknown) => item) : [];
    items[Number(segment)] = setAt(items[Number(segment)], rest, value);
    return items;
  }
  const entries = isContainer(container) ? Object.entries(container) : [];
  const old = entries.find(([key]) => key === segment)?.[1] as unknown;
  return Object.fromEntries([...entries.filter(([key]) => key !== segment), [segment, setAt(old, rest, value)]]);
}

function removeAt(container: unknown, path: readonly string[]): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined || !isContainer(container)) return container;
  if (Array.isArray(container)) {
    if (rest.length === 0) return container.filter((_, index) => String(index) !== segment);
    return container.map((item: unknown, index) => (String(index) === segment ? removeAt(item, rest) : item));
  }
  const entries = Object.entries(container);
  if (rest.length === 0) return Object.fromEntries(entries.filter(([key]) => key !== segment));
  return Object.fromEntries(entries.map(([key, member]) => [key, key === segment ? removeAt(member, rest) : member]));
}

function isEmpty(value: unknown): boolean {
  return isContainer(value) && Object.keys(value).length === 0;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Date);
}
