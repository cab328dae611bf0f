import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { bootstrapConfig, configTemplate } from '../../../main/core/config/bootstrap.js';
import { createConfigStore } from '../../../main/core/config/config-store.js';
import { importConfig, type ImportDeps } from '../../../main/core/config/import-config.js';
import type { ImportResult } from '../../../shared/control/contract.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { memorySecrets, testPorts, type TestPorts } from '../../helpers/test-ports.js';

let temp: TempHome;
beforeEach(() => {
  temp = makeTempHome();
});
afterEach(() => temp.cleanup());

async function open(text?: string, overrides: Partial<Parameters<typeof testPorts>[0]> = {}): Promise<ImportDeps & TestPorts> {
  if (text !== undefined) await writeFile(temp.paths.configFile, text);
  const ports = testPorts({ paths: temp.paths, ...overrides });
  const store = createConfigStore(ports);
  await store.reload();
  onTestFinished(() => store.stop());
  return { ...ports, store };
}

const onDisk = (): Promise<string> => readFile(temp.paths.configFile, 'utf8');
const run = (deps: ImportDeps, request: Partial<Parameters<typeof importConfig>[0]> = {}): Promise<ImportResult> =>
  importConfig({ source: 'codex', dryRun: false, overwrite: false, ...request }, deps);
const codexConfig = (text: string): Promise<void> => writeFile(join(temp.codexHome, 'config.toml'), text);
const relay =
  '[model_providers.relay]\nname = "relay"\nbase_url = "https://relay.example/v1"\nexperimental_bearer_token = "sk-relay"\n';

describe('import into the config', () => {
  it('adds providers and stores their keys, and keeps every line that was there', async () => {
    const before = '# mine\nversion = 1 # one\n\n[server]\nport = 4000\n';
    const deps = await open(before);
    await codexConfig(`model_provider = "relay"\n${relay}`);
    const result = await run(deps);
    expect(result).toMatchObject({ source: 'codex', imported: ['relay'], skipped: [], warnings: [], written: true });
    expect(await onDisk()).toBe(result.toml);
    expect(result.toml.startsWith(before)).toBe(true);
    expect(deps.store.snapshot().endpoints[0]).toMatchObject({
      key: 'relay/default',
      credential: { kind: 'secret', name: 'relay' },
    });
    expect(deps.store.snapshot().config.routing.active).toBe('relay');
    expect(await deps.secrets.get('relay')).toBe('sk-relay');
    expect(result.toml).not.toContain('sk-relay');
  });

  it('shows the result of a dry run and changes nothing', async () => {
    const deps = await open();
    await codexConfig(relay);
    const result = await run(deps, { dryRun: true });
    expect(result).toMatchObject({ imported: ['relay'], written: false });
    expect(result.toml).toContain('[providers.relay]');
    expect(JSON.stringify(result)).not.toContain('sk-relay');
    expect(await readdir(temp.home)).toEqual([]);
    expect(await deps.secrets.list()).toEqual([]);
  });

  it('leaves what has the same name alone, and replaces it when told to', async () => {
    const mine = '[routing]\nactive = "relay"\n[providers.relay] # mine\nbase_url = "https://mine.example"\nlevel = 7\n';
    const deps = await open(mine);
    await codexConfig(`${relay}[model_providers.new]\nbase_url = "https://new.example"\nenv_key = "N"\n`);
    const kept = await run(deps);
    expect(kept.imported).toEqual(['new']);
    expect(kept.skipped).toEqual([{ name: 'relay', reason: 'a provider of this name exists' }]);
    expect((await onDisk()).startsWith(mine)).toBe(true);
    expect(await deps.secrets.list()).toEqual([]);
    const replaced = await run(deps, { overwrite: true });
    expect(replaced.imported).toEqual(['relay', 'new']);
    expect(deps.store.snapshot().endpoints.find(({ provider }) => provider === 'relay')).toMatchObject({
      level: 1,
      baseUrl: 'https://relay.example/v1',
    });
  });

  it('does not change the active provider of the user', async () => {
    const deps = await open('[routing]\nactive = "own"\n[providers.own]\nbase_url = "https://own.example"\n');
    await codexConfig(`model_provider = "relay"\n${relay}`);
    const result = await run(deps);
    expect(result.skipped).toEqual([{ name: 'routing.active', reason: 'it is already set' }]);
    expect(deps.store.snapshot().config.routing.active).toBe('own');
  });

  it('does not overwrite a secret of the same name', async () => {
    const secrets = memorySecrets({ relay: 'sk-other' });
    const deps = await open('', { secrets });
    await codexConfig(relay);
    await run(deps);
    expect(await secrets.get('relay')).toBe('sk-other');
    expect(await secrets.get('relay-2')).toBe('sk-relay');
    expect(deps.store.snapshot().endpoints[0]?.credential).toEqual({ kind: 'secret', name: 'relay-2' });
  });

  it('leaves one unusable provider out and imports the rest', async () => {
    const deps = await open('[server]\nport = 4000\n');
    await codexConfig(`[model_providers.loop]\nbase_url = "http://127.0.0.1:4000"\n${relay}`);
    const result = await run(deps);
    expect(result.imported).toEqual(['relay']);
    expect(result.skipped).toEqual([{ name: 'loop', reason: 'it is this relay' }]);
  });

  it('takes the new secrets away again when the file cannot be edited', async () => {
    const deps = await open('version = 9\n');
    await codexConfig(relay);
    await expect(run(deps)).rejects.toMatchObject({ code: 'CONFIG_READ_ONLY' });
    expect(await deps.secrets.list()).toEqual([]);
    expect(await onDisk()).toBe('version = 9\n');
  });

  it('refuses to write into a file with a syntax error', async () => {
    const deps = await open('version = \n');
    await codexConfig(relay);
    await expect(run(deps)).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' });
    expect(await onDisk()).toBe('version = \n');
    expect(await deps.secrets.list()).toEqual([]);
  });

  it('has nothing to import from a Codex without files', async () => {
    expect(await run(await open('version = 1\n'))).toMatchObject({ imported: [], written: false, toml: 'version = 1\n' });
  });

  it('names a file that is not there or not valid', async () => {
    const deps = await open();
    const nowhere = join(temp.root, 'nowhere');
    await expect(run(deps, { from: nowhere })).rejects.toMatchObject({
      code: 'CONFIG_IMPORT_FAILED',
      details: { path: nowhere },
    });
    await expect(run(deps, { source: 'codex-helper' })).rejects.toMatchObject({ code: 'CONFIG_IMPORT_FAILED' });
    const bad = join(temp.root, 'config.json');
    await writeFile(bad, '{"auth_token": "sk-in-bad-json" oops');
    const error: unknown = await run(deps, { source: 'codex-helper', from: bad }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'CONFIG_IMPORT_FAILED', details: { path: bad } });
    expect(String(error)).not.toContain('sk-in-bad-json');
  });
});

describe('import of a codex-helper home', () => {
  const home = (): string => join(temp.root, '.codex-helper');
  const json = JSON.stringify({ codex: { configs: { fromjson: { upstreams: [{ base_url: 'https://j.example' }] } } } });
  const toml = '[codex.providers.fromtoml]\nbase_url = "https://t.example"\nauth_token = "sk-t"\n';

  it('prefers config.toml, adds filter.json and names the files it cannot bring along', async () => {
    await mkdir(home());
    await writeFile(join(home(), 'config.json'), json);
    await writeFile(join(home(), 'config.toml'), toml);
    await writeFile(join(home(), 'filter.json'), '[{"op":"replace","source":"me","target":"you"},{"op":"remove","source":"x"}]');
    await writeFile(join(home(), 'usage_providers.json'), '{}');
    const deps = await open('[[filters]]\nop = "remove"\nsource = "x"\n');
    const result = await run(deps, { source: 'codex-helper' });
    expect(result).toMatchObject({
      imported: ['fromtoml'],
      warnings: ['usage_providers.json has no counterpart and was left out.'],
    });
    expect(deps.store.snapshot().filters).toEqual([
      { op: 'remove', source: 'x' },
      { op: 'replace', source: 'me', target: 'you' },
    ]);
    const again = await run(deps, { source: 'codex-helper' });
    expect(again).toMatchObject({ imported: [], written: false });
  });

  it('reads config.json where there is no TOML, a given file, and the folder of the environment', async () => {
    await mkdir(home());
    await writeFile(join(home(), 'config.json'), `\uFEFF${json}`);
    expect((await run(await open(), { source: 'codex-helper', dryRun: true })).imported).toEqual(['fromjson']);
    const other = join(temp.root, 'other');
    await mkdir(other);
    await writeFile(join(other, 'config.toml'), toml);
    const deps = await open(undefined, { env: { CODEX_HELPER_HOME: other } });
    expect((await run(deps, { source: 'codex-helper', dryRun: true })).imported).toEqual(['fromtoml']);
    expect((await run(deps, { source: 'codex-helper', from: '~/.codex-helper/config.json', dryRun: true })).imported).toEqual([
      'fromjson',
    ]);
  });

  it('writes conditional routes that the config accepts', async () => {
    await mkdir(home());
    await writeFile(
      join(home(), 'config.toml'),
      `${toml}[codex.providers.b]\nbase_url = "https://b.example"\n[codex.routing]\nentry = "m"\n[codex.routing.routes.m]\nstrategy = "conditional"\nwhen = { model = "gpt*" }\nthen = "b"\ndefault = "fromtoml"\n[retry]\nmax_attempts = 3\n`,
    );
    const deps = await open();
    const result = await run(deps, { source: 'codex-helper' });
    expect(deps.store.status().problems).toEqual([]);
    expect(deps.store.snapshot().config.routes.map(({ name, providers }) => [name, providers])).toEqual([
      ['m', ['b']],
      ['otherwise', ['fromtoml']],
    ]);
    expect(deps.store.snapshot().retry.endpoint.maxAttempts).toBe(3);
    expect(result.toml).not.toContain('sk-t');
    expect(await deps.secrets.get('fromtoml')).toBe('sk-t');
  });
});

describe('the first config of a home', () => {
  it('is the template alone where there is nothing to import', async () => {
    const deps = await open();
    await bootstrapConfig(deps);
    expect(await onDisk()).toBe(configTemplate);
    expect(deps.store.status()).toMatchObject({ exists: true, problems: [] });
    expect((await stat(temp.paths.configFile)).mode & 0o777).toBe(0o600);
  });

  it('gives a stock Codex with a ChatGPT login a pass-through provider', async () => {
    await writeFile(join(temp.codexHome, 'auth.json'), '{"auth_mode":"chatgpt","tokens":{"access_token":"secret-at"}}');
    const deps = await open();
    await bootstrapConfig(deps);
    expect(deps.store.snapshot().endpoints).toEqual([
      expect.objectContaining({
        key: 'openai/default',
        baseUrl: 'https://chatgpt.com/backend-api/codex',
        credential: { kind: 'client' },
      }),
    ]);
    expect((await onDisk()) + deps.logger.text()).not.toContain('secret-at');
    expect((await onDisk()).startsWith(configTemplate)).toBe(true);
  });

  it('finds the API key of a stock login where Codex keeps it', async () => {
    await writeFile(join(temp.codexHome, 'auth.json'), '{"OPENAI_API_KEY":"sk-openai"}');
    const deps = await open();
    await bootstrapConfig(deps);
    const [endpoint] = deps.store.snapshot().endpoints;
    if (!endpoint) throw new Error('nothing was imported');
    expect(deps.store.credential(endpoint)).toEqual({ state: 'value', value: 'sk-openai', source: 'codex-auth:OPENAI_API_KEY' });
  });

  it('is left alone where there is one, even an empty one or a link to nowhere', async () => {
    await codexConfig(relay);
    const deps = await open('');
    await bootstrapConfig(deps);
    expect(await onDisk()).toBe('');
    const other = makeTempHome();
    onTestFinished(() => other.cleanup());
    await symlink(join(other.root, 'not-mounted.toml'), other.paths.configFile);
    const ports = testPorts({ paths: other.paths });
    await bootstrapConfig({ ...ports, store: createConfigStore(ports) });
    expect(await readdir(other.root)).not.toContain('not-mounted.toml');
  });

  it('stays the template when the import fails, and the failure is logged', async () => {
    await codexConfig('this is not toml');
    const deps = await open();
    await bootstrapConfig(deps);
    expect(await onDisk()).toBe(configTemplate);
    expect(deps.logger.text()).toContain('CONFIG_IMPORT_FAILED');
  });

  it('does not throw where nothing can be written', async () => {
    const blocked = join(temp.root, 'blocked');
    await writeFile(blocked, 'a file, not a folder');
    const paths = { ...temp.paths, home: blocked, configFile: join(blocked, 'config.toml') };
    const ports = testPorts({ paths });
    await bootstrapConfig({ ...ports, store: createConfigStore(ports) });
    expect(ports.logger.text()).toContain('STORAGE_WRITE_FAILED');
  });
});
