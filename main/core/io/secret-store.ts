import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { Logger, Paths, SecretStore } from '../ports.js';
import { errorCode, writeFileAtomic } from './atomic-write.js';
import { withFileLock } from './file-lock.js';
import { openKeyring, type Keyring } from './keyring.js';

const fileSchema = z.object({
  version: z.literal(1),
  /** Secrets kept here because there is no keyring. */
  secrets: z.record(z.string(), z.string()),
  /** Names of the secrets kept in the keyring; it cannot list them itself everywhere. */
  keyring: z.array(z.string()),
  /** Counts the changes, so that a watcher of this file sees a new value in the keyring too. */
  changes: z.int(),
});

type SecretsFile = z.infer<typeof fileSchema>;

/** What {@link createSecretStore} needs. */
export interface SecretStoreOptions {
  readonly paths: Pick<Paths, 'secretsFile'>;
  readonly logger: Logger;
  /** False keeps every secret in the file. */
  readonly useKeyring: boolean;
  /** Opens the keyring; tests give their own. */
  readonly keyring?: () => Promise<Keyring>;
}

/**
 * Keeps secrets in the OS keyring where there is one, else in a 0600 file; a secret is found wherever it was put.
 * @throws SwitchyardError STORAGE_UNREADABLE for a damaged file, which is left as it is; STORAGE_LOCKED, STORAGE_WRITE_FAILED
 */
export function createSecretStore(options: SecretStoreOptions): SecretStore {
  const file = options.paths.secretsFile;
  const { isUsable, tryKeyring } = createKeyringAccess(options);
  const change = (update: SecretsUpdate): Promise<void> => changeSecretsFile(file, update);

  return {
    get backend() {
      return isUsable() ? 'keyring' : 'file';
    },
    async get(name) {
      const content = await readSecretsFile(file);
      if (Object.hasOwn(content.secrets, name)) return content.secrets[name];
      return (await tryKeyring((keyring) => keyring.get(name)))?.result;
    },
    set: (name, value) =>
      change(async ({ secrets, keyring }) => {
        const stored = await tryKeyring((ring) => ring.set(name, value));
        return stored
          ? { secrets: without(secrets, name), keyring: [...new Set([...keyring, name])].sort() }
          : { secrets: { ...secrets, [name]: value }, keyring: keyring.filter((other) => other !== name) };
      }),
    delete: (name) =>
      change(async ({ secrets, keyring }) => {
        const deleted = await tryKeyring((ring) => ring.delete(name));
        if (!deleted && keyring.includes(name))
          throw new SwitchyardError(
            'STORAGE_WRITE_FAILED',
            `The secret "${name}" is in the OS keyring, which cannot be opened now.`,
          );
        return { secrets: without(secrets, name), keyring: keyring.filter((other) => other !== name) };
      }),
    async list() {
      const content = await readSecretsFile(file);
      return [...new Set([...Object.keys(content.secrets), ...content.keyring])].sort();
    },
  };
}

type TryKeyring = <T>(work: (keyring: Keyring) => Promise<T>) => Promise<{ readonly result: T } | undefined>;

/** Undefined from `tryKeyring` means that the keyring cannot do it; from then on new secrets go to the file. */
function createKeyringAccess({ useKeyring, keyring: open = openKeyring, logger }: SecretStoreOptions): {
  readonly isUsable: () => boolean;
  readonly tryKeyring: TryKeyring;
} {
  let opening: Promise<Keyring> | undefined;
  let usable = useKeyring;
  const tryKeyring: TryKeyring = async (work) => {
    if (!useKeyring) return undefined;
    try {
      opening ??= open();
      return { result: await work(await opening) };
    } catch (error) {
      if (usable) logger.info('the OS keyring cannot be used; secrets go to the secrets file', { reason: reasonOf(error) });
      usable = false;
      return undefined;
    }
  };
  return { isUsable: () => usable, tryKeyring };
}

type SecretsUpdate = (content: SecretsFile) => Promise<Partial<SecretsFile>>;

async function changeSecretsFile(file: string, update: SecretsUpdate): Promise<void> {
  await makePrivateFolder(dirname(file));
  await withFileLock(file, async () => {
    const content = await readSecretsFile(file);
    const next: SecretsFile = { ...content, ...(await update(content)), changes: content.changes + 1 };
    await writeFileAtomic(file, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 });
    await makePrivate(file);
  });
}

async function readSecretsFile(file: string): Promise<SecretsFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { version: 1, secrets: {}, keyring: [], changes: 0 };
    throw unreadable(file, errorCode(error));
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    // Neither the parser's message nor the cause goes on: both can quote the content.
    throw unreadable(file, 'its content is damaged');
  }
}

function unreadable(file: string, reason: string): SwitchyardError {
  return new SwitchyardError('STORAGE_UNREADABLE', `The secrets file ${file} cannot be read: ${reason}. It was left as it is.`, {
    path: file,
  });
}

function without(secrets: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).filter(([other]) => other !== name));
}

async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new SwitchyardError(
      'STORAGE_WRITE_FAILED',
      `The folder ${folder} cannot be made: ${reasonOf(cause)}`,
      { path: folder },
      { cause },
    );
  }
}

/** A file made by hand or unpacked from somewhere may be open to others. */
async function makePrivate(file: string): Promise<void> {
  if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0) await chmod(file, 0o600);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
