import type { ErrorCode } from './codes.js';

/** The exit code of a command that ended with this error: 1 failed, 2 wrong usage, 3 not running, 70 a bug of ours. */
export function exitCodeFor(code: ErrorCode): 1 | 2 | 3 | 70 {
  switch (code) {
    case 'HOST_BAD_USAGE':
    case 'CONTROL_BAD_REQUEST':
      return 2;
    case 'CONTROL_NOT_RUNNING':
      return 3;
    case 'BUG_UNEXPECTED':
      return 70;
    default:
      return 1;
  }
}
