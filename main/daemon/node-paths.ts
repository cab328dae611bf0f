import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Paths } from '../core/ports.js';

/** Where to look for the homes: an explicit home wins over SWITCHYARD_HOME, which wins over `~/.switchyard`. */
export interface NodePathsOptions {
  readonly home?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userHome?: string;
}

/** The absolute paths of a Switchyard home and of Codex's own home; touches no file. */
export function nodePaths(options: NodePathsOptions): Paths {
  const userHome = options.userHome ?? homedir();
  const expand = (path: string): string => resolve(path.replace(/^~(?=$|[\\/])/, userHome));
  const home = expand(nonEmpty(options.home) ?? nonEmpty(options.env['SWITCHYARD_HOME']) ?? join(userHome, '.switchyard'));
  return {
    home,
    configFile: join(home, 'config.toml'),
    secretsFile: join(home, 'secrets.json'),
    backupsDir: join(home, 'backups'),
    logsDir: join(home, 'logs'),
    stateDir: join(home, 'state'),
    runDir: join(home, 'run'),
    codexHome: expand(nonEmpty(options.env['CODEX_HOME']) ?? join(userHome, '.codex')),
    userHome,
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
