import { mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createConfigStore, type ConfigStore } from '../../../main/core/config/config-store.js';
import type { ConfigStatus } from '../../../shared/domain/config-snapshot.js';
import { manualClock } from '../../helpers/manual-clock.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { memorySecrets, testPorts, type TestPorts } from '../../helpers/test-ports.js';

let temp: TempHome;
beforeEach(() => {
  temp = makeTempHome();
});
afterEach(() => temp.cleanup());

const relay = '# my relays\n[providers.relay]\nbase_url = "https://relay.example/v1"   # fast\napi_key_env = "RELAY_KEY"\n';

interface Opened {
  readonly store: ConfigStore;
  readonly ports: TestPorts;
  readonly heard: ConfigStatus[];
}

async function open(text?: string, overrides: Partial<Parameters<typeof testPorts>[0]> = {}): Promise<Opened> {
  if (text !== undefined) await writeFile(temp.paths.configFile, text);
  const ports = testPorts({ paths: temp.paths, ...overrides });
  const store = createConfigStore(ports);
  const heard: ConfigStatus[] = [];
  store.onChange((status) => heard.push(status));
  await store.start();
  onTestFinished(() => store.stop());
  return { store, ports, heard };
}

const names = (store: ConfigStore): string[] => store.snapshot().endpoints.map(({ key }) => key);
const set = (path: string[], value: string | number) => ({ op: 'set' as const, path, value });
const onDisk = (): Promise<string> => readFile(temp.paths.configFile, 'utf8');

describe('reading', () => {
  it('starts without a file, with no providers and no problem, and creates nothing', async () => {
    const { store } = await open();
    expect(store.status()).toMatchObject({ exists: false, readOnly: false, problems: [], file: temp.paths.configFile });
    expect(store.snapshot().endpoints).toEqual([]);
    expect(await store.text()).toBe('');
    expect(await readdir(temp.home)).toEqual([]);
  });

  it('starts with a broken file on the empty config and says where it is broken', async () => {
    const { store, ports } = await open('[providers.relay\nbase_url = "x"\n');
    expect(store.snapshot().endpoints).toEqual([]);
    expect(store.status()).toMatchObject({ exists: true, problems: [{ code: 'CONFIG_SYNTAX', position: { line: 1 } }] });
    expect(ports.logger.text()).toContain(`${temp.paths.configFile}:1:`);
  });

  it('keeps the last good reading while the file is broken and takes the next good one', async () => {
    const { store } = await open(relay);
    const good = store.snapshot();
    await writeFile(temp.paths.configFile, `${relay}level = "high"\n`);
    const status = await store.reload();
    expect(status.problems).toEqual([expect.objectContaining({ severity: 'error', key: 'providers.relay.level' })]);
    expect(store.snapshot()).toBe(good);
    expect(status.revision).not.toBe(good.revision);
    await writeFile(temp.paths.configFile, `${relay}level = 2\n`);
    expect((await store.reload()).problems).toEqual([]);
    expect(store.snapshot().endpoints[0]?.level).toBe(2);
  });

  it('reads nothing of a file in which one provider is bad', async () => {
    const { store } = await open(`${relay}[providers.bad]\nlevel = 1\n`);
    expect(names(store)).toEqual([]);
    expect(store.status().problems).toEqual([expect.objectContaining({ key: 'providers.bad' })]);
  });

  it('says so when the file is not UTF-8 and does not touch it', async () => {
    const bytes = Buffer.from('\uFEFFversion = 1\n', 'utf16le');
    await writeFile(temp.paths.configFile, bytes);
    const { store } = await open();
    expect(store.status().problems[0]).toMatchObject({ code: 'CONFIG_SYNTAX' });
    await expect(store.edit([set(['server', 'port'], 4000)])).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' });
    expect(await readFile(temp.paths.configFile)).toEqual(bytes);
  });

  it('says so when the file cannot be read at all', async () => {
    await mkdir(temp.paths.configFile);
    const { store } = await open();
    expect(store.status().problems[0]).toMatchObject({ code: 'STORAGE_UNREADABLE', severity: 'error' });
  });

  it('has a frozen snapshot', async () => {
    const { store } = await open(relay);
    const { config } = store.snapshot();
    expect(() => Object.assign(config.server, { port: 1 })).toThrow(TypeError);
    expect(Object.isFrozen(store.snapshot().endpoints[0]?.tags)).toBe(true);
  });

  it('keeps the snapshot and stays silent when only the time of the file changed', async () => {
    const { store, heard } = await open(relay);
    const before = store.snapshot();
    heard.length = 0;
    await utimes(temp.paths.configFile, new Date(), new Date(Date.now() + 5000));
    await store.reload();
    expect(store.snapshot()).toBe(before);
    expect(heard).toEqual([]);
  });

  it('notices a loop that begins with the port it was given', async () => {
    const listener: { address?: { host: string; port: number } } = {};
    await writeFile(temp.paths.configFile, '[providers.me]\nbase_url = "http://127.0.0.1:4555/v1"\n');
    const store = createConfigStore({ ...testPorts({ paths: temp.paths }), ownAddress: () => listener.address });
    onTestFinished(() => store.stop());
    await store.start();
    expect(store.status().problems).toEqual([]);
    listener.address = { host: '127.0.0.1', port: 4555 };
    expect((await store.reload()).problems).toEqual([expect.objectContaining({ code: 'CONFIG_SELF_LOOP' })]);
  });
});

describe('watching', () => {
  async function seen(store: ConfigStore, change: () => Promise<unknown>, expected: readonly string[]): Promise<void> {
    await change();
    await vi.waitFor(() => expect(names(store)).toEqual(expected), { timeout: 8000, interval: 20 });
  }
  const provider = (name: string): string => `[providers.${name}]\nbase_url = "https://${name}.example"\n`;

  it('sees a file written in place, one replaced by an editor, one deleted and one made again', async () => {
    const { store } = await open(provider('a'));
    await seen(store, () => writeFile(temp.paths.configFile, provider('b')), ['b/default']);
    const draft = join(temp.home, 'draft');
    await seen(store, () => writeFile(draft, provider('c')).then(() => rename(draft, temp.paths.configFile)), ['c/default']);
    await seen(store, () => rm(temp.paths.configFile), []);
    expect(store.status()).toMatchObject({ exists: false, problems: [] });
    await seen(store, () => writeFile(temp.paths.configFile, provider('d')), ['d/default']);
  });

  it('sees a change behind a symlink, and keeps the link when it writes', async () => {
    const dotfiles = join(temp.root, 'dotfiles');
    await mkdir(dotfiles);
    const real = join(dotfiles, 'switchyard.toml');
    await writeFile(real, provider('a'));
    await symlink(real, temp.paths.configFile);
    const { store } = await open();
    expect(names(store)).toEqual(['a/default']);
    await seen(store, () => writeFile(real, provider('b')), ['b/default']);
    await store.edit([set(['providers', 'b', 'level'], 4)]);
    expect(await readFile(real, 'utf8')).toBe(`${provider('b')}level = 4\n`);
  });

  it('sees a file in a home that did not exist at the start', async () => {
    await rm(temp.home, { recursive: true });
    const { store } = await open();
    await mkdir(temp.home);
    await seen(store, () => writeFile(temp.paths.configFile, provider('late')), ['late/default']);
  });

  it('does not take the empty moment of a save for an empty config', async () => {
    const { store, heard } = await open(provider('a'));
    heard.length = 0;
    await writeFile(temp.paths.configFile, '');
    await seen(store, () => writeFile(temp.paths.configFile, provider('b')), ['b/default']);
    expect(heard.map(({ problems }) => problems)).toEqual([[]]);
  });

  it('is silent after stop', async () => {
    const clock = manualClock();
    const { store } = await open(provider('a'), { clock });
    await store.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('editing', () => {
  it('changes what it is told and not one byte more, keeps a copy and tells the listeners', async () => {
    const { store, heard } = await open(`\uFEFF${relay.replaceAll('\n', '\r\n')}`);
    heard.length = 0;
    const status = await store.edit([set(['providers', 'relay', 'level'], 2)], store.status().revision);
    expect(await onDisk()).toBe(`\uFEFF${relay.replaceAll('\n', '\r\n')}level = 2\r\n`);
    expect(status).toBe(store.status());
    expect(heard).toEqual([status]);
    expect(store.snapshot().endpoints[0]?.level).toBe(2);
    const [backup, ...others] = await readdir(temp.paths.backupsDir);
    expect(others).toEqual([]);
    expect(await readFile(join(temp.paths.backupsDir, backup ?? ''), 'utf8')).toBe(`\uFEFF${relay.replaceAll('\n', '\r\n')}`);
  });

  it('makes a file and a home that were not there, for the owner only', async () => {
    await rm(temp.home, { recursive: true });
    const { store } = await open();
    await store.edit([set(['providers', 'new', 'base_url'], 'https://new.example')]);
    expect(names(store)).toEqual(['new/default']);
    expect((await stat(temp.paths.configFile)).mode & 0o777).toBe(0o600);
    expect((await stat(temp.home)).mode & 0o777).toBe(0o700);
  });

  it('keeps the mode of the file and makes backups private', async () => {
    const { store } = await open(relay);
    await import('node:fs/promises').then(({ chmod }) => chmod(temp.paths.configFile, 0o644));
    await store.edit([set(['server', 'port'], 4000)]);
    expect((await stat(temp.paths.configFile)).mode & 0o777).toBe(0o644);
    const [backup] = await readdir(temp.paths.backupsDir);
    expect((await stat(join(temp.paths.backupsDir, backup ?? ''))).mode & 0o777).toBe(0o600);
  });

  it('keeps the ten newest good copies and leaves other files alone', async () => {
    const clock = manualClock();
    const { store } = await open(relay, { clock });
    await mkdir(temp.paths.backupsDir);
    await writeFile(join(temp.paths.backupsDir, 'config-mine.toml'), 'x');
    for (let port = 4000; port < 4014; port += 1) {
      if (port % 3 === 0) clock.advance(1000);
      await store.edit([set(['server', 'port'], port)]);
    }
    const files = (await readdir(temp.paths.backupsDir)).sort();
    expect(files).toHaveLength(11);
    expect(files).toContain('config-mine.toml');
    const copies = await Promise.all(files.slice(0, 10).map((name) => readFile(join(temp.paths.backupsDir, name), 'utf8')));
    expect(copies.map((text) => /port = (\d+)/.exec(text)?.[1])).toEqual(
      Array.from({ length: 10 }, (_, index) => String(4003 + index)),
    );
  });

  it('refuses a stale revision and writes nothing', async () => {
    const { store } = await open(relay);
    const seen = store.status().revision;
    await writeFile(temp.paths.configFile, `${relay}level = 3\n`);
    await expect(store.edit([set(['server', 'port'], 1)], seen)).rejects.toMatchObject({ code: 'CONFIG_STALE' });
    expect(await onDisk()).toBe(`${relay}level = 3\n`);
  });

  it('validates the whole result before it writes', async () => {
    const { store } = await open(relay);
    const edits = [set(['server', 'port'], 4000), set(['providers', 'relay', 'level'], 11)];
    await expect(store.edit(edits)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { key: 'providers.relay.level', position: { line: 5 } },
    });
    await expect(store.edit([set(['routing', 'active'], 'nobody')])).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(store.edit([set(['providers', 'relay', 'base_url'], 'http://localhost:3211')])).rejects.toMatchObject({
      code: 'CONFIG_SELF_LOOP',
    });
    expect(await onDisk()).toBe(relay);
    expect(await readdir(temp.home)).toEqual(['config.toml']);
  });

  it('never overwrites a file it cannot parse', async () => {
    const broken = `${relay}level = \n`;
    const { store } = await open(broken);
    await expect(store.edit([set(['server', 'port'], 4000)])).rejects.toMatchObject({
      code: 'CONFIG_SYNTAX',
      details: { position: { file: temp.paths.configFile, line: 5 } },
    });
    expect(await onDisk()).toBe(broken);
  });

  it('can repair a value that makes the file unusable, and keeps no copy of the bad one', async () => {
    const { store } = await open(`${relay}level = 99\n`);
    const status = await store.edit([set(['providers', 'relay', 'level'], 9)]);
    expect(status.problems).toEqual([]);
    expect(await onDisk()).toBe(`${relay}level = 9\n`);
    await expect(readdir(temp.paths.backupsDir)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('never writes a file of a newer version', async () => {
    const text = `version = 2\n${relay}`;
    const { store } = await open(text);
    expect(store.status().readOnly).toBe(true);
    expect(names(store)).toEqual(['relay/default']);
    await expect(store.edit([set(['server', 'port'], 4000)])).rejects.toMatchObject({ code: 'CONFIG_READ_ONLY' });
    expect(await onDisk()).toBe(text);
  });

  it('loses no edit of two stores of the same home', async () => {
    const { store: one } = await open(relay);
    const { store: two } = await open();
    const edits = Array.from({ length: 6 }, (_, index) =>
      (index % 2 === 0 ? one : two).edit([
        set(['providers', `p${String(index)}`, 'base_url'], `https://p${String(index)}.example`),
      ]),
    );
    await Promise.all(edits);
    await one.reload();
    expect(names(one).sort()).toEqual([
      'p0/default',
      'p1/default',
      'p2/default',
      'p3/default',
      'p4/default',
      'p5/default',
      'relay/default',
    ]);
  });

  it('goes on after a refused edit', async () => {
    const { store } = await open(relay);
    const refused = store.edit([set(['server', 'port'], -1)]);
    const accepted = store.edit([set(['server', 'port'], 4001)]);
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect((await accepted).problems).toEqual([]);
    expect(store.snapshot().config.server.port).toBe(4001);
  });

  it('survives a listener that throws', async () => {
    const { store, heard } = await open(relay);
    heard.length = 0;
    store.onChange(() => {
      throw new Error('listener broke');
    });
    await store.edit([set(['server', 'port'], 4001)]);
    expect(heard).toHaveLength(1);
  });
});

describe('credentials', () => {
  const credentialOf = (store: ConfigStore, index = 0) => {
    const endpoint = store.snapshot().endpoints[index];
    if (!endpoint) throw new Error('no such endpoint');
    return store.credential(endpoint);
  };

  it('reads an environment variable now, not at the start', async () => {
    const env: Record<string, string | undefined> = {};
    const { store } = await open(relay, { env });
    expect(credentialOf(store)).toEqual({ state: 'missing', source: 'env:RELAY_KEY' });
    env['RELAY_KEY'] = ' sk-1\n';
    expect(credentialOf(store)).toEqual({ state: 'value', value: 'sk-1', source: 'env:RELAY_KEY' });
    env['RELAY_KEY'] = '';
    expect(credentialOf(store)).toEqual({ state: 'missing', source: 'env:RELAY_KEY' });
  });

  it("falls back to the key of the same name in Codex's auth.json and follows its changes", async () => {
    const clock = manualClock();
    const { store } = await open(relay, { clock });
    const auth = join(temp.codexHome, 'auth.json');
    expect(credentialOf(store).state).toBe('missing');
    await writeFile(auth, '{"RELAY_KEY":"sk-a","tokens":{"access_token":"t"},"OPENAI_API_KEY":null}');
    clock.advance(1000);
    expect(credentialOf(store)).toEqual({ state: 'value', value: 'sk-a', source: 'codex-auth:RELAY_KEY' });
    await writeFile(auth, '{"RELAY_KEY":"sk-bb"}');
    clock.advance(1000);
    expect(credentialOf(store)).toMatchObject({ value: 'sk-bb' });
    await writeFile(auth, '{"RELAY_KEY":');
    clock.advance(1000);
    expect(credentialOf(store)).toEqual({ state: 'missing', source: 'env:RELAY_KEY' });
  });

  it("is missing, never the client's own key, when what is configured is not there", async () => {
    const { store } = await open(
      `${relay}pass_client_auth = true\n[providers.open]\nbase_url = "https://o.example"\n[providers.login]\nbase_url = "https://l.example"\npass_client_auth = true\n`,
    );
    expect(credentialOf(store, 0)).toEqual({ state: 'missing', source: 'env:RELAY_KEY' });
    expect(credentialOf(store, 1)).toEqual({ state: 'none' });
    expect(credentialOf(store, 2)).toEqual({ state: 'client' });
  });

  it('reads stored secrets and sees a new value at the next reading', async () => {
    const secrets = memorySecrets({ work: 'sk-w' });
    const { store, heard } = await open('[providers.a]\nbase_url = "https://a.example"\nsecret = "work"\n', { secrets });
    expect(credentialOf(store)).toEqual({ state: 'value', value: 'sk-w', source: 'secret:work' });
    heard.length = 0;
    const before = store.snapshot();
    await secrets.set('work', 'sk-new');
    await store.reload();
    expect(credentialOf(store)).toMatchObject({ value: 'sk-new' });
    expect(store.snapshot()).toBe(before);
    expect(heard).toHaveLength(1);
    await secrets.delete('work');
    await store.reload();
    expect(credentialOf(store)).toEqual({ state: 'missing', source: 'secret:work' });
  });

  it('says a secret is missing when the store fails, and goes on', async () => {
    const secrets = { ...memorySecrets(), get: () => Promise.reject(new Error('locked')) };
    const { store, ports } = await open('[providers.a]\nbase_url = "https://a.example"\nsecret = "work"\n', { secrets });
    expect(credentialOf(store)).toEqual({ state: 'missing', source: 'secret:work' });
    expect(ports.logger.text()).toContain('work');
  });

  const withKeys = `
[providers.a]
base_url = "https://a.example"
api_key = "sk-inline-one"
[providers.b.endpoints.x]
base_url = "https://b.example"
api_key = "sk-inline-two"
[[server.client_keys]]
name = "phone"
key = "client-key-one"
[[server.client_keys]]
name = "tablet"
key_env = "TABLET_KEY"
[[server.client_keys]]
name = "laptop"
secret = "laptop"
[[server.client_keys]]
name = "lost"
key_env = "NOT_SET"
`;

  it('hands out keys the file holds, and shows them nowhere', async () => {
    const { store, ports } = await open(withKeys);
    expect(credentialOf(store, 0)).toEqual({ state: 'value', value: 'sk-inline-one', source: 'inline' });
    expect(credentialOf(store, 1)).toEqual({ state: 'value', value: 'sk-inline-two', source: 'inline' });
    const shown = JSON.stringify([store.snapshot(), store.status()]) + ports.logger.text();
    expect(shown).not.toContain('sk-inline');
    expect(shown).not.toContain('client-key-one');
    expect(store.snapshot().config.providers['a']?.api_key).toBe('***');
  });

  it('resolves client keys, and names those without a value so that they admit nobody', async () => {
    const { store } = await open(withKeys, {
      env: { TABLET_KEY: 'tablet-key' },
      secrets: memorySecrets({ laptop: 'laptop-key' }),
    });
    expect(store.clientKeys()).toEqual([
      { name: 'phone', key: 'client-key-one' },
      { name: 'tablet', key: 'tablet-key' },
      { name: 'laptop', key: 'laptop-key' },
      { name: 'lost', key: undefined },
    ]);
  });

  it('gives a turn on an older snapshot the key of that snapshot', async () => {
    const { store } = await open('[providers.a]\nbase_url = "https://a.example"\napi_key = "sk-old"\n');
    const [old] = store.snapshot().endpoints;
    await store.edit([set(['providers', 'a', 'api_key'], 'sk-new')]);
    if (!old) throw new Error('no endpoint');
    expect(store.credential(old)).toMatchObject({ value: 'sk-old' });
    expect(credentialOf(store)).toMatchObject({ value: 'sk-new' });
    expect(store.credential({ ...old })).toMatchObject({ value: 'sk-new' });
  });
});
