import { SwitchyardError } from '../../../../shared/errors/switchyard-error.js';

const MIB = 1024 * 1024;

/** Says that a body is over the limit; `what` names which body. */
export function bodyTooLarge(what: 'request' | 'decoded', limitBytes: number): SwitchyardError {
  const limit = Number((limitBytes / MIB).toFixed(2));
  return new SwitchyardError('INGRESS_BODY_TOO_LARGE', `The ${what} body is larger than ${limit} MiB.`);
}
