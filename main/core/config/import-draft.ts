import type { TomlValue } from '../../../shared/control/contract.js';

/** A TOML table that is being put together. */
export type DraftTable = Record<string, TomlValue>;

/** What an import found, before anything is written; keys are taken out of the tables and kept apart. */
export interface ImportDraft {
  readonly providers: readonly { readonly name: string; readonly table: DraftTable }[];
  /** Single values outside the providers, such as `routing.active`. */
  readonly settings: readonly { readonly path: readonly string[]; readonly value: TomlValue }[];
  readonly routes: readonly DraftTable[];
  readonly filters: readonly DraftTable[];
  /** Values of the secrets that the tables name; never shown. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/** An import that found nothing. */
export const emptyDraft: ImportDraft = {
  providers: [],
  settings: [],
  routes: [],
  filters: [],
  secrets: [],
  skipped: [],
  warnings: [],
};

/** A foreign name in the form ours need, different from every name in `taken`; the result is added to `taken`. */
export function safeName(name: string, taken: Set<string>): string {
  const cleaned = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 56);
  const base = cleaned === '' ? 'provider' : cleaned;
  let result = base;
  for (let count = 2; taken.has(result); count += 1) result = `${base}-${String(count)}`;
  taken.add(result);
  return result;
}

/** A label that fits, or undefined when it would say no more than the name. */
export function labelFor(label: string | undefined, name: string): string | undefined {
  const trimmed = label?.trim().slice(0, 80) ?? '';
  return trimmed === '' || trimmed === name ? undefined : trimmed;
}
