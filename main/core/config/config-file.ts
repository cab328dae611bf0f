import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorCode } from '../io/atomic-write.js';
import { decodeUtf8 } from './parse-toml.js';

/** The config file as found on disk. */
export interface ConfigFileContent {
  readonly exists: boolean;
  /** Undefined when the bytes are not UTF-8. */
  readonly text: string | undefined;
  /** Of the bytes; the same for a missing and an empty file. */
  readonly revision: string;
}

/** Reads the bytes; a missing file is an empty one. @throws SwitchyardError STORAGE_UNREADABLE */
export async function readConfigFile(file: string): Promise<ConfigFileContent> {
  try {
    const bytes = await readFile(file);
    return { exists: true, text: decodeUtf8(bytes), revision: revisionOf(bytes) };
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return { exists: false, text: '', revision: revisionOf('') };
    throw new SwitchyardError('STORAGE_UNREADABLE', `${file} cannot be read: ${errorCode(cause)}.`, { path: file }, { cause });
  }
}

/** The revision of a content: the first 16 hex digits of its SHA-256. */
export function revisionOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** Makes the folder of the config, for its owner only. @throws SwitchyardError STORAGE_WRITE_FAILED */
export async function makeHomeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new SwitchyardError('STORAGE_WRITE_FAILED', `The folder ${folder} cannot be made.`, { path: folder }, { cause });
  }
}
