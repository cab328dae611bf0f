import { readFile } from 'node:fs/promises';
import type { CodexPatchForm } from '../../../shared/control/contract.js';
import { isSwitchyardError, SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { applySplices, invertSplices } from '../io/toml-splice.js';
import { valueAt } from '../io/toml-model.js';
import { codexBaseUrl, isClaimHeld, parseCodexConfig, patchCodexConfig, type PatchedText } from './codex-edit.js';
import { absentFile, fileTextOf, isSameFile, sha256Of, type FileText } from './codex-file.js';
import type { PatchRecord } from './codex-journal.js';
import { recogniseClaims, unpatchCodexConfig } from './codex-unedit.js';

/** The file as it is to be without our edit. */
export interface UndoPlan {
  readonly target: FileText;
  /** The very bytes from before the patch. */
  readonly isExact: boolean;
  /** Keys others put into our provider table, which therefore stays. */
  readonly keptKeys: readonly string[];
}

/** The file as it is to be with our edit. */
export interface ApplyPlan {
  readonly form: CodexPatchForm;
  readonly baseUrl: string;
  /** The file without our edit: what `off` has to give back. */
  readonly base: FileText;
  readonly patched: PatchedText;
  /** Our edit is already in the file as wanted. */
  readonly isDone: boolean;
}

/** What a patch is asked for. */
export interface ApplyRequest {
  readonly configFile: string;
  readonly form: CodexPatchForm | 'auto';
  readonly baseUrl: string;
  readonly loggedIn: boolean;
}

/** Works out how the file looks without our edit. @throws SwitchyardError CLIENT_CONFIG_UNREADABLE, CLIENT_EDIT_UNSAFE */
export async function planUndo(configFile: string, file: FileText, record: PatchRecord | null): Promise<UndoPlan> {
  if (file.absent) return { target: absentFile, isExact: true, keptKeys: [] };
  const exact = record === null ? undefined : await exactUndo(file, record);
  if (exact !== undefined) return { target: exact, isExact: true, keptKeys: [] };
  return namingTheFile(configFile, () => {
    const claims = record?.claims ?? recogniseClaims(file.text, configFile);
    const { text, keptKeys } = unpatchCodexConfig(file.text, claims, record?.splices ?? [], configFile);
    const isGone = record?.pre.absent === true && text.replace('\ufeff', '').trim() === '';
    return { target: isGone ? absentFile : fileTextOf(text), isExact: false, keptKeys };
  });
}

/** Works out how the file looks with our edit. @throws SwitchyardError CLIENT_CONFIG_UNREADABLE, CLIENT_EDIT_UNSAFE */
export async function planApply(file: FileText, record: PatchRecord | null, request: ApplyRequest): Promise<ApplyPlan> {
  const { target: base } = await planUndo(request.configFile, file, record);
  return namingTheFile(request.configFile, () => {
    const baseUrl = codexBaseUrl(request.baseUrl);
    const form = request.form === 'auto' ? chooseForm(base, request) : request.form;
    const patched = patchCodexConfig(base.text, { form, baseUrl, loggedIn: request.loggedIn }, request.configFile);
    return { form, baseUrl, base, patched, isDone: record !== null && isInPlace(file, record, patched) };
  });
}

/** Native keeps Codex's history under its own provider; it only fits who uses that provider with a login. */
function chooseForm(base: FileText, { configFile, loggedIn }: ApplyRequest): CodexPatchForm {
  const provider = valueAt(parseCodexConfig(base.text, configFile), ['model_provider']);
  return loggedIn && (provider === undefined || provider === 'openai') ? 'native' : 'provider';
}

/** Others may have edited around our keys; that is no reason to write the file again. */
function isInPlace(file: FileText, record: PatchRecord, patched: PatchedText): boolean {
  const document = parseCodexConfig(file.text);
  const names = (claims: PatchedText['claims']): string => JSON.stringify(claims.map(({ path }) => path));
  return names(record.claims) === names(patched.claims) && patched.claims.every((claim) => isClaimHeld(document, claim));
}

async function exactUndo(file: FileText, record: PatchRecord): Promise<FileText | undefined> {
  if (file.sha256 !== record.postSha256) return isSameFile(record.pre, file) ? file : undefined;
  if (record.pre.absent) return absentFile;
  const text = applySplices(file.text, invertSplices(record.splices));
  if (sha256Of(text) === record.pre.sha256) return fileTextOf(text);
  const copy = record.backup === null ? undefined : await readFile(record.backup, 'utf8').catch(() => undefined);
  return copy !== undefined && sha256Of(copy) === record.pre.sha256 ? fileTextOf(copy) : undefined;
}

function namingTheFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSwitchyardError(error) || error.code !== 'CONFIG_SYNTAX') throw error;
    throw new SwitchyardError('CLIENT_CONFIG_UNREADABLE', error.message, { ...error.details, path }, { cause: error });
  }
}
