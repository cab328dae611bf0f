import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createConfigStore } from '../../../main/core/config/config-store.js';
import type { Keyring } from '../../../main/core/io/keyring.js';
import { createSecretStore } from '../../../main/core/io/secret-store.js';
import type { SecretStore } from '../../../main/core/ports.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { capturingLogger, testPorts } from '../../helpers/test-ports.js';

let temp: TempHome;
beforeEach(() => {
  temp = makeTempHome();
});
afterEach(() => temp.cleanup());

const fileStore = (): SecretStore => createSecretStore({ paths: temp.paths, logger: capturingLogger(), useKeyring: false });
const onDisk = (): Promise<string> => readFile(temp.paths.secretsFile, 'utf8');

function fakeKeyring(): Keyring & { readonly values: Map<string, string>; locked: boolean } {
  const values = new Map<string, string>();
  const ring = {
    values,
    locked: false,
    get: (name: string) => guard(() => values.get(name)),
    set: (name: string, value: string) => guard(() => void values.set(name, value)),
    delete: (name: string) => guard(() => void values.delete(name)),
  };
  const guard = <T>(work: () => T): Promise<T> => (ring.locked ? Promise.reject(new Error('locked')) : Promise.resolve(work()));
  return ring;
}

describe('secrets in the file', () => {
  it('are kept for their owner only, listed by name and gone after delete', async () => {
    await rm(temp.home, { recursive: true });
    const store = fileStore();
    expect(store.backend).toBe('file');
    expect(await store.list()).toEqual([]);
    await store.set('work', 'sk-w');
    await store.set('home', 'sk-h');
    expect(await store.get('work')).toBe('sk-w');
    expect(await store.list()).toEqual(['home', 'work']);
    expect((await stat(temp.paths.secretsFile)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(temp.paths.secretsFile))).mode & 0o777).toBe(0o700);
    await store.delete('work');
    await store.delete('never-there');
    expect(await store.get('work')).toBeUndefined();
    expect(await fileStore().list()).toEqual(['home']);
  });

  it('become private again when the file was open to others', async () => {
    const store = fileStore();
    await store.set('a', '1');
    await chmod(temp.paths.secretsFile, 0o644);
    await store.set('b', '2');
    expect((await stat(temp.paths.secretsFile)).mode & 0o777).toBe(0o600);
  });

  it('are all there after two stores wrote at once', async () => {
    const [one, two] = [fileStore(), fileStore()];
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? one : two).set(`s${String(index)}`, `v${String(index)}`)),
    );
    expect(await fileStore().list()).toHaveLength(8);
  });

  it.each(['{"version":1,"secrets":{"a":"sk-dam', '{"version":7,"secrets":{"a":"sk-dam"}}', '[]', ''])(
    'are never overwritten in a damaged file: %j',
    async (content) => {
      await writeFile(temp.paths.secretsFile, content);
      const store = fileStore();
      for (const call of [() => store.get('a'), () => store.set('a', 'x'), () => store.delete('a'), () => store.list()]) {
        const error: unknown = await call().then(
          () => 'no error',
          (reason: unknown) => reason,
        );
        expect(error).toMatchObject({ code: 'STORAGE_UNREADABLE', details: { path: temp.paths.secretsFile } });
        expect(String(error)).not.toContain('sk-dam');
      }
      expect(await onDisk()).toBe(content);
    },
  );

  it('say that they cannot be read when they cannot', async () => {
    await mkdir(temp.paths.secretsFile);
    await expect(fileStore().get('a')).rejects.toMatchObject({ code: 'STORAGE_UNREADABLE' });
  });

  it('have names like those of object properties', async () => {
    const store = fileStore();
    expect(await store.get('constructor')).toBeUndefined();
    await store.set('constructor', 'x');
    expect(await store.get('constructor')).toBe('x');
  });
});

describe('secrets in the keyring', () => {
  const ringStore = (ring: Keyring, logger = capturingLogger()): SecretStore =>
    createSecretStore({ paths: temp.paths, logger, useKeyring: true, keyring: () => Promise.resolve(ring) });

  it('leave only their names in the file', async () => {
    const ring = fakeKeyring();
    const store = ringStore(ring);
    await store.set('work', 'sk-w');
    expect(store.backend).toBe('keyring');
    expect(ring.values.get('work')).toBe('sk-w');
    expect(await onDisk()).not.toContain('sk-w');
    expect(await store.list()).toEqual(['work']);
    expect(await ringStore(ring).get('work')).toBe('sk-w');
    await store.delete('work');
    expect(ring.values.size).toBe(0);
    expect(await store.list()).toEqual([]);
  });

  it('go to the file when the keyring cannot be used, which is said once', async () => {
    const ring = fakeKeyring();
    ring.locked = true;
    const logger = capturingLogger();
    const store = ringStore(ring, logger);
    await store.set('a', 'sk-a');
    await store.set('b', 'sk-b');
    expect(store.backend).toBe('file');
    expect(await store.get('a')).toBe('sk-a');
    expect(logger.lines).toHaveLength(1);
    expect(logger.text()).not.toContain('sk-a');
  });

  it('are found in the file first, where a locked keyring made them go', async () => {
    const ring = fakeKeyring();
    await ringStore(ring).set('a', 'old');
    ring.locked = true;
    await ringStore(ring).set('a', 'new');
    ring.locked = false;
    const store = ringStore(ring);
    expect(await store.get('a')).toBe('new');
    await store.set('a', 'newest');
    expect(await onDisk()).not.toContain('new');
    expect(await store.get('a')).toBe('newest');
  });

  it('are not reported as deleted while they are still there', async () => {
    const ring = fakeKeyring();
    await ringStore(ring).set('a', 'x');
    ring.locked = true;
    await expect(ringStore(ring).delete('a')).rejects.toMatchObject({ code: 'STORAGE_WRITE_FAILED' });
    expect(await ringStore(ring).list()).toEqual(['a']);
  });

  // Elsewhere this would open the keyring of whoever runs the tests.
  const headless = process.platform === 'linux' && process.env['DBUS_SESSION_BUS_ADDRESS'] === undefined;
  it.runIf(headless)('go to the file on a machine without a keyring', async () => {
    const store = createSecretStore({ paths: temp.paths, logger: capturingLogger(), useKeyring: true });
    await store.set('a', 'sk-x');
    expect(store.backend).toBe('file');
    expect(await store.get('a')).toBe('sk-x');
    expect(await store.get('b')).toBeUndefined();
    await store.delete('a');
    expect(await store.list()).toEqual([]);
  });
});

it('a new value in the keyring reaches a running config store, also from another process', async () => {
  const ring = fakeKeyring();
  const options = { paths: temp.paths, logger: capturingLogger(), useKeyring: true, keyring: () => Promise.resolve(ring) };
  await writeFile(temp.paths.configFile, '[providers.a]\nbase_url = "https://a.example"\nsecret = "work"\n');
  const store = createConfigStore(testPorts({ paths: temp.paths, secrets: createSecretStore(options) }));
  onTestFinished(() => store.stop());
  await store.start();
  const [endpoint] = store.snapshot().endpoints;
  if (!endpoint) throw new Error('no endpoint');
  expect(store.credential(endpoint).state).toBe('missing');
  for (const value of ['sk-1', 'sk-2']) {
    await createSecretStore(options).set('work', value);
    await vi.waitFor(() => expect(store.credential(endpoint)).toMatchObject({ value }), { timeout: 8000 });
  }
});
