import type { DoctorCheck } from '../../../shared/control/contract.js';

/** A check that found nothing wrong. */
export function ok(id: string, message: string): DoctorCheck {
  return { id, status: 'ok', message };
}

/** Something worth knowing; the command is optional. */
export function info(id: string, message: string, repair?: string): DoctorCheck {
  return repair === undefined ? { id, status: 'info', message } : { id, status: 'info', message, repair };
}

/** Something that works badly or not for long, and the command that repairs it. */
export function warn(id: string, message: string, repair: string): DoctorCheck {
  return { id, status: 'warn', message, repair };
}

/** Something that does not work, and the command that repairs it. */
export function fail(id: string, message: string, repair: string): DoctorCheck {
  return { id, status: 'fail', message, repair };
}

/** A word for the shell of the platform, quoted where needed. */
export function shellWord(word: string, platform: NodeJS.Platform): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return platform === 'win32' ? `"${word.replaceAll('"', '')}"` : `'${word.replaceAll("'", `'\\''`)}'`;
}
