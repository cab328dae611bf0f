/** A table of a file somebody else's program wrote; nothing about it is certain. */
export type ForeignTable = Readonly<Record<string, unknown>>;

/** The value as a table; an empty one when it is something else. */
export function tableOf(value: unknown): ForeignTable {
  return isTable(value) ? value : {};
}

/** True for a plain table. */
export function isTable(value: unknown): value is ForeignTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The tables of an array; everything else in it is left out. */
export function tablesOf(value: unknown): readonly ForeignTable[] {
  return Array.isArray(value) ? value.filter(isTable) : [];
}

/** The strings of an array. */
export function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A string that is not blank, trimmed. */
export function textOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' ? undefined : text;
}

/** A finite number. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The string values of a table. */
export function textTableOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(tableOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** The value of a key under its snake_case name, its camelCase form, or one of its older names. */
export function pick(table: ForeignTable, ...names: readonly string[]): unknown {
  for (const name of names) {
    if (Object.hasOwn(table, name)) return table[name];
    const camel = name.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(table, camel)) return table[camel];
  }
  return undefined;
}

/** What is wrong with a URL as a base_url of ours; undefined when it can be used. */
export function baseUrlProblem(value: unknown): string | undefined {
  const url = textOf(value);
  if (url === undefined) return 'it has no base_url';
  if (!/^https?:\/\/\S+$/i.test(url) || !URL.canParse(url)) return 'its base_url is not an http or https URL';
  const parsed = new URL(url);
  if (parsed.search !== '' || url.includes('#')) return 'its base_url has a query or fragment, which is not supported';
  if (parsed.username !== '' || parsed.password !== '') return 'its base_url holds a user name or password';
  return undefined;
}
