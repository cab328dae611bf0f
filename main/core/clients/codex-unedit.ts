import { isDeepStrictEqual } from 'node:util';
import type { ConfigEdit } from '../../../shared/control/contract.js';
import { byteOrderMark, type TomlTable } from '../io/toml-document.js';
import { editToml, type TextSplice } from '../io/toml-edit.js';
import { lineEnd, lineStart } from '../io/toml-lines.js';
import { valueAt } from '../io/toml-model.js';
import { commentRanges, definitionLineStart, replaceValueText } from '../io/toml-raw.js';
import {
  codexProviderId,
  codexProviderPath,
  isClaimHeld,
  isLoopbackUrl,
  parseCodexConfig,
  type PatchClaim,
} from './codex-edit.js';

/** A text without our edit. */
export interface UnpatchedText {
  readonly text: string;
  /** Keys in our provider table that are not ours; the table stays then, or Codex would refuse the file. */
  readonly keptKeys: readonly string[];
}

const commentPattern = /^# Written by Switchyard\. To undo: switchyard codex off/;

/**
 * Takes our keys out of a text that others edited since: keys that still hold our value get their old text back, keys changed
 * meanwhile are left alone. With the splices of the patch, line gaps and comments come back as they were where possible.
 * @throws SwitchyardError CONFIG_SYNTAX, CLIENT_EDIT_UNSAFE
 */
export function unpatchCodexConfig(
  text: string,
  claims: readonly PatchClaim[],
  splices: readonly TextSplice[],
  file = '',
): UnpatchedText {
  parseCodexConfig(text, file);
  let best = removeClaims(text, claims);
  const wanted = parseCodexConfig(best.text);
  let source = text;
  for (const splice of splices) {
    const candidate = splice.removed === '' ? cutUnique(source, splice.inserted) : undefined;
    const result = candidate === undefined ? undefined : tryRemoveClaims(candidate, claims);
    if (candidate === undefined || result === undefined || !isDeepStrictEqual(parseCodexConfig(result.text), wanted)) continue;
    source = candidate;
    best = { text: result.text, keptKeys: best.keptKeys };
  }
  return best;
}

/**
 * Our keys in a text nobody kept a journal of: the provider id with a loopback address (or with no table at all, which Codex
 * could not load), and a loopback `openai_base_url` under our comment. @throws SwitchyardError CONFIG_SYNTAX
 */
export function recogniseClaims(text: string, file = ''): readonly PatchClaim[] {
  const document = parseCodexConfig(text, file);
  const claims: PatchClaim[] = [];
  const table = valueAt(document, codexProviderPath);
  const baseUrl = valueAt(document, [...codexProviderPath, 'base_url']);
  if (valueAt(document, ['model_provider']) === codexProviderId && (table === undefined || isLoopbackUrl(baseUrl))) {
    claims.push({ path: ['model_provider'], ours: codexProviderId, beforeText: null });
  }
  if (isLoopbackUrl(baseUrl)) {
    const ours = {
      name: 'Switchyard',
      base_url: baseUrl,
      wire_api: 'responses',
      request_max_retries: 0,
      requires_openai_auth: true,
    };
    const inTable = Object.entries(ours).map(([key, value]) => ({
      path: [...codexProviderPath, key],
      ours: value,
      beforeText: null,
    }));
    claims.push(...inTable.filter((claim) => isClaimHeld(document, claim)));
  }
  const nativeUrl = valueAt(document, ['openai_base_url']);
  if (isLoopbackUrl(nativeUrl) && isUnderOurComment(text, ['openai_base_url'])) {
    claims.push({ path: ['openai_base_url'], ours: nativeUrl, beforeText: null });
  }
  return claims;
}

function removeClaims(text: string, claims: readonly PatchClaim[]): UnpatchedText {
  const document = parseCodexConfig(text);
  const held = claims.filter((claim) => isClaimHeld(document, claim));
  const keptKeys = foreignTableKeys(document, claims, held);
  const table = held.filter(({ path }) => path.length > 1);
  const isOurTable = table.length > 0 && claims.every(({ path, beforeText }) => path.length === 1 || beforeText === null);
  // What Codex needs to load the table stays as long as somebody else's keys are in it.
  const needed = isOurTable && keptKeys.length > 0 ? ['name', 'base_url', 'wire_api'] : [];
  const edits: ConfigEdit[] = held
    .filter(({ path, beforeText }) => beforeText === null && !(path.length > 1 && needed.includes(path.at(-1) ?? '')))
    .map(({ path }) => ({ op: 'remove', path: [...path] }));
  if (isOurTable && keptKeys.length === 0) edits.push({ op: 'remove', path: [...codexProviderPath] });

  let result = editToml(withoutOurComments(text), edits).text;
  for (const { path, beforeText } of held) {
    if (beforeText !== null) result = replaceValueText(result, path, beforeText);
  }
  return { text: result, keptKeys: isOurTable ? keptKeys : [] };
}

function tryRemoveClaims(text: string, claims: readonly PatchClaim[]): UnpatchedText | undefined {
  try {
    return removeClaims(text, claims);
  } catch {
    // A cut that leaves no valid file is simply not taken; the caller has a proven result already.
    return undefined;
  }
}

function foreignTableKeys(document: TomlTable, claims: readonly PatchClaim[], held: readonly PatchClaim[]): readonly string[] {
  const table = valueAt(document, codexProviderPath);
  if (typeof table !== 'object' || table === null || !claims.some(({ path }) => path.length > 1)) return [];
  return Object.keys(table).filter((key) => !held.some(({ path }) => path.length > 1 && path.at(-1) === key));
}

function withoutOurComments(text: string): string {
  let result = text;
  for (const { start, end } of commentRanges(text).toReversed()) {
    if (!commentPattern.test(result.slice(start, end))) continue;
    const line = Math.max(lineStart(result, start), byteOrderMark(result).length);
    const isWholeLine = result.slice(line, start).trim() === '';
    result = isWholeLine
      ? result.slice(0, line) + result.slice(lineEnd(result, start))
      : result.slice(0, start) + result.slice(end);
  }
  return result;
}

function cutUnique(text: string, part: string): string | undefined {
  const at = part.trim() === '' ? -1 : text.indexOf(part);
  if (at === -1 || text.includes(part, at + 1)) return undefined;
  return text.slice(0, at) + text.slice(at + part.length);
}

function isUnderOurComment(text: string, path: readonly string[]): boolean {
  const start = definitionLineStart(text, path);
  if (start === undefined || start === 0) return false;
  return commentPattern.test(text.slice(lineStart(text, start - 1), start).trim());
}
