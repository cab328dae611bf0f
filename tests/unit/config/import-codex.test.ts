import { describe, expect, it } from 'vitest';
import { importCodex } from '../../../main/core/config/import-codex.js';
import type { ImportDraft } from '../../../main/core/config/import-draft.js';

function run(configText: string, auth?: unknown): ImportDraft {
  const authText = auth === undefined ? undefined : typeof auth === 'string' ? auth : JSON.stringify(auth);
  return importCodex({ configText, configFile: '/c/config.toml', authText, ownPort: 3211 });
}

const tables = (draft: ImportDraft): Record<string, unknown> =>
  Object.fromEntries(draft.providers.map(({ name, table }) => [name, table]));
const chatgpt = { auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens: { access_token: 'at', refresh_token: 'rt' } };

describe('import of Codex providers', () => {
  it('takes base_url, env_key, name and headers, and makes the current one active', () => {
    const draft = run(`
model_provider = "two"
[model_providers.one]
name = "Relay One"
base_url = "https://one.example/v1"
env_key = "ONE_KEY"
http_headers = { X-Team = "a" }
[model_providers.two]
name = "two"
base_url = "https://two.example/v1"
requires_openai_auth = true
`);
    expect(tables(draft)).toEqual({
      one: { label: 'Relay One', base_url: 'https://one.example/v1', api_key_env: 'ONE_KEY', headers: { 'X-Team': 'a' } },
      two: { base_url: 'https://two.example/v1', pass_client_auth: true },
    });
    expect(draft.settings).toEqual([{ path: ['routing', 'active'], value: 'two' }]);
    expect(draft.warnings).toEqual([]);
  });

  it('names the only API key of auth.json where a provider names none', () => {
    const draft = run('[model_providers.a]\nname="a"\nbase_url="https://a.example"\n', {
      MY_API_KEY: 'sk-1',
      OTHER: 'x',
      EMPTY_API_KEY: '',
    });
    expect(tables(draft)['a']).toEqual({ base_url: 'https://a.example', api_key_env: 'MY_API_KEY' });
    expect(JSON.stringify(draft)).not.toContain('sk-1');
  });

  it.each([
    ['none', {}],
    ['several', { A_API_KEY: '1', B_API_KEY: '2' }],
  ])('warns where auth.json has %s', (_count, auth) => {
    const draft = run('[model_providers.a]\nname="a"\nbase_url="https://a.example"\n', auth);
    expect(tables(draft)['a']).toEqual({ base_url: 'https://a.example' });
    expect(draft.warnings).toEqual([expect.stringContaining('a: no credential')]);
  });

  it('moves keys in the file to the secret store', () => {
    const draft = run(`
[model_providers.token]
name = "token"
base_url = "https://t.example"
experimental_bearer_token = "sk-token"
[model_providers.header]
name = "header"
base_url = "https://h.example"
http_headers = { Authorization = "Bearer sk-header", X-Session-Token = "sk-odd" }
`);
    expect(draft.secrets).toEqual([
      { name: 'token', value: 'sk-token' },
      { name: 'header', value: 'sk-header' },
    ]);
    expect(tables(draft)).toEqual({
      token: { base_url: 'https://t.example', secret: 'token' },
      header: { base_url: 'https://h.example', secret: 'header' },
    });
    expect(draft.warnings).toEqual([expect.stringContaining('X-Session-Token')]);
    expect(draft.warnings.join()).not.toContain('sk-odd');
  });

  it('leaves itself, other local copies of itself and unusable entries out', () => {
    const draft = run(`
model_provider = "switchyard"
[model_providers.switchyard]
base_url = "http://127.0.0.1:9/v1"
[model_providers.codex_proxy]
base_url = "http://127.0.0.1:3210"
[model_providers.loop]
base_url = "http://localhost:3211/v1"
[model_providers.nothing]
name = "nothing"
[model_providers.query]
base_url = "https://q.example/v1?key=1"
[model_providers.good]
base_url = "http://127.0.0.1:8080/v1"
env_key = "K"
`);
    expect(draft.providers.map(({ name }) => name)).toEqual(['good']);
    expect(draft.skipped.map(({ name }) => name)).toEqual(['loop', 'nothing', 'query']);
    expect(draft.settings).toEqual([]);
  });

  it('names what it cannot represent', () => {
    const draft = run(`
[model_providers.a]
base_url = "https://a.example"
env_key = "K"
wire_api = "chat"
query_params = { "api-version" = "2025" }
env_http_headers = { X-Key = "ENV" }
`);
    expect(tables(draft)['a']).toMatchObject({ protocol: 'chat' });
    expect(draft.warnings).toEqual([
      expect.stringContaining('query_params'),
      expect.stringContaining('env_http_headers'),
      expect.stringContaining('chat'),
    ]);
  });

  it('makes usable, distinct names of ids that are none', () => {
    const draft = run(
      '[model_providers."my relay"]\nbase_url="https://a.example"\nenv_key="A"\n[model_providers."中转"]\nbase_url="https://b.example"\nenv_key="B"\n[model_providers.my-relay]\nbase_url="https://c.example"\nenv_key="C"\n',
    );
    expect(draft.providers.map(({ name }) => name)).toEqual(['my-relay', 'provider', 'my-relay-2']);
    expect(draft.providers[1]?.table['label']).toBe('中转');
  });
});

describe('import of a stock Codex', () => {
  it('passes a ChatGPT login through', () => {
    const draft = run('model = "gpt-5.5"\n', chatgpt);
    expect(tables(draft)).toEqual({
      openai: { label: 'ChatGPT login', base_url: 'https://chatgpt.com/backend-api/codex', pass_client_auth: true },
    });
    expect(draft.settings).toEqual([{ path: ['routing', 'active'], value: 'openai' }]);
  });

  it.each([{ OPENAI_API_KEY: 'sk-1' }, { auth_mode: 'apikey', OPENAI_API_KEY: 'sk-1', tokens: null }])(
    'names the API key of an API-key login',
    (auth) => {
      const draft = run('', auth);
      expect(tables(draft)).toEqual({
        openai: { label: 'OpenAI', base_url: 'https://api.openai.com/v1', api_key_env: 'OPENAI_API_KEY' },
      });
      expect(JSON.stringify(draft)).not.toContain('sk-1');
    },
  );

  it('takes openai_base_url along, unless it is this relay', () => {
    expect(tables(run('openai_base_url = "https://proxy.example/v1"\n', chatgpt))['openai']).toMatchObject({
      base_url: 'https://proxy.example/v1',
      pass_client_auth: true,
    });
    expect(tables(run('openai_base_url = "http://127.0.0.1:3211/v1"\n', chatgpt))['openai']).toMatchObject({
      base_url: 'https://chatgpt.com/backend-api/codex',
    });
  });

  it('is added beside provider tables when it is the current provider, and not when it is not', () => {
    const relay = '[model_providers.r]\nbase_url="https://r.example"\nenv_key="R"\n';
    expect(Object.keys(tables(run(relay, chatgpt)))).toEqual(['r', 'openai']);
    expect(Object.keys(tables(run(`model_provider="r"\n${relay}`, chatgpt)))).toEqual(['r']);
  });

  it.each([undefined, '{}', '{not json', '{"auth_mode":"chatgpt","tokens":{}}'])(
    'is an empty result without a login (%s)',
    (auth) => {
      expect(run('model = "gpt-5.5"\n', auth)).toMatchObject({ providers: [], settings: [], skipped: [], warnings: [] });
    },
  );

  it('says where a broken config is broken', () => {
    expect(() => run('a = \n')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_IMPORT_FAILED',
        message: expect.stringContaining('/c/config.toml:1:') as unknown,
      }) as Error,
    );
  });
});
