import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Paths } from '../../main/core/ports.js';

/** A throwaway user with a Switchyard home and a Codex home. */
export interface TempHome {
  /** The folder that holds everything below; also the user's home. */
  readonly root: string;
  /** The Switchyard home (exists, empty). */
  readonly home: string;
  /** Codex's home (exists, empty). */
  readonly codexHome: string;
  readonly paths: Paths;
  cleanup(): void;
}

/** Makes a user home under the system's temporary folder; call `cleanup` when done. */
export function makeTempHome(): TempHome {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'switchyard-test-')));
  const home = join(root, '.switchyard');
  const codexHome = join(root, '.codex');
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(codexHome, { mode: 0o700 });
  return {
    root,
    home,
    codexHome,
    paths: {
      home,
      configFile: join(home, 'config.toml'),
      secretsFile: join(home, 'secrets.json'),
      backupsDir: join(home, 'backups'),
      logsDir: join(home, 'logs'),
      stateDir: join(home, 'state'),
      runDir: join(home, 'run'),
      codexHome,
      userHome: root,
    },
    cleanup: () => rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}
