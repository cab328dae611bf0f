import { describe, expect, it } from 'vitest';
import type { AttemptRecord } from '../../../shared/domain/turn-record.js';
import { formatChain } from '../../../main/core/routing/attempt-chain.js';

const attempt = (fields: Partial<AttemptRecord> = {}): AttemptRecord => ({
  endpoint: 'relay/main',
  provider: 'relay',
  level: 1,
  url: 'https://relay.example/v1/responses',
  model: 'gpt-5.5',
  started_ms: 0,
  duration_ms: 1,
  outcome: 'failure',
  next: 'next',
  ...fields,
});

describe('formatChain', () => {
  it('writes status and class, retries under the same number, siblings under their own', () => {
    const lines = formatChain(
      [
        attempt({ status: 502, class: 'server_error', next: 'retry' }),
        attempt({ status: 502, class: 'server_error' }),
        attempt({ endpoint: 'relay/eu', status: 429, class: 'rate_limited' }),
        attempt({
          endpoint: 'other/main',
          provider: 'other',
          url: 'https://other.example',
          status: 200,
          outcome: 'success',
          next: 'delivered',
        }),
      ],
      [],
    );
    expect(lines).toEqual([
      'relay:https://relay.example/v1/responses (idx=0) status=502 class=server_error model=gpt-5.5',
      'relay:https://relay.example/v1/responses (idx=0) status=502 class=server_error model=gpt-5.5',
      'relay:https://relay.example/v1/responses (idx=1) status=429 class=rate_limited model=gpt-5.5',
      'other:https://other.example (idx=0) status=200 class=- model=gpt-5.5',
    ]);
  });

  it('writes transport errors, aborts, full endpoints and mapped models on one line each', () => {
    const lines = formatChain(
      [
        attempt({ message: 'connection\nrefused', class: 'transport', model: 'v/gpt-5.5' }),
        attempt({ outcome: 'busy' }),
        attempt({ outcome: 'aborted', next: 'end' }),
        attempt({ model: undefined, message: undefined, next: 'retry' }),
      ],
      [],
      'gpt-5.5',
    );
    expect(lines).toEqual([
      'relay:https://relay.example/v1/responses (idx=0) transport_error=connection refused model=gpt-5.5->v/gpt-5.5',
      'relay:https://relay.example/v1/responses (idx=0) skipped_concurrency_saturated model=gpt-5.5',
      'relay:https://relay.example/v1/responses (idx=0) aborted status=- model=gpt-5.5',
      'relay:https://relay.example/v1/responses (idx=0) transport_error=- model=gpt-5.5',
    ]);
  });

  it('names endpoints left out for the model, and says when all were tried in vain', () => {
    const lines = formatChain(
      [
        attempt({ status: 502 }),
        attempt({ endpoint: 'other/main', provider: 'other', status: 503, class: 'overloaded', next: 'end' }),
      ],
      [
        { endpoint: 'old/main', level: 1, reason: { code: 'unsupported_model', model: 'gpt-5.5' } },
        { endpoint: 'off/main', level: 1, reason: { code: 'disabled' } },
      ],
    );
    expect(lines[0]).toBe('old/main skipped_unsupported_model=gpt-5.5');
    expect(lines.at(-1)).toBe('all_upstreams_avoided total=2');
    expect(lines).toHaveLength(4);
  });

  it('is empty for a turn that was never sent', () => {
    expect(formatChain([], [])).toEqual([]);
  });
});
