import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorCode } from '../io/atomic-write.js';

/** A config file as it stands on disk; a missing one has an empty text. */
export interface FileText {
  readonly absent: boolean;
  readonly text: string;
  readonly sha256: string;
}

/** Reads a file without changing a byte of it. @throws SwitchyardError CLIENT_CONFIG_UNREADABLE */
export async function readFileText(path: string): Promise<FileText> {
  try {
    const bytes = await readFile(path);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { absent: false, text, sha256: sha256Of(bytes) };
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return absentFile;
    const reason = cause instanceof TypeError ? 'it is not valid UTF-8' : cause instanceof Error ? cause.message : String(cause);
    throw new SwitchyardError('CLIENT_CONFIG_UNREADABLE', `${path} cannot be read: ${reason}`, { path }, { cause });
  }
}

/** Content hash, in hex. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A file that is not there. */
export const absentFile: FileText = { absent: true, text: '', sha256: sha256Of('') };

/** A file with this text. */
export function fileTextOf(text: string): FileText {
  return { absent: false, text, sha256: sha256Of(text) };
}

/** True when both are missing or hold the same bytes. */
export function isSameFile(left: FileMark, right: FileMark): boolean {
  return left.absent === right.absent && left.sha256 === right.sha256;
}

/** What identifies a state of a file. */
export interface FileMark {
  readonly absent: boolean;
  readonly sha256: string;
}
