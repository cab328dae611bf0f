import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Paths } from '../ports.js';
import { writeFileAtomic } from '../io/atomic-write.js';

const kept = 10;
const pattern = /^config-\d{8}T\d{9}Z(-\d{3})?\.toml$/;

/** Keeps a copy of a config text, readable by its owner only, and deletes all but the newest ten; other files stay. */
export async function keepConfigBackup(
  text: string,
  { paths, clock }: { readonly paths: Paths; readonly clock: Clock },
): Promise<string> {
  await mkdir(paths.backupsDir, { recursive: true, mode: 0o700 });
  const present = (await readdir(paths.backupsDir)).filter((name) => pattern.test(name)).sort();
  const stamp = new Date(clock.now()).toISOString().replace(/[-:.]/g, '');
  const count = present.filter((name) => name.startsWith(`config-${stamp}`)).length;
  const name = `config-${stamp}-${String(count).padStart(3, '0')}.toml`;
  await writeFileAtomic(join(paths.backupsDir, name), text, { mode: 0o600 });
  const surplus = [...present, name].sort().slice(0, -kept);
  for (const old of surplus) await rm(join(paths.backupsDir, old), { force: true });
  return join(paths.backupsDir, name);
}
