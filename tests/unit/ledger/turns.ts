import type { AttemptRecord, TurnRecord } from '../../../shared/domain/turn-record.js';

/** A finished attempt with the given differences. */
export function anAttempt(overrides: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    endpoint: 'relay/default',
    provider: 'relay',
    level: 1,
    url: 'https://relay.example/v1/responses',
    model: 'gpt-5',
    started_ms: 0,
    duration_ms: 12,
    status: 200,
    outcome: 'success',
    next: 'delivered',
    ...overrides,
  };
}

/** A finished turn with the given differences. */
export function aTurn(overrides: Partial<TurnRecord> = {}): TurnRecord {
  return {
    timestamp_ms: 1_700_000_000_000,
    turn_id: 'turn-1',
    service: 'codex',
    protocol: 'responses',
    method: 'POST',
    path: '/v1/responses',
    status_code: 200,
    duration_ms: 40,
    config_name: 'relay',
    provider: 'relay',
    upstream_base_url: 'https://relay.example/v1',
    stream: true,
    request_bytes: 10,
    response_bytes: 20,
    end: 'completed',
    attempts: [anAttempt()],
    ...overrides,
  };
}
