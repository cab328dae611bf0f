import { open, rename, unlink } from 'node:fs/promises';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';

/** Writes a file only its owner may read, whole or not at all. @throws SwitchyardError STORAGE_WRITE_FAILED */
export async function writePrivateFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new SwitchyardError('STORAGE_WRITE_FAILED', `The file ${file} cannot be written.`, { path: file }, { cause: error });
  }
}
