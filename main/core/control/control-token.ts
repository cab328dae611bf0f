import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_TOKEN_FILE } from '../../../shared/control/host-record.js';
import { writeFileAtomic } from '../io/atomic-write.js';
import type { Paths } from '../ports.js';

const TOKEN_BYTES = 32;
/** 32 bytes as base64url without padding. */
const TOKEN_SHAPE = /^[A-Za-z0-9_-]{43}$/;

/**
 * The token that opens the control contract of a home; made at first use, kept over restarts, readable to its owner only.
 * A damaged file is replaced and loose permissions are closed. @throws SwitchyardError STORAGE_WRITE_FAILED
 */
export async function loadControlToken(paths: Pick<Paths, 'runDir'>): Promise<string> {
  const file = join(paths.runDir, CONTROL_TOKEN_FILE);
  const known = (await readFile(file, 'utf8').catch(() => '')).trim();
  if (!TOKEN_SHAPE.test(known)) return await makeToken(file, paths.runDir);
  const { mode } = await stat(file);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) await chmod(file, 0o600);
  return known;
}

async function makeToken(file: string, runDir: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  await writeFileAtomic(file, `${token}\n`, { mode: 0o600 });
  // An existing file keeps its mode through the write, and that may be too open.
  if (process.platform !== 'win32') await chmod(file, 0o600);
  return token;
}
