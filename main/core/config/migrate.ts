import { CONFIG_VERSION } from '../../../shared/config/schema.js';
import { doubtful, type ProblemDraft } from './config-problem.js';

/** What the version of a file means for how it is opened. */
export interface VersionReading {
  /** Written by a newer program: read as far as it is understood, never written. */
  readonly readOnly: boolean;
  readonly problems: readonly ProblemDraft[];
}

/**
 * Judges the `version` of a parsed file. Version 1 is the first, so there is nothing to convert yet; the conversion of an
 * older form into the current one belongs here, on the parsed value, before the schema sees it.
 */
export function readVersion(raw: Readonly<Record<string, unknown>>): VersionReading {
  const version = raw['version'];
  const newer = typeof version === 'number' && Number.isInteger(version) && version > CONFIG_VERSION;
  if (!newer) return { readOnly: false, problems: [] };
  const foreign = !('providers' in raw) && ('codex' in raw || 'claude' in raw);
  const message = foreign
    ? 'This looks like a codex-helper file. Move it away and bring it in with `switchyard config import codex-helper --from <file>`; it is opened read-only.'
    : `This file has version ${String(version)} and this program knows ${String(CONFIG_VERSION)}: it is opened read-only and what is not understood is left out.`;
  return { readOnly: true, problems: [{ ...doubtful(['version'], message), code: 'CONFIG_READ_ONLY' }] };
}
