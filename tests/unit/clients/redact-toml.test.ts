import { describe, expect, it } from 'vitest';
import { redactToml } from '../../../main/core/clients/redact-toml.js';

describe('redactToml', () => {
  it.each([
    'api_key = "hush"',
    "experimental_bearer_token = 'hush' # why",
    'http_headers = { "X-Any" = "hush", b = ["hush"] }',
    '[a.http_headers]\nx = "hush"',
    '[mcp_servers.x.env]\nANY = "hush"',
    '[mcp_servers.x]\nargs = ["--api-key", "hush", "--port", "1"]',
    'base_url = "https://hush:hush@host/v1"',
    '# sk-hush1234567890',
    'note = "sk-hush-1234567890"',
    'x = "ghp_hushHUSH1234567890"',
    '[token]\nvalue = """\nline hush\nhush\n"""',
  ])('hides the secret in %j and keeps the lines', (text) => {
    const redacted = redactToml(text);
    expect(redacted).not.toContain('hush');
    expect(redacted).toContain('***');
    expect(redacted.split('\n')).toHaveLength(text.split('\n').length);
  });
  it.each([
    'model = "gpt-5.5" # fast',
    'env_key = "OPENAI_API_KEY"',
    '[projects."/home/me/work"]\ntrust_level = "trusted"',
    'requires_openai_auth = true',
    'base_url = "http://127.0.0.1:3211/v1"',
  ])('shows %j as it is', (text) => {
    expect(redactToml(text)).toBe(text);
  });
  it('hides what looks like a token even in a file that is no TOML', () => {
    expect(redactToml('\ufeffa = \nb = "sk-abcdefghijkl"')).toBe('\ufeffa = \nb = "***"');
  });
});
