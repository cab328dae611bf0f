/** What a host must supply to the core; nothing in the core reaches for a global instead. */

/** Wall clock in epoch milliseconds and a monotonic clock in milliseconds with fractions. */
export interface Clock {
  now(): number;
  monotonicMs(): number;
  /** Calls back once after a delay; the returned function cancels it. Never keeps the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Randomness, so that tests can fix it. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A new UUIDv7: sorts by time. */
  uuid(): string;
}

/** Structured log of the program itself; the request log is the ledger's. Fields must not hold secrets. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Where things live; every path is absolute. */
export interface Paths {
  /** The Switchyard home, `~/.switchyard` unless moved by SWITCHYARD_HOME. */
  readonly home: string;
  /** `config.toml` in the home. */
  readonly configFile: string;
  readonly secretsFile: string;
  readonly backupsDir: string;
  readonly logsDir: string;
  readonly stateDir: string;
  readonly runDir: string;
  /** Codex's own home, `~/.codex` unless moved by CODEX_HOME. */
  readonly codexHome: string;
  /** The user's home directory. */
  readonly userHome: string;
}

/** Reads and writes named secrets: OS keyring where there is one, else a 0600 file. */
export interface SecretStore {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  delete(name: string): Promise<void>;
  /** Names only; never values. */
  list(): Promise<readonly string[]>;
  /** Where new secrets go, for the user to read: 'keyring' or 'file'. */
  readonly backend: 'keyring' | 'file';
}

/** Shows a notification to the person at the machine, where the host can. */
export interface Notifier {
  notify(notification: { readonly title: string; readonly body: string }): void;
}

/** Everything the core needs from its host. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly paths: Paths;
  readonly secrets: SecretStore;
  readonly notifier: Notifier;
  readonly env: Readonly<Record<string, string | undefined>>;
}
