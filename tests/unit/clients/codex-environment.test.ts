import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CodexPatcherDeps } from '../../../main/core/clients/codex.js';
import { makeCodexHome, relayUrl, type CodexHome } from './codex-home.js';

async function codesOf(home: CodexHome, overrides: Partial<CodexPatcherDeps> = {}): Promise<readonly string[]> {
  const { warnings } = await home.patcherWith(overrides).status();
  for (const { message, remedy } of warnings) expect([message, remedy]).not.toContain('');
  return warnings.map((warning) => warning.code);
}

describe('warnings about the environment', () => {
  it('are none in a clean one', async () => {
    expect(await codesOf(makeCodexHome('model = "a"\n[profiles.x]\nmodel = "b"\n'))).toEqual([]);
  });

  it.each([
    ['HTTP_PROXY', {}, true],
    ['https_proxy', {}, true],
    ['ALL_PROXY', { NO_PROXY: 'example.com, 10.0.0.0/8' }, true],
    ['HTTP_PROXY', { NO_PROXY: 'example.com,127.0.0.1' }, false],
    ['HTTP_PROXY', { no_proxy: '127.0.0.0/8' }, false],
    ['all_proxy', { NO_PROXY: '*' }, false],
    ['HTTP_PROXY', { NO_PROXY: 'localhost' }, true],
  ] as const)('name a proxy that would swallow requests for the relay: %s with %o', async (name, exceptions, isWarned) => {
    const env = { [name]: 'http://proxy.example:8080', ...exceptions };
    expect(await codesOf(makeCodexHome(''), { env })).toEqual(isWarned ? ['proxy-without-no-proxy'] : []);
  });

  it('judge NO_PROXY by the address that is in the config', async () => {
    const home = makeCodexHome('');
    await home.patcher.on({ form: 'native', baseUrl: 'http://localhost:3211' });
    const env = { HTTP_PROXY: 'http://proxy.example:8080' };
    expect(await codesOf(home, { env: { ...env, NO_PROXY: 'localhost' } })).toEqual([]);
    expect(await codesOf(home, { env: { ...env, NO_PROXY: '127.0.0.1' } })).toEqual(['proxy-without-no-proxy']);
  });

  it('name variables that change where Codex goes or who it is', async () => {
    const env = { OPENAI_BASE_URL: 'https://x.example', CODEX_API_KEY: 'sk-secret' };
    const home = makeCodexHome('');
    expect(await codesOf(home, { env })).toEqual(['openai-base-url-env', 'codex-api-key-env']);
    expect(JSON.stringify(await home.patcherWith({ env }).status())).not.toContain('sk-secret');
  });

  it('name profiles, profile files and a login that cannot be seen', async () => {
    const home = makeCodexHome(
      'profile = "work"\ncli_auth_credentials_store = "keyring"\n[profiles.work]\nmodel_provider = "acme"\n[profiles.ok]\nmodel = "m"\n',
    );
    writeFileSync(join(home.paths.codexHome, 'fast.config.toml'), 'openai_base_url = "https://x.example"\n');
    writeFileSync(join(home.paths.codexHome, 'same.config.toml'), 'model = "m"\n');
    writeFileSync(join(home.paths.codexHome, 'broken.config.toml'), 'a = \n');
    expect(await codesOf(home)).toEqual(['legacy-profile', 'profile-key', 'keyring-login', 'profile-file']);
  });

  it('name project configs on the way up from the current folder, but not the user config itself', async () => {
    const home = makeCodexHome('');
    const cwd = join(home.root, 'work', 'deep');
    mkdirSync(join(home.root, 'work', '.codex'), { recursive: true });
    mkdirSync(cwd);
    writeFileSync(join(home.root, 'work', '.codex', 'config.toml'), 'model_provider = "acme"\n');
    expect(await codesOf(home, { cwd })).toEqual(['project-config']);
    const asUserConfig = { ...home.paths, codexHome: join(home.root, 'work', '.codex') };
    expect(await codesOf(home, { cwd, paths: asUserConfig })).toEqual([]);
  });

  it('still come when the config is unreadable', async () => {
    const home = makeCodexHome('a = \n');
    const env = { OPENAI_BASE_URL: 'https://x.example' };
    expect(await codesOf(home, { env })).toEqual(['openai-base-url-env']);
  });
});

describe('the login of Codex', () => {
  const jwt = 'aaa.bbb.ccc';
  it.each([
    ['no file', undefined, 'none'],
    ['no JSON', '{', 'none'],
    ['a key', { auth_mode: 'apikey', OPENAI_API_KEY: 'sk' }, 'api-key'],
    ['a key of old', { OPENAI_API_KEY: 'sk', tokens: { id_token: jwt } }, 'api-key'],
    ['a mode that wins over a key', { auth_mode: 'chatgpt', OPENAI_API_KEY: 'sk', tokens: { id_token: jwt } }, 'chatgpt'],
    ['tokens', { OPENAI_API_KEY: null, tokens: { id_token: jwt } }, 'chatgpt'],
    ['tokens that are none', { auth_mode: 'chatgpt', tokens: { id_token: 'opaque' } }, 'none'],
    ['an empty key', { auth_mode: 'apikey', OPENAI_API_KEY: '' }, 'none'],
    ['another mode', { auth_mode: 'bedrockApiKey' }, 'none'],
  ])('is read from auth.json: %s', async (_, auth, expected) => {
    const home = makeCodexHome('');
    const text = typeof auth === 'string' ? auth : JSON.stringify(auth);
    if (auth !== undefined) writeFileSync(join(home.paths.codexHome, 'auth.json'), text);
    const { loggedIn } = await home.patcher.status();
    expect(loggedIn).toBe(expected);
    const { form } = await home.patcher.on({ form: 'auto', baseUrl: relayUrl, dryRun: true });
    expect(form).toBe(expected === 'none' ? 'provider' : 'native');
  });
});
