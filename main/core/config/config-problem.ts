import type { ConfigProblem } from '../../../shared/domain/config-snapshot.js';
import type { ErrorCode } from '../../../shared/errors/codes.js';

/** A path of keys and array indexes from the root of the file. */
export type KeyPath = readonly (string | number)[];

/** A problem before its place in the text is known. */
export interface ProblemDraft {
  readonly severity: ConfigProblem['severity'];
  readonly code: ErrorCode;
  readonly path: KeyPath;
  readonly message: string;
}

/** An error draft of code CONFIG_INVALID. */
export function invalid(path: KeyPath, message: string): ProblemDraft {
  return { severity: 'error', code: 'CONFIG_INVALID', path, message };
}

/** A warning draft of code CONFIG_INVALID. */
export function doubtful(path: KeyPath, message: string): ProblemDraft {
  return { severity: 'warning', code: 'CONFIG_INVALID', path, message };
}

/** A key path as people write it: `providers.relay.level`, `routes[0].providers`, quoted where TOML needs quotes. */
export function showPath(path: KeyPath): string {
  return path.reduce<string>((shown, part) => {
    if (typeof part === 'number') return `${shown}[${String(part)}]`;
    const key = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part);
    return shown === '' ? key : `${shown}.${key}`;
  }, '');
}

/** A problem as one line for logs and error messages: file, line, column, key, message. */
export function showProblem(problem: ConfigProblem): string {
  const place = problem.position
    ? `${problem.position.file}:${String(problem.position.line)}:${String(problem.position.column)}: `
    : '';
  return `${place}${problem.key === '' ? '' : `${problem.key}: `}${problem.message}`;
}
