import type { ConfigProblem, ConfigStatus } from '../../../shared/domain/config-snapshot.js';
import type { Style } from './style.js';

/** One problem of the configuration with its place: `config.toml:3:5 error CONFIG_SYNTAX: …`. */
export function problemLine(problem: ConfigProblem, file: string, style: Style): string {
  const { position } = problem;
  const place = position === undefined ? file : `${position.file}:${position.line}:${position.column}`;
  const severity = problem.severity === 'error' ? style.red('error') : style.yellow('warning');
  // The message of a check often begins with the key already.
  const key = problem.key === '' || problem.message.includes(problem.key) ? '' : `${problem.key}: `;
  return `${place} ${severity} ${problem.code}: ${key}${problem.message}`;
}

/** The problems of a configuration, one per line; empty when there is none. */
export function problemLines(status: ConfigStatus, style: Style): readonly string[] {
  return status.problems.map((problem) => problemLine(problem, status.file, style));
}

/** True when the file on disk is not what is running. */
export function hasErrors(status: ConfigStatus): boolean {
  return status.problems.some((problem) => problem.severity === 'error');
}
