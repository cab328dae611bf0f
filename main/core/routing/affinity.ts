import type { EndpointKey } from '../../../shared/domain/endpoint.js';
import type { AffinityRecord } from '../../../shared/domain/routing.js';

/**
 * The binding after a success at `endpoint`: the same target keeps its age and reason, another one starts anew. A reason
 * that begins with `failover` marks a binding that failback may undo.
 */
export function bindAffinity(
  previous: AffinityRecord | undefined,
  endpoint: EndpointKey,
  nowMs: number,
  reason?: string,
): AffinityRecord {
  if (previous?.endpoint === endpoint) return { ...previous, lastUsedAtMs: nowMs };
  const why = reason ?? (previous === undefined ? 'first_success' : 'target_changed');
  return { endpoint, boundAtMs: nowMs, lastUsedAtMs: nowMs, reason: why };
}

/** True when the session was moved here because its former endpoint failed. */
export function isFailoverBinding(record: AffinityRecord): boolean {
  return record.reason.startsWith('failover');
}

/** The reason to record when a turn succeeded after earlier attempts of it failed. */
export function failoverReason(failure: { readonly status: number | undefined; readonly class: string }): string {
  return failure.status !== undefined && failure.status >= 400
    ? `failover_after_status_${failure.status}`
    : `failover_after_${failure.class}`;
}
