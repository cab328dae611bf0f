import { describe, expect, it } from 'vitest';
import { readErrorBody } from '../../../main/core/routing/error-body.js';
import { maskSecrets } from '../../../main/core/routing/mask-secrets.js';

describe('readErrorBody', () => {
  it.each([
    ['{"error":{"message":"no","code":"c","type":"t"}}', { message: 'no', code: 'c', type: 't', format: 'json' }],
    ['{"error":"额度不足"}', { message: '额度不足', code: undefined, format: 'json' }],
    ['{"message":"no","code":429}', { message: 'no', code: '429', status: 429 }],
    ['{"detail":"Not Found"}', { message: 'Not Found' }],
    ['{"detail":{"message":"no","code":"c"}}', { message: 'no', code: 'c' }],
    ['{"detail":[{"loc":["body"],"msg":"field required"}]}', { message: 'field required' }],
    [
      '[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]',
      { message: 'busy', code: '503', type: 'UNAVAILABLE', status: 503 },
    ],
    ['{"error":{"error":{"message":"deep","type":"t"}}}', { message: 'deep', type: 't' }],
    [
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      { message: 'Overloaded', type: 'overloaded_error' },
    ],
    ['<html><head><title>502 Bad\n Gateway</title></head></html>', { message: '502 Bad Gateway', format: 'html' }],
    ['  <!DOCTYPE html><h1>Sorry</h1>', { message: 'Sorry', format: 'html' }],
    ['upstream connect error', { message: 'upstream connect error', format: 'text' }],
    ['{"error":{"message":"cut \\"off\\" he', { message: 'cut "off" he', format: 'json' }],
    ['\uFEFF{"error":"bom"}', { message: 'bom' }],
    ['', { message: '', format: 'empty' }],
    ['{}', { message: '', format: 'json' }],
    ['null', { message: 'null', format: 'text' }],
  ])('reads %s', (body, expected) => {
    expect(readErrorBody(body)).toMatchObject(expected);
  });

  it('cuts the message at 500 characters', () => {
    expect(readErrorBody(JSON.stringify({ error: { message: 'x'.repeat(900) } })).message).toHaveLength(500);
  });

  it('masks a key that the upstream repeats', () => {
    const { message } = readErrorBody('{"error":{"message":"Incorrect API key provided: sk-proj-abcdefgh1234."}}');
    expect(message).toBe('Incorrect API key provided: sk-***.');
  });
});

describe('maskSecrets', () => {
  it.each([
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer ***'],
    ['key sk-ant-api03-abcdefghijk here', 'key sk-*** here'],
    ['token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIx.sig', 'token eyJ***'],
    ['https://x/y?key=AIzaSyA1234567890&x=1', 'https://x/y?key=***&x=1'],
    ['"api_key":"abcdefgh12345"', '"api_key":"***"'],
    ['a task-force meets', 'a task-force meets'],
    ['the bearer of news', 'the bearer of news'],
    ['basic authentication is at-capacity', 'basic authentication is at-capacity'],
    ['refresh rt_abcdefghijklmnopqrstuvwx', 'refresh rt_***'],
  ])('%s', (text, expected) => {
    expect(maskSecrets(text)).toBe(expected);
  });
});
