import type { DoctorCheck } from '../../../shared/control/contract.js';
import type { Style } from './style.js';

/** Every check with its mark and, where something is to repair, the command to paste. */
export function doctorText(checks: readonly DoctorCheck[], style: Style): string {
  const lines = checks.flatMap((check) => [
    `${checkMark(check, style)} ${check.message}`,
    ...(check.repair === undefined ? [] : [`    ${style.cyan(check.repair)}`]),
  ]);
  return [...lines, '', doctorSummary(checks, style)].join('\n');
}

function checkMark(check: DoctorCheck, style: Style): string {
  switch (check.status) {
    case 'ok':
      return style.green('✓ ok  ');
    case 'info':
      return style.dim('· info');
    case 'warn':
      return style.yellow('! warn');
    case 'fail':
      return style.red('✗ fail');
  }
}

function doctorSummary(checks: readonly DoctorCheck[], style: Style): string {
  const failed = checks.filter((check) => check.status === 'fail').length;
  const warned = checks.filter((check) => check.status === 'warn').length;
  if (failed > 0) return style.red(`${failed} of ${checks.length} checks failed.`);
  return warned > 0 ? style.yellow(`All checks passed, ${warned} with a warning.`) : style.green('All checks passed.');
}
