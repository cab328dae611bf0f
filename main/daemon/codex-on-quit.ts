import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Control } from '../../shared/control/contract.js';
import { writeFileAtomic } from '../core/io/atomic-write.js';
import type { Ports } from '../core/ports.js';

const noteSchema = z.object({ form: z.enum(['native', 'provider']) });

/** What quitting and starting do to the Codex patch. */
export interface CodexOnQuit {
  /** Gives Codex its own config back, and notes that the next start shall patch it again. */
  restore(): Promise<'restored' | 'not-ours'>;
  /** Patches Codex again when the last quit took a patch away; says whether it did. */
  resume(): Promise<boolean>;
  /** The user decided anew: what the last quit noted no longer counts. */
  forget(): Promise<void>;
}

/** Keeps the user's choice "Codex goes through Switchyard" across quits that restore Codex's config. */
export function createCodexOnQuit(ports: Ports, control: Control, ownPort: () => number | undefined): CodexOnQuit {
  const noteFile = join(ports.paths.stateDir, 'codex-resume.json');
  const forget = (): Promise<void> => rm(noteFile, { force: true });
  return {
    forget,
    async restore() {
      const status = await control.call('codex.status', {});
      if ((status.state !== 'on' && status.state !== 'foreign-edit') || !pointsAt(status.baseUrl, ownPort())) return 'not-ours';
      await mkdir(ports.paths.stateDir, { recursive: true, mode: 0o700 });
      await writeFileAtomic(noteFile, `${JSON.stringify({ form: status.form ?? 'native' })}\n`);
      await control.call('codex.off', {});
      return 'restored';
    },
    async resume() {
      const note = noteSchema.safeParse(await readJson(noteFile));
      if (!note.success) return false;
      await control.call('codex.on', { form: note.data.form });
      await forget();
      return true;
    },
  };
}

// A patch that leads to another port belongs to another relay, perhaps another home: not ours to undo.
function pointsAt(baseUrl: string | null, port: number | undefined): boolean {
  if (baseUrl === null || port === undefined || !URL.canParse(baseUrl)) return false;
  return Number(new URL(baseUrl).port || '80') === port;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}
