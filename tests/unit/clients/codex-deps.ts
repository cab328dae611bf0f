import { join } from 'node:path';
import type { CodexPatcherDeps } from '../../../main/core/clients/codex.js';
import type { Paths } from '../../../main/core/ports.js';

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
