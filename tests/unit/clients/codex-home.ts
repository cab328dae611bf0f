import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCodexPatcher, type CodexPatcher, type CodexPatcherDeps } from '../../../main/core/clients/codex.js';
import type { Paths } from '../../../main/core/ports.js';

/** A Codex home and a Switchyard home in a temp folder, with a patcher over them. */
export interface CodexHome {
  readonly root: string;
  readonly paths: Paths;
  readonly configFile: string;
  readonly journalFile: string;
  readonly patcher: CodexPatcher;
  /** Another patcher over the same folders. */
  patcherWith(overrides: Partial<CodexPatcherDeps>): CodexPatcher;
  read(): string;
  write(text: string): void;
  exists(): boolean;
  logIn(mode?: 'chatgpt' | 'apikey'): void;
}

/** Where everything lies below a root. */
export function pathsBelow(root: string): Paths {
  const home = join(root, 'switchyard');
  return {
    home,
    configFile: join(home, 'config.toml'),
    secretsFile: join(home, 'secrets.json'),
    backupsDir: join(home, 'backups'),
    logsDir: join(home, 'logs'),
    stateDir: join(home, 'state'),
    runDir: join(home, 'run'),
    codexHome: join(root, 'codex'),
    userHome: root,
  };
}

/** Dependencies of a patcher over a root, with a clock that stands still. */
export function patcherDeps(root: string): CodexPatcherDeps {
  const quiet = (): void => undefined;
  return {
    paths: pathsBelow(root),
    clock: { now: () => Date.UTC(2026, 0, 2, 3, 4, 5), monotonicMs: () => 0, after: () => quiet },
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    env: {},
    cwd: root,
  };
}

/** Makes a home; `config` is written unless undefined. */
export function makeCodexHome(config?: string): CodexHome {
  const root = mkdtempSync(join(tmpdir(), 'switchyard-codex-'));
  const deps = patcherDeps(root);
  const configFile = join(deps.paths.codexHome, 'config.toml');
  mkdirSync(deps.paths.codexHome, { recursive: true });
  if (config !== undefined) writeFileSync(configFile, config);
  return {
    root,
    paths: deps.paths,
    configFile,
    journalFile: join(deps.paths.stateDir, 'codex-patch.json'),
    patcher: createCodexPatcher(deps),
    patcherWith: (overrides) => createCodexPatcher({ ...deps, ...overrides }),
    read: () => readFileSync(configFile, 'utf8'),
    write: (text) => writeFileSync(configFile, text),
    exists: () => existsSync(configFile),
    logIn(mode = 'chatgpt') {
      const auth =
        mode === 'apikey'
          ? { auth_mode: 'apikey', OPENAI_API_KEY: 'sk-test' }
          : { auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens: { id_token: 'a.b.c', access_token: 'd', refresh_token: 'e' } };
      writeFileSync(join(deps.paths.codexHome, 'auth.json'), JSON.stringify(auth));
    },
  };
}

/** The address patches point at in tests. */
export const relayUrl = 'http://127.0.0.1:3211';
