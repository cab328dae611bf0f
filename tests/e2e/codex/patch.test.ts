import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { sse, startScriptedUpstream, type ScriptedUpstream } from '../../helpers/scripted-upstream.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { runCli, startDaemon, type RunningDaemon } from '../start-daemon.js';
import { codexExec, codexResume, codexResumeLast, runCodex } from './run-codex.js';

/** A config as people have it: comments, odd spacing, tables in no special order, no newline at the end. */
const realConfig = `# My Codex settings -- do not lose these comments
model = "gpt-5.5"     # the good one
check_for_update_on_startup = false
approval_policy   = "never"

[analytics]
enabled = false

[features]
plugins = false   # noise

[projects."/srv/some where"]
trust_level = "trusted"

# the last comment`;

const binaries = Object.entries(inject('codexBinaries'));
/** openai_base_url, which the native form uses, is known to Codex since 0.120. */
const knowsNative = binaries.filter(([version]) => Number(version.split('.')[1]) >= 120);

let home: TempHome;
let upstream: ScriptedUpstream;
let daemon: RunningDaemon;

function codexConfig(): string {
  return readFileSync(join(home.codexHome, 'config.toml'), 'utf8');
}

function writeCodexConfig(text: string): void {
  writeFileSync(join(home.codexHome, 'config.toml'), text);
}

function logInWithKey(): void {
  writeFileSync(join(home.codexHome, 'auth.json'), JSON.stringify({ auth_mode: 'apikey', OPENAI_API_KEY: 'sk-user' }), {
    mode: 0o600,
  });
}

beforeEach(async () => {
  home = makeTempHome();
  upstream = await startScriptedUpstream((_request, index) => sse({ text: `Answer ${index + 1}.`, id: String(index + 1) }));
  daemon = await startDaemon(home, `[providers.only]\nbase_url = "${upstream.baseUrl}"\napi_key = "sk-relay"\n`);
});
afterEach(async () => {
  await daemon.stop();
  await upstream.close();
  home.cleanup();
});

describe.each(binaries)('codex %s, provider form', (_version, binary) => {
  it('goes through the relay while patched and has its own bytes back afterwards', async () => {
    writeCodexConfig(realConfig);
    await daemon.cli(['codex', 'on', '--form', 'provider']);
    expect(codexConfig()).not.toBe(realConfig);
    const run = await codexExec({ binary, home }, 'say hi');
    expect(run).toMatchObject({ exitCode: 0, message: 'Answer 1.' });
    expect(upstream.turns[0]?.headers['authorization']).toBe('Bearer sk-relay');
    await daemon.cli(['codex', 'off']);
    expect(codexConfig()).toBe(realConfig);
  });

  it('keeps what Codex itself wrote meanwhile', async () => {
    writeCodexConfig(realConfig);
    await daemon.cli(['codex', 'on', '--form', 'provider']);
    for (const args of [
      ['mcp', 'add', 'docs', '--', 'true'],
      ['features', 'enable', 'undo'],
    ]) {
      expect(await runCodex({ binary, home, args })).toMatchObject({ exitCode: 0 });
    }
    const withOthers = parse(codexConfig());
    await daemon.cli(['codex', 'off']);
    const text = codexConfig();
    expect(parse(text)).toEqual({
      ...parse(realConfig),
      features: withOthers['features'],
      mcp_servers: withOthers['mcp_servers'],
    });
    expect(text).toContain('[mcp_servers.docs]');
    expect(text).not.toMatch(/switchyard/i);
    for (const line of realConfig.split('\n').filter((one) => one.includes('#'))) expect(text).toContain(line);
  });

  it('continues a thread after off and on again, by id and as the last one', async () => {
    writeCodexConfig(realConfig);
    await daemon.cli(['codex', 'on', '--form', 'provider']);
    const { threadId } = await codexExec({ binary, home }, 'remember the word lantern');
    await daemon.cli(['codex', 'off']);
    await daemon.cli(['codex', 'on', '--form', 'provider']);
    expect(await codexResume({ binary, home }, threadId ?? '', 'again')).toMatchObject({ exitCode: 0, threadId });
    expect(await codexResumeLast({ binary, home }, 'and again')).toMatchObject({ exitCode: 0, threadId });
    expect(upstream.turns.at(-1)?.body.toString()).toContain('lantern');
  });

  it('is given its config back when the relay quits', async () => {
    writeCodexConfig(realConfig);
    await daemon.cli(['codex', 'on', '--form', 'provider']);
    expect(await daemon.stop()).toBe(0);
    expect(codexConfig()).toBe(realConfig);
  });

  it('is given its config back by hand after a crash, with no relay running', async () => {
    writeCodexConfig(realConfig);
    await daemon.cli(['codex', 'on', '--form', 'provider']);
    await daemon.crash();
    expect(codexConfig()).not.toBe(realConfig);
    await runCli(home, ['codex', 'off']);
    expect(codexConfig()).toBe(realConfig);
  });
});

describe.each(knowsNative)('codex %s, native form', (_version, binary) => {
  it('keeps the thread across on and off: history stays under the provider openai', async () => {
    const direct = await startScriptedUpstream(() => sse({ text: 'Answered directly.' }));
    try {
      const own = `openai_base_url = "${direct.baseUrl}" # mine\n${realConfig}`;
      writeCodexConfig(own);
      logInWithKey();
      const before = await codexExec({ binary, home }, 'remember the word lantern');
      expect(before).toMatchObject({ exitCode: 0, message: 'Answered directly.' });

      await daemon.cli(['codex', 'on', '--form', 'native']);
      const through = await codexResume({ binary, home }, before.threadId ?? '', 'again');
      expect(through).toMatchObject({ exitCode: 0, threadId: before.threadId });
      expect(upstream.turns).toHaveLength(1);
      expect(upstream.turns[0]?.headers['authorization']).toBe('Bearer sk-relay');
      expect(upstream.turns[0]?.body.toString()).toContain('lantern');

      await daemon.cli(['codex', 'off']);
      expect(codexConfig()).toBe(own);
      const after = await codexResumeLast({ binary, home }, 'and again');
      expect(after).toMatchObject({ exitCode: 0, threadId: before.threadId, message: 'Answered directly.' });
    } finally {
      await direct.close();
    }
  });

  it('is chosen by itself when Codex is logged in, and gives back the same bytes', async () => {
    writeCodexConfig(realConfig);
    logInWithKey();
    await daemon.cli(['codex', 'on']);
    expect(parse(codexConfig())).toHaveProperty('openai_base_url', `${daemon.url}/v1`);
    expect(await codexExec({ binary, home }, 'say hi')).toMatchObject({ exitCode: 0, message: 'Answer 1.' });
    expect(upstream.turns).toHaveLength(1);
    await daemon.cli(['codex', 'off']);
    expect(codexConfig()).toBe(realConfig);
  });

  it('sends a compressed body with a ChatGPT login, which the upstream gets decoded', async () => {
    const direct = await startScriptedUpstream();
    try {
      const backend = `chatgpt_base_url = "${direct.origin}/backend-api"`;
      writeCodexConfig(`${backend}\nopenai_base_url = "${direct.baseUrl}"\n${realConfig}`);
      writeFileSync(join(home.codexHome, 'auth.json'), chatGptLogin(), { mode: 0o600 });
      expect((await codexExec({ binary, home }, 'say hi')).exitCode).toBe(0);
      const withoutRelay = direct.turns.find((request) => request.path === '/v1/responses');
      expect(withoutRelay?.headers['content-encoding']).toBe('zstd');

      await daemon.cli(['codex', 'on']);
      expect((await codexExec({ binary, home }, 'say hi')).exitCode).toBe(0);
      const turn = upstream.turns.find((request) => request.path === '/v1/responses');
      expect(turn?.headers['content-encoding']).toBeUndefined();
      expect(turn?.json).toMatchObject({ model: 'gpt-5.5', stream: true });
      expect(turn?.headers['authorization']).toBe('Bearer sk-relay');
    } finally {
      await direct.close();
    }
  });
});

describe('a Codex without a config', () => {
  it('has none again after off', async () => {
    await daemon.cli(['codex', 'on', '--form', 'provider']);
    expect(existsSync(join(home.codexHome, 'config.toml'))).toBe(true);
    await daemon.cli(['codex', 'off']);
    expect(existsSync(join(home.codexHome, 'config.toml'))).toBe(false);
  });
});

/** A login whose tokens nobody checks: unsigned, and not about to expire. */
function chatGptLogin(): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = (claims: unknown): string => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.${encode('signature')}`;
  const account = { chatgpt_plan_type: 'plus', chatgpt_user_id: 'user-1', chatgpt_account_id: 'account-1' };
  const claims = { email: 'someone@example.com', exp: 4_000_000_000, 'https://api.openai.com/auth': account };
  return JSON.stringify({
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: { id_token: token(claims), access_token: token(claims), refresh_token: 'refresh', account_id: 'account-1' },
    last_refresh: new Date().toISOString(),
  });
}
