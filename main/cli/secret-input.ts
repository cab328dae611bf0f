import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';

/** Reads a secret: everything piped into stdin, or a line typed without echo. @throws SwitchyardError HOST_BAD_USAGE when nothing came */
export async function readSecret(prompt: string, stdin: NodeJS.ReadStream, stderr: NodeJS.WriteStream): Promise<string> {
  const value = (stdin.isTTY ? await typeHidden(prompt, stdin, stderr) : await readPiped(stdin)).trim();
  if (value === '') throw new SwitchyardError('HOST_BAD_USAGE', 'No secret came on standard input.');
  if (/\p{Cc}/u.test(value))
    throw new SwitchyardError('HOST_BAD_USAGE', 'The secret must be one line without control characters.');
  return value;
}

async function readPiped(stdin: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

function typeHidden(prompt: string, stdin: NodeJS.ReadStream, stderr: NodeJS.WriteStream): Promise<string> {
  stderr.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    let typed = '';
    reader.once('line', (line) => {
      typed = line;
      reader.close();
    });
    reader.once('SIGINT', () => {
      reader.close();
      reject(new SwitchyardError('HOST_BAD_USAGE', 'Cancelled.'));
    });
    reader.once('close', () => {
      stderr.write('\n');
      resolve(typed);
    });
  });
}
