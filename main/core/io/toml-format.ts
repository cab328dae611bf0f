import type { TomlValue } from '../../../shared/control/contract.js';

/** True for values written as a table: plain objects, not arrays. */
export function isTableValue(value: unknown): value is { readonly [key: string]: TomlValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** One key segment, quoted where TOML needs it. */
export function formatKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : formatString(key);
}

/** A dotted key. */
export function formatKeyPath(path: readonly string[]): string {
  return path.map(formatKey).join('.');
}

/** A value on one line, in TOML 1.0 (no newline and no trailing comma in inline tables). */
export function formatValue(value: TomlValue): string {
  if (typeof value === 'string') return formatString(value);
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'boolean') return String(value);
  if (isTableValue(value)) {
    const members = Object.entries(value).map(([key, member]) => `${formatKey(key)} = ${formatValue(member)}`);
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  }
  return `[${value.map(formatValue).join(', ')}]`;
}

/** A `[table]` or `[[table]]` with its keys, then its sub-tables; every line ends with `eol`. */
export function formatBlock(
  headerPath: readonly string[],
  value: { readonly [key: string]: TomlValue },
  options: { readonly eol: string; readonly array: boolean },
): string {
  const { eol, array } = options;
  const members = Object.entries(value);
  const only = members.length === 1 ? members[0] : undefined;
  // A table whose only member is a table needs no header of its own.
  if (!array && only !== undefined && isTableValue(only[1])) return formatBlock([...headerPath, only[0]], only[1], options);
  const header = array ? `[[${formatKeyPath(headerPath)}]]` : `[${formatKeyPath(headerPath)}]`;
  const lines = members
    .filter(([, member]) => !isTableValue(member))
    .map(([key, member]) => `${formatKey(key)} = ${formatValue(member)}${eol}`);
  const blocks = members.flatMap(([key, member]) =>
    isTableValue(member) ? [eol + formatBlock([...headerPath, key], member, { eol, array: false })] : [],
  );
  return `${header}${eol}${lines.join('')}${blocks.join('')}`;
}

/** JSON escapes are a subset of TOML's, except that TOML also wants DEL escaped. */
function formatString(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const digits = String(value);
  return Number.isSafeInteger(value) || /[.e]/.test(digits) ? digits : `${digits}.0`;
}
