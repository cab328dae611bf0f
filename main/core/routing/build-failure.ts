import type { AttemptFailure } from '../../../shared/domain/routing.js';
import { maskSecrets } from './mask-secrets.js';

const MAX_BODY_HEAD = 8192;

type FailureFields = Partial<AttemptFailure> & Pick<AttemptFailure, 'class' | 'message'>;

/** A failure with the fields that most failures leave empty filled in. */
export function buildFailure(fields: FailureFields): AttemptFailure {
  return {
    kind: 'failure',
    status: undefined,
    code: undefined,
    retryAfterMs: undefined,
    model: undefined,
    reached: true,
    cfRay: undefined,
    ...fields,
    bodyHead: maskSecrets((fields.bodyHead ?? '').slice(0, MAX_BODY_HEAD)),
  };
}
