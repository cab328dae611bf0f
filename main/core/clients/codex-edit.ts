import type { CodexPatchForm, ConfigEdit } from '../../../shared/control/contract.js';
import { byteOrderMark, lineEnding, parseTomlDocument, type TomlTable } from '../io/toml-document.js';
import { editToml, type TextSplice } from '../io/toml-edit.js';
import { hasValue, valueAt } from '../io/toml-model.js';
import { definitionLineStart, valueTextAt } from '../io/toml-raw.js';
import { createSpliceBuffer } from '../io/toml-splice.js';

/** The one provider id for ever: Codex binds threads to it and refuses to resume them without it. */
export const codexProviderId = 'switchyard';
/** The comment beside our edits; it is how they are recognised when the journal is lost. */
export const codexPatchComment = '# Written by Switchyard. To undo: switchyard codex off (no running relay needed)';
/** Path of our provider table. */
export const codexProviderPath = ['model_providers', codexProviderId] as const;

/** One key we set: what we wrote and what was written there before, as source text. */
export interface PatchClaim {
  readonly path: readonly string[];
  readonly ours: string | number | boolean;
  /** `null` when the key did not exist. */
  readonly beforeText: string | null;
}

/** What the patch should be. */
export interface PatchWish {
  readonly form: CodexPatchForm;
  /** Address of the relay without `/v1`. */
  readonly baseUrl: string;
  /** Codex has a login of its own, which it may then send along. */
  readonly loggedIn: boolean;
}

/** A patched text and everything needed to undo it. */
export interface PatchedText {
  readonly text: string;
  readonly splices: readonly TextSplice[];
  readonly claims: readonly PatchClaim[];
}

/** Parses a Codex config. @throws SwitchyardError CONFIG_SYNTAX */
export function parseCodexConfig(text: string, file = ''): TomlTable {
  return parseTomlDocument(text.slice(byteOrderMark(text).length), file).value;
}

/** Patches an unpatched text. @throws SwitchyardError CONFIG_SYNTAX, CLIENT_EDIT_UNSAFE */
export function patchCodexConfig(text: string, wish: PatchWish, file = ''): PatchedText {
  const before = parseCodexConfig(text, file);
  const claims = claimsOf(before, text, wish);
  const hadTable = valueAt(before, codexProviderPath) !== undefined;
  const edits = hadTable || wish.form === 'native' ? claims.map(setClaim) : editsWithNewTable(claims);
  const edited = editToml(text, edits, file);
  const buffer = createSpliceBuffer(text);
  for (const { at, removed, inserted } of edited.splices.toReversed()) buffer.replace(at, at + removed.length, inserted);

  const anchors: (readonly string[])[] = [wish.form === 'native' ? ['openai_base_url'] : ['model_provider']];
  if (wish.form === 'provider' && !hadTable) anchors.push(codexProviderPath);
  const eol = lineEnding(text);
  for (const anchor of anchors) {
    const at = definitionLineStart(buffer.text(), anchor);
    if (at !== undefined) buffer.replace(at, at, `${codexPatchComment}${eol}`);
  }
  parseCodexConfig(buffer.text());
  return { text: buffer.text(), splices: buffer.splices(), claims };
}

/** The `base_url` Codex needs for a relay address. */
export function codexBaseUrl(baseUrl: string): string {
  const trimmed = baseUrl.replace(/\/+$/, '');
  return trimmed.endsWith('/v1') ? trimmed : `${trimmed}/v1`;
}

/** True for a URL that can only mean this machine. */
export function isLoopbackUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { hostname } = new URL(value);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

function claimsOf(before: TomlTable, text: string, wish: PatchWish): readonly PatchClaim[] {
  const claim = (path: readonly string[], ours: PatchClaim['ours']): PatchClaim => ({
    path,
    ours,
    beforeText: valueTextAt(text, path) ?? null,
  });
  const url = codexBaseUrl(wish.baseUrl);
  if (wish.form === 'native') {
    const provider = valueAt(before, ['model_provider']);
    const detour = provider !== undefined && provider !== 'openai';
    return [claim(['openai_base_url'], url), ...(detour ? [claim(['model_provider'], 'openai')] : [])];
  }
  const inTable = (key: string, ours: PatchClaim['ours']): PatchClaim => claim([...codexProviderPath, key], ours);
  const hasRetries = valueAt(before, [...codexProviderPath, 'request_max_retries']) !== undefined;
  return [
    claim(['model_provider'], codexProviderId),
    inTable('name', 'Switchyard'),
    inTable('base_url', url),
    inTable('wire_api', 'responses'),
    // Codex would multiply our own retries; a number the user chose stays.
    ...(hasRetries ? [] : [inTable('request_max_retries', 0)]),
    ...(wish.loggedIn ? [inTable('requires_openai_auth', true)] : []),
  ];
}

function setClaim({ path, ours }: PatchClaim): ConfigEdit {
  return { op: 'set', path: [...path], value: ours };
}

function editsWithNewTable(claims: readonly PatchClaim[]): readonly ConfigEdit[] {
  const members = claims.filter(({ path }) => path.length > 1).map(({ path, ours }) => [path.at(-1) ?? '', ours] as const);
  return [
    ...claims.filter(({ path }) => path.length === 1).map(setClaim),
    { op: 'set', path: [...codexProviderPath], value: Object.fromEntries(members) },
  ];
}

/** True while the file still says what we wrote. */
export function isClaimHeld(document: TomlTable, claim: PatchClaim): boolean {
  return hasValue(document, claim.path, claim.ours);
}
