import type { CodexPatchForm, CodexPatchStatus } from '../../../shared/control/contract.js';
import { isSwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { TomlTable } from '../io/toml-document.js';
import { valueAt } from '../io/toml-model.js';
import { codexProviderId, codexProviderPath, isClaimHeld, parseCodexConfig, type PatchClaim } from './codex-edit.js';
import { isSameFile, type FileText } from './codex-file.js';
import type { JournalEntry, PatchRecord } from './codex-journal.js';
import { valueTextAt } from '../io/toml-raw.js';
import { recogniseClaims } from './codex-unedit.js';

/** What a config file says about our patch. */
export type PatchFinding = Pick<CodexPatchStatus, 'state' | 'form' | 'baseUrl' | 'message'>;

const recovery = 'To undo it: switchyard codex off';

/**
 * What a journal entry means for the file as it stands now: an intent that was written counts as done, one that was not
 * gives way to what it would have replaced, and `null` means there is nothing of ours to undo.
 */
export function settleEntry(entry: JournalEntry | null, file: FileText): PatchRecord | null {
  if (entry === null) return null;
  const { replaces, ...own } = entry;
  const records: readonly PatchRecord[] = replaces === null ? [own] : [own, replaces];
  const written = records.find((record) => !file.absent && record.postSha256 === file.sha256);
  if (written !== undefined) return { ...written, state: 'done' };
  if (file.absent || records.some((record) => isSameFile(record.pre, file))) return null;
  const document = tryParse(file.text);
  if (document === null) return { ...own, state: 'done' };
  const heldCount = (record: PatchRecord): number => record.claims.filter((claim) => isClaimHeld(document, claim)).length;
  const [best] = records.toSorted((left, right) => heldCount(right) - heldCount(left));
  if (best !== undefined && best.claims.some((claim) => claim.path.length === 1 && isClaimHeld(document, claim))) {
    return { ...best, state: 'done' };
  }
  return own.state === 'done' ? own : replaces;
}

/** Says in one word and in a sentence whether Codex goes through us. */
export function inspectPatch(configFile: string, file: FileText, record: PatchRecord | null): PatchFinding {
  if (record !== null && !file.absent && file.sha256 === record.postSha256) return findingOn(record.form, urlOf(record.claims));
  let document: TomlTable;
  try {
    document = parseCodexConfig(file.text, configFile);
  } catch (error) {
    if (!isSwitchyardError(error)) throw error;
    return { state: 'unreadable', form: null, baseUrl: null, message: error.message };
  }
  return record === null ? inspectUnknown(file.text, document) : inspectRecord(file.text, document, record);
}

function inspectRecord(text: string, document: TomlTable, record: PatchRecord): PatchFinding {
  const held = record.claims.filter((claim) => isClaimHeld(document, claim));
  const found = { form: record.form, baseUrl: urlOf(record.claims) };
  if (held.length === record.claims.length) return findingOn(record.form, found.baseUrl);
  const gone = record.claims.filter(({ path, beforeText }) => (valueTextAt(text, path) ?? null) === beforeText);
  if (gone.length === record.claims.length)
    return findingOff('The Codex config is not patched: somebody undid our edit by hand.');
  const missingTable = record.form === 'provider' && valueAt(document, codexProviderPath) === undefined;
  if (missingTable && valueAt(document, ['model_provider']) === codexProviderId) {
    return { ...found, state: 'broken', message: `Our provider table is missing, so Codex cannot load its config. ${recovery}` };
  }
  const changed = record.claims.filter((claim) => !held.includes(claim)).map((claim) => claim.path.join('.'));
  const message = `The Codex config was patched and then changed by someone else in: ${changed.join(', ')}. ${recovery}`;
  return { ...found, state: 'foreign-edit', message };
}

/** Without a journal the patch is known by its values. */
function inspectUnknown(text: string, document: TomlTable): PatchFinding {
  const claims = recogniseClaims(text);
  const baseUrl = urlOf(claims);
  const provider = claims.some(({ path }) => path.length === 1 && path[0] === 'model_provider');
  if (claims.some(({ path }) => path[0] === 'openai_base_url')) return findingOn('native', baseUrl);
  if (provider && baseUrl !== null) return findingOn('provider', baseUrl);
  if (provider) {
    const message = `model_provider names our provider, but its table is missing, so Codex cannot load its config. ${recovery}`;
    return { state: 'broken', form: 'provider', baseUrl: null, message };
  }
  const table = valueAt(document, codexProviderPath);
  const keys = typeof table === 'object' && table !== null ? Object.keys(table) : [];
  if (claims.length > 0 && claims.length === keys.length) {
    const message = `Our provider table is in the Codex config, but nothing uses it. To remove it: switchyard codex off`;
    return { state: 'broken', form: 'provider', baseUrl, message };
  }
  return findingOff('The Codex config is not patched.');
}

function findingOn(form: CodexPatchForm, baseUrl: string | null): PatchFinding {
  return {
    state: 'on',
    form,
    baseUrl,
    message: `Codex goes through Switchyard (${form} form, ${baseUrl ?? 'unknown address'}). ${recovery}`,
  };
}

function findingOff(message: string): PatchFinding {
  return { state: 'off', form: null, baseUrl: null, message };
}

function urlOf(claims: readonly PatchClaim[]): string | null {
  const claim = claims.find(({ path }) => path.at(-1) === 'openai_base_url' || path.at(-1) === 'base_url');
  return typeof claim?.ours === 'string' ? claim.ours : null;
}

function tryParse(text: string): TomlTable | null {
  try {
    return parseCodexConfig(text);
  } catch {
    return null;
  }
}
