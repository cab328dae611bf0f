import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { codexPatchComment } from '../../../main/core/clients/codex-edit.js';
import { makeCodexHome, relayUrl } from './codex-home.js';

const forms = ['native', 'provider'] as const;
const realistic = [
  '# my codex',
  'model = "gpt-5.5" # fast',
  "approval_policy = 'on-request'",
  '',
  '# trusted folders',
  '[projects."/home/me/work"]',
  'trust_level = "trusted"',
  '',
  '[model_providers.acme]',
  'name = "Acme"',
  'base_url = "https://acme.example/v1"',
  'http_headers = { "X-Secret" = "hush-hush" }',
  '',
].join('\n');

describe('on', () => {
  it('writes the native form: one root key under a comment that names the way back', async () => {
    const home = makeCodexHome(realistic);
    const result = await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    expect(result).toMatchObject({
      changed: true,
      form: 'native',
      status: { state: 'on', form: 'native', baseUrl: `${relayUrl}/v1` },
    });
    const added = `${codexPatchComment}\nopenai_base_url = "${relayUrl}/v1"\n`;
    expect(home.read()).toBe(realistic.replace("'on-request'\n", `'on-request'\n${added}`));
    expect(codexPatchComment).toContain('switchyard codex off');
  });

  it('writes the provider form: a root key and a table at the end that turns off the retries of Codex', async () => {
    const home = makeCodexHome(realistic);
    await home.patcher.on({ form: 'provider', baseUrl: `${relayUrl}/v1` });
    expect(
      home
        .read()
        .endsWith(
          `\n\n${codexPatchComment}\n[model_providers.switchyard]\nname = "Switchyard"\nbase_url = "${relayUrl}/v1"\nwire_api = "responses"\nrequest_max_retries = 0\n`,
        ),
    ).toBe(true);
    expect(parse(home.read())).toMatchObject({ model_provider: 'switchyard', model: 'gpt-5.5' });
  });

  it('lets Codex send its login along when it has one', async () => {
    for (const mode of ['chatgpt', 'apikey'] as const) {
      const home = makeCodexHome();
      home.logIn(mode);
      await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
      expect(parse(home.read())).toMatchObject({ model_providers: { switchyard: { requires_openai_auth: true } } });
    }
  });

  it('keeps the number of retries the user set in our table, and everything else there', async () => {
    const table = '[model_providers.switchyard]\nname = "Mine"\nrequest_max_retries = 2\nstream_idle_timeout_ms = 5\n';
    const home = makeCodexHome(table);
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    expect(parse(home.read())).toMatchObject({
      model_providers: { switchyard: { name: 'Switchyard', request_max_retries: 2, stream_idle_timeout_ms: 5 } },
    });
    await home.patcher.off();
    expect(home.read()).toBe(table);
  });

  it.each([
    ['no login', false, '', 'provider'],
    ['a login', true, '', 'native'],
    ['a login and the openai provider', true, 'model_provider = "openai"\n', 'native'],
    ['a login and another provider', true, 'model_provider = "acme"\n[model_providers.acme]\nname = "A"\n', 'provider'],
  ] as const)('chooses the form by itself: %s', async (_, loggedIn, config, form) => {
    const home = makeCodexHome(config);
    if (loggedIn) home.logIn();
    expect(await home.patcher.on({ form: 'auto', baseUrl: relayUrl })).toMatchObject({ form });
  });

  it('makes an explicit native form effective when another provider is active, and gives that provider back', async () => {
    const config = 'model_provider = \'acme\' # mine\n[model_providers.acme]\nname = "A"\n';
    const home = makeCodexHome(config);
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    expect(parse(home.read())).toMatchObject({ model_provider: 'openai', openai_base_url: `${relayUrl}/v1` });
    home.write(`${home.read()}\n[tui]\ntheme = "x"\n`);
    await home.patcher.off();
    expect(home.read()).toBe(`${config}\n[tui]\ntheme = "x"\n`);
  });

  it('keeps the first pre-image when it is called twice', async () => {
    const home = makeCodexHome(realistic);
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    const patched = home.read();
    expect(await home.patcher.on({ form: 'provider', baseUrl: relayUrl })).toMatchObject({ changed: false, diff: '' });
    expect(home.read()).toBe(patched);
    await home.patcher.off();
    expect(home.read()).toBe(realistic);
  });

  it('switches form and port in one step and still returns to the first pre-image', async () => {
    const home = makeCodexHome(realistic);
    for (const [form, port] of [
      ['native', 1],
      ['provider', 1],
      ['provider', 2],
      ['native', 3],
    ] as const) {
      const result = await home.patcher.on({ form, baseUrl: `http://127.0.0.1:${String(port)}` });
      expect(result).toMatchObject({
        changed: true,
        status: { state: 'on', form, baseUrl: `http://127.0.0.1:${String(port)}/v1` },
      });
    }
    expect(home.read()).not.toContain('model_providers.switchyard');
    expect(home.read().split(codexPatchComment)).toHaveLength(2);
    await home.patcher.off();
    expect(home.read()).toBe(realistic);
  });

  it('writes nothing on a dry run and shows the diff', async () => {
    const home = makeCodexHome(realistic);
    const result = await home.patcher.on({ form: 'native', baseUrl: relayUrl, dryRun: true });
    expect(home.read()).toBe(realistic);
    expect(readdirSync(home.root)).toEqual(['codex']);
    expect(result).toMatchObject({ changed: true, status: { state: 'off' } });
    expect(result.diff).toContain(`+openai_base_url = "${relayUrl}/v1"`);
    expect(result.diff).toContain(' model = "gpt-5.5" # fast');
  });

  it('never shows secrets in a diff', async () => {
    const home = makeCodexHome(`${realistic}experimental_bearer_token = "sk-abcdefghijklmnop"\n# old: sk-zyxwvutsrqpo1234\n`);
    const { diff } = await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    expect(diff).not.toMatch(/hush|sk-/);
    expect(diff).toContain('experimental_bearer_token = "***"');
  });

  it.each([
    ['a syntax error', 'a = 1\nb = \n', { line: 2 }],
    ['a key set twice', 'a = 1\na = 2\n', { line: 2 }],
    ['TOML 1.1', 'a = { b = 1,\n c = 2 }\n', { line: 2 }],
  ])('refuses %s with its place and writes nothing', async (_, text, position) => {
    const home = makeCodexHome(text);
    for (const form of forms) {
      await expect(home.patcher.on({ form, baseUrl: relayUrl })).rejects.toMatchObject({
        code: 'CLIENT_CONFIG_UNREADABLE',
        details: { position: expect.objectContaining({ ...position, file: home.configFile }) as unknown },
      });
    }
    await expect(home.patcher.off()).rejects.toMatchObject({ code: 'CLIENT_CONFIG_UNREADABLE' });
    expect(home.read()).toBe(text);
    expect(await home.patcher.status()).toMatchObject({ state: 'unreadable', configExists: true });
    expect(readdirSync(home.paths.codexHome)).toEqual(['config.toml']);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const home = makeCodexHome('');
    writeFileSync(home.configFile, new Uint8Array([0x61, 0x3d, 0x22, 0xff, 0x22]));
    await expect(home.patcher.on({ form: 'native', baseUrl: relayUrl })).rejects.toMatchObject({
      code: 'CLIENT_CONFIG_UNREADABLE',
    });
    expect(readFileSync(home.configFile)).toHaveLength(5);
  });

  it('keeps the mode of the file and writes its own files privately', async () => {
    const home = makeCodexHome('a = 1\n');
    const mode = statSync(home.configFile).mode;
    const { status } = await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    expect(statSync(home.configFile).mode).toBe(mode);
    expect(statSync(home.journalFile).mode & 0o777).toBe(0o600);
    expect(status.backups.map((file) => [readFileSync(file, 'utf8'), statSync(file).mode & 0o777])).toEqual([['a = 1\n', 0o600]]);
    const fresh = makeCodexHome();
    await fresh.patcher.on({ form: 'native', baseUrl: relayUrl });
    expect(statSync(fresh.configFile).mode & 0o777).toBe(0o600);
  });

  it('edits the target of a symlinked config and leaves the link', async () => {
    const home = makeCodexHome();
    const target = join(home.root, 'dotfile.toml');
    writeFileSync(target, 'a = 1\n');
    symlinkSync(target, home.configFile);
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    expect(readFileSync(target, 'utf8')).toContain('openai_base_url');
    await home.patcher.off();
    expect(lstatSync(home.configFile).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe('a = 1\n');
  });

  it('keeps the newest 10 backups', async () => {
    const home = makeCodexHome();
    for (let round = 0; round < 13; round += 1) {
      home.write(`round = ${String(round)}\n`);
      await home.patcher.on({ form: 'native', baseUrl: relayUrl });
      await home.patcher.off();
    }
    const { backups } = await home.patcher.status();
    expect(backups).toHaveLength(10);
    expect(readFileSync(backups[0] ?? '', 'utf8')).toBe('round = 12\n');
    expect(readFileSync(backups[9] ?? '', 'utf8')).toBe('round = 3\n');
  });
});

describe('off', () => {
  it.each(forms)('deletes a config that was not there before (%s)', async (form) => {
    const home = makeCodexHome();
    await home.patcher.on({ form, baseUrl: relayUrl });
    expect(await home.patcher.off()).toMatchObject({ changed: true, status: { state: 'off', configExists: false } });
    expect(home.exists()).toBe(false);
    expect(readdirSync(home.paths.codexHome)).toEqual([]);
    expect(readdirSync(home.paths.stateDir)).toEqual([]);
  });

  it('does nothing and does not fail where nothing is patched or nothing is there', async () => {
    const home = makeCodexHome(realistic);
    expect(await home.patcher.off()).toMatchObject({ changed: false, diff: '' });
    rmSync(home.paths.codexHome, { recursive: true });
    expect(await home.patcher.off()).toMatchObject({ changed: false, status: { state: 'off', configExists: false } });
    await home.patcher.repair();
    expect(readdirSync(home.root)).toEqual([]);
  });

  it('works after the config was deleted behind our back', async () => {
    const home = makeCodexHome(realistic);
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    rmSync(home.configFile);
    await home.patcher.off();
    expect(home.exists()).toBe(false);
    expect(await home.patcher.on({ form: 'native', baseUrl: relayUrl })).toMatchObject({ changed: true });
    await home.patcher.off();
    expect(home.exists()).toBe(false);
  });

  it.each(forms)('keeps what Codex appended and gives the rest back to the byte (%s)', async (form) => {
    for (const before of [realistic, realistic.replaceAll('\n', '\r\n'), `\ufeff${realistic}`, '', '# only a comment\n']) {
      const home = makeCodexHome(before);
      await home.patcher.on({ form, baseUrl: relayUrl });
      const appended = '\n[projects."/srv/x"]\ntrust_level = "trusted"\n';
      home.write(home.read() + appended);
      expect(await home.patcher.status()).toMatchObject({ state: 'on', form });
      await home.patcher.off();
      expect(home.read()).toBe(before + appended);
    }
  });

  it.each(forms)('undoes by value when Codex rewrote the file without comments and in another order (%s)', async (form) => {
    const home = makeCodexHome('model = "a"\nmodel_provider = "acme"\n[model_providers.acme]\nname = "A"\n');
    await home.patcher.on({ form, baseUrl: relayUrl });
    const patched = parse(home.read());
    const table = `[model_providers.switchyard]\nwire_api='responses'\nrequest_max_retries=0\nbase_url='${relayUrl}/v1'\nname='Switchyard'\n`;
    const root =
      form === 'native' ? `openai_base_url='${relayUrl}/v1'\nmodel_provider='openai'\n` : `model_provider='switchyard'\n`;
    home.write(`${root}model='b'\n${form === 'provider' ? table : ''}[model_providers.acme]\nname='A'\n[notice]\nx=true\n`);
    expect(parse(home.read())['model_provider']).toBe(patched['model_provider']);
    expect(await home.patcher.status()).toMatchObject({ state: 'on', form });
    await home.patcher.off();
    expect(parse(home.read())).toEqual({
      model: 'b',
      model_provider: 'acme',
      model_providers: { acme: { name: 'A' } },
      notice: { x: true },
    });
    expect(home.read()).not.toContain('Switchyard');
  });

  it('leaves keys alone that the user changed meanwhile', async () => {
    const home = makeCodexHome('model = "a"\n');
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    home.write(home.read().replace(`${relayUrl}/v1`, 'https://else.example/v1'));
    expect(await home.patcher.status()).toMatchObject({ state: 'foreign-edit', form: 'native' });
    await home.patcher.off();
    expect(home.read()).toBe('model = "a"\nopenai_base_url = "https://else.example/v1"\n');
    expect(await home.patcher.status()).toMatchObject({ state: 'off' });
  });

  it('keeps our table loadable when the user put keys into it', async () => {
    const home = makeCodexHome('model = "a"\n');
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    home.write(`${home.read()}stream_max_retries = 9\n`);
    const result = await home.patcher.off();
    expect(result.message).toContain('stream_max_retries');
    expect(parse(home.read())).toEqual({
      model: 'a',
      model_providers: {
        switchyard: { name: 'Switchyard', base_url: `${relayUrl}/v1`, wire_api: 'responses', stream_max_retries: 9 },
      },
    });
    expect(await home.patcher.status()).toMatchObject({ state: 'off' });
    expect(await home.patcher.off()).toMatchObject({ changed: false });
  });

  it('removes our table and leaves the provider the user chose meanwhile', async () => {
    const home = makeCodexHome('');
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    home.write(home.read().replace('model_provider = "switchyard"', 'model_provider = "ollama"'));
    expect(await home.patcher.status()).toMatchObject({ state: 'foreign-edit' });
    await home.patcher.off();
    expect(parse(home.read())).toEqual({ model_provider: 'ollama' });
  });

  it.each(forms)('recognises the patch when our home is lost (%s)', async (form) => {
    const home = makeCodexHome(realistic);
    await home.patcher.on({ form, baseUrl: relayUrl });
    rmSync(home.paths.home, { recursive: true });
    expect(await home.patcher.status()).toMatchObject({ state: 'on', form, baseUrl: `${relayUrl}/v1` });
    await home.patcher.off();
    expect(parse(home.read())).toEqual(parse(realistic));
    expect(home.read()).not.toContain('witchyard');
  });

  it("does not take somebody else's keys for ours when there is no journal", async () => {
    const others = [
      'openai_base_url = "http://127.0.0.1:9999/v1"\n',
      'model_provider = "switchyard"\n[model_providers.switchyard]\nname = "S"\nbase_url = "https://switchyard.example/v1"\n',
      `[x]\ny = """\n${codexPatchComment}\n"""\n`,
    ];
    for (const text of others) {
      const home = makeCodexHome(text);
      expect(await home.patcher.off()).toMatchObject({ changed: false });
      expect(home.read()).toBe(text);
    }
  });

  it('never takes its own edit for the original after the home is lost', async () => {
    const home = makeCodexHome('model = "a"\n');
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    rmSync(home.paths.home, { recursive: true });
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    await home.patcher.off();
    expect(parse(home.read())).toEqual({ model: 'a' });
  });

  it('repairs a half-undone config that Codex cannot load', async () => {
    const home = makeCodexHome('model_provider = "switchyard"\n');
    expect(await home.patcher.status()).toMatchObject({ state: 'broken', form: 'provider' });
    await home.patcher.off();
    expect(home.read()).toBe('');
    const other = makeCodexHome('');
    await other.patcher.on({ form: 'provider', baseUrl: relayUrl });
    other.write('model_provider = "switchyard"\nmodel = "x"\n');
    expect(await other.patcher.status()).toMatchObject({ state: 'broken', form: 'provider' });
    await other.patcher.off();
    expect(other.read()).toBe('model = "x"\n');
  });

  it('gives the same bytes back when the journal lost its splices but the backup is there', async () => {
    const home = makeCodexHome(realistic);
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    const journal = JSON.parse(readFileSync(home.journalFile, 'utf8')) as { entries: { splices: unknown[] }[] };
    for (const entry of journal.entries) entry.splices = [];
    writeFileSync(home.journalFile, JSON.stringify(journal));
    await home.patcher.off();
    expect(home.read()).toBe(realistic);
  });

  it('falls back to values when the journal is damaged', async () => {
    const home = makeCodexHome('model = "a"\n');
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    writeFileSync(home.journalFile, '{"version": 1, "entr');
    await home.patcher.off();
    expect(parse(home.read())).toEqual({ model: 'a' });
  });

  it('keeps the patches of two Codex homes apart', async () => {
    const home = makeCodexHome('a = 1\n');
    const elsewhere = join(home.root, 'codex-2');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'config.toml'), 'b = 1 # two\n');
    const second = home.patcherWith({ paths: { ...home.paths, codexHome: elsewhere } });
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    await second.on({ form: 'provider', baseUrl: relayUrl });
    await home.patcher.off();
    await second.off();
    expect([home.read(), readFileSync(join(elsewhere, 'config.toml'), 'utf8')]).toEqual(['a = 1\n', 'b = 1 # two\n']);
  });

  it('says what becomes of threads that were started in the provider form', async () => {
    const home = makeCodexHome('');
    await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
    expect((await home.patcher.off()).message).toContain('switchyard codex on --form provider');
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    expect((await home.patcher.off()).message).not.toContain('--form provider');
  });

  it('shows what it would do on a dry run', async () => {
    const home = makeCodexHome('a = 1\n');
    await home.patcher.on({ form: 'native', baseUrl: relayUrl });
    const patched = home.read();
    const result = await home.patcher.off({ dryRun: true });
    expect(result.diff).toContain(`-openai_base_url = "${relayUrl}/v1"`);
    expect(home.read()).toBe(patched);
    expect(result.status.state).toBe('on');
  });
});

describe('an edit by Codex while we write', () => {
  it('is noticed, and the patch starts over with what Codex wrote', async () => {
    const home = makeCodexHome('a = 1\n');
    let once = true;
    const patcher = home.patcherWith({
      onStep: (name) => {
        if (name === 'journal-intent:renamed' && once) home.write('a = 1\nb = 2\n');
        once = once && name !== 'journal-intent:renamed';
      },
    });
    await patcher.on({ form: 'native', baseUrl: relayUrl });
    expect(parse(home.read())).toEqual({ a: 1, b: 2, openai_base_url: `${relayUrl}/v1` });
    await patcher.off();
    expect(home.read()).toBe('a = 1\nb = 2\n');
  });

  it('ends in a conflict when it does not stop', async () => {
    const home = makeCodexHome('a = 1\n');
    let count = 0;
    const patcher = home.patcherWith({
      onStep: (name) => {
        if (name === 'journal-intent:renamed') home.write(`a = ${String((count += 1))}00\n`);
      },
    });
    await expect(patcher.on({ form: 'native', baseUrl: relayUrl })).rejects.toMatchObject({ code: 'CLIENT_EDIT_CONFLICT' });
    expect(home.read()).toBe('a = 300\n');
    expect(await home.patcher.status()).toMatchObject({ state: 'off' });
  });
});
