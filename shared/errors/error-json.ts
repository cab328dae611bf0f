import { errorCodes, type ErrorCode } from './codes.js';
import { isSwitchyardError, SwitchyardError, type ErrorDetails } from './switchyard-error.js';

/** An error as programs read it: `--json`, one-shot calls. */
export interface ErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly details: ErrorDetails;
}

/** Describes any thrown value; what is not one of our errors becomes BUG_UNEXPECTED with its message. */
export function toErrorJson(error: unknown): ErrorJson {
  if (isSwitchyardError(error)) {
    return { code: error.code, message: error.message, remedy: errorCodes[error.code].remedy, details: error.details };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'BUG_UNEXPECTED', message, remedy: errorCodes.BUG_UNEXPECTED.remedy, details: {} };
}

/** Makes the error again from what {@link toErrorJson} wrote; anything else becomes BUG_UNEXPECTED. */
export function fromErrorJson(value: unknown): SwitchyardError {
  if (!isRecord(value) || typeof value['code'] !== 'string' || typeof value['message'] !== 'string') {
    return new SwitchyardError('BUG_UNEXPECTED', 'An error came in a form that is not ours.');
  }
  const { code, message } = value;
  const details: ErrorDetails = isRecord(value['details']) ? value['details'] : {};
  return isErrorCode(code)
    ? new SwitchyardError(code, message, details)
    : new SwitchyardError('BUG_UNEXPECTED', `${code}: ${message}`, details);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
