import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { classifyStreamEvent } from '../../../main/core/routing/classify.js';
import { NOW } from './fixtures.js';

const failed = (error: unknown, extra: Record<string, unknown> = {}) => ({
  type: 'response.failed',
  response: { status: 'failed', error, ...extra },
});

describe('classifyStreamEvent', () => {
  it.each([
    ['server_is_overloaded', 'overloaded'],
    ['slow_down', 'overloaded'],
    ['rate_limit_exceeded', 'rate_limited'],
    ['usage_limit_reached', 'rate_limited'],
    ['insufficient_quota', 'rate_limited'],
    ['context_length_exceeded', 'client_error'],
    ['invalid_prompt', 'client_error'],
    ['cyber_policy', 'client_error'],
    ['bio_policy', 'client_error'],
    ['content_filter', 'client_error'],
    ['invalid_request_error', 'client_error'],
    ['previous_response_not_found', 'client_error'],
    ['model_not_found', 'capability_mismatch'],
    ['invalid_api_key', 'auth'],
    ['account_deactivated', 'auth'],
    ['usage_not_included', 'auth'],
    ['server_error', 'stream_failed'],
    ['something_new', 'stream_failed'],
  ])('response.failed with the code %s is %s', (code, expected) => {
    expect(classifyStreamEvent(failed({ code, message: 'text' }), NOW)).toMatchObject({
      class: expected,
      code,
      message: 'text',
      status: 200,
      reached: true,
    });
  });

  it.each([
    ['a flat error event', { type: 'error', code: 'server_is_overloaded', message: 'busy' }, 'overloaded'],
    ['an error event of messages', { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'overloaded'],
    ['an api_error of messages', { type: 'error', error: { type: 'api_error', message: 'Internal' } }, 'stream_failed'],
    ['an error chunk of chat', { error: { message: 'Rate limit reached', type: 'requests' } }, 'rate_limited'],
    ['a flat error of chat', { error: '当前无可用渠道' }, 'overloaded'],
    ['an error chunk of gemini', { error: { code: 429, message: 'slow', status: 'RESOURCE_EXHAUSTED' } }, 'rate_limited'],
    ['a status of 503', { type: 'error', status: 503, error: { message: 'x' } }, 'overloaded'],
    ['a status of 500', { type: 'error', status: 500, error: { message: 'x' } }, 'stream_failed'],
    ['a status of 400', { type: 'error', status: 400, error: { message: 'x' } }, 'client_error'],
    ['a status of 401', { type: 'error', status: 401, error: { message: 'x' } }, 'auth'],
    ['a failure flag', { success: false, message: 'internal' }, 'stream_failed'],
    ['response.failed without an error', failed(null), 'stream_failed'],
  ])('%s', (_, event, expected) => {
    expect(classifyStreamEvent(event, NOW)?.class).toBe(expected);
  });

  it.each([
    ['a created event', { type: 'response.created', response: { error: null, status: 'in_progress' } }],
    ['a completed event', { type: 'response.completed', response: { error: null, status: 'completed' } }],
    ['an incomplete one', { type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' } } }],
    ['a text delta about errors', { type: 'response.output_text.delta', delta: '"error": rate limit' }],
    ['a chat chunk', { choices: [{ delta: { content: 'x' } }], error: null }],
    ['an empty error', { error: {} }],
    ['no object', 'error'],
    ['nothing', undefined],
    ['a list', [{ error: 'x' }]],
  ])('%s is no failure', (_, event) => {
    expect(classifyStreamEvent(event, NOW)).toBeUndefined();
  });

  it('reads the wait from the message', () => {
    const event = failed({ code: 'rate_limit_exceeded', message: 'Please try again in 1.898s.' });
    expect(classifyStreamEvent(event, NOW)?.retryAfterMs).toBe(1898);
  });

  it('reads the wait from the headers of a WebSocket error frame', () => {
    const event = { type: 'error', status: 429, error: { message: 'x' }, headers: { 'Retry-After': '2' } };
    expect(classifyStreamEvent(event, NOW)).toMatchObject({ class: 'rate_limited', status: 429, retryAfterMs: 2000 });
  });

  it('does not read waits or words out of the instructions the response repeats', () => {
    const event = failed({ code: 'server_error', message: 'x' }, { instructions: 'rate limit: try again in 5 minutes' });
    expect(classifyStreamEvent(event, NOW)).toMatchObject({ class: 'stream_failed', retryAfterMs: undefined });
  });

  it('marks the model when the error concerns only it', () => {
    const event = failed({ code: 'server_is_overloaded', message: 'Selected model is at capacity.' });
    expect(classifyStreamEvent(event, NOW, 'gpt-5.5')?.model).toBe('gpt-5.5');
    expect(classifyStreamEvent(failed({ code: 'server_is_overloaded', message: 'busy' }), NOW, 'gpt-5.5')?.model).toBeUndefined();
  });

  it('takes any JSON without failing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        classifyStreamEvent(value, NOW);
        const wrapped = classifyStreamEvent({ type: 'response.failed', response: { error: value } }, NOW);
        expect(wrapped?.kind).toBe('failure');
      }),
    );
  });
});
