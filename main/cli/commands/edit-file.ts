import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';

/** Opens a file in the user's editor and waits until it is closed. @throws SwitchyardError HOST_BAD_USAGE when no editor can be started */
export async function editFile(file: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const editor = [env['VISUAL'], env['EDITOR']].find((name) => name !== undefined && name.trim() !== '') ?? defaultEditor();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const code = await new Promise<number | undefined>((resolve) => {
    // EDITOR is a shell fragment by convention (`code --wait`); the path is passed beside it, never inside it.
    const child =
      process.platform === 'win32'
        ? spawn(`${editor} "${file}"`, { stdio: 'inherit', shell: true })
        : spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
    child.once('error', () => resolve(undefined));
    child.once('exit', (status) => resolve(status ?? undefined));
  });
  if (code !== 0)
    throw new SwitchyardError('HOST_BAD_USAGE', `The editor "${editor}" failed; set EDITOR to another one.`, {
      path: file,
      hints: ['EDITOR=nano switchyard config edit'],
    });
}

function defaultEditor(): string {
  return process.platform === 'win32' ? 'notepad' : 'vi';
}
