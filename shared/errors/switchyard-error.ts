import { errorCodes, type ErrorCode, type ErrorCodeInfo } from './codes.js';

/** Where in a text file something is wrong; line and column count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Extra facts an error carries; everything here may be shown to the user, so never a secret. */
export interface ErrorDetails {
  readonly position?: SourcePosition;
  readonly path?: string;
  readonly retryAfterMs?: number;
  readonly hints?: readonly string[];
  readonly [key: string]: unknown;
}

/** The only error class that leaves a module: a code from the table, a sentence, and details safe to show. */
export class SwitchyardError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message?: string, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    super(message ?? errorCodes[code].summary, options);
    this.name = 'SwitchyardError';
    this.code = code;
    this.details = details;
  }

  /** The HTTP status this error has when it reaches a client; 500 where the table names none. */
  get status(): number {
    const info: ErrorCodeInfo = errorCodes[this.code];
    return info.status ?? 500;
  }
}

/** True for errors made by this product, whichever copy of the class made them. */
export function isSwitchyardError(value: unknown): value is SwitchyardError {
  return value instanceof Error && value.name === 'SwitchyardError' && 'code' in value;
}
