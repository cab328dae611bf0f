import type { ConfigEdit } from '../../../shared/control/contract.js';

/** One stretch of text that an edit put in place of another; offsets count UTF-16 units in the text before the edit. */
export interface TextSplice {
  readonly at: number;
  readonly removed: string;
  readonly inserted: string;
}

/** A document before and after edits. */
export interface TomlEditResult {
  readonly text: string;
  /** In ascending order, not overlapping; applying them to the old text gives the new one. */
  readonly splices: readonly TextSplice[];
}

/** Signature of {@link editToml}: keeps comments, order, line endings, BOM and every byte it does not change. */
export type EditToml = (text: string, edits: readonly ConfigEdit[]) => TomlEditResult;
