import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createCodexPatcher, type CodexPatcher, type CodexPatcherDeps } from '../../../main/core/clients/codex.js';
import type { Paths } from '../../../main/core/ports.js';
import { patcherDeps } from './codex-deps.js';

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

/** Makes a home that lasts for the running test; `config` is written unless undefined. */
export function makeCodexHome(config?: string): CodexHome {
  const root = mkdtempSync(join(tmpdir(), 'switchyard-codex-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
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
