const service = 'switchyard';

/** Named secrets in the keyring of the operating system; every call rejects where there is none. */
export interface Keyring {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  delete(name: string): Promise<void>;
}

/** Loads the native module at the first use only; rejects where it cannot be loaded. */
export async function openKeyring(): Promise<Keyring> {
  const { AsyncEntry } = await import('@napi-rs/keyring');
  // Without this Linux would fall back to the kernel's keyring, which forgets everything at the next boot.
  const entry = (name: string): InstanceType<typeof AsyncEntry> =>
    new AsyncEntry(service, name, { linux: { store: 'secret-service' } });
  return {
    get: async (name) => (await entry(name).getPassword()) ?? undefined,
    set: (name, value) => entry(name).setPassword(value),
    delete: async (name) => void (await entry(name).deleteCredential()),
  };
}
