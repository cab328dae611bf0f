import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The files of a home that the CLI itself looks at; everything else it asks the core. */
export interface CliHome {
  readonly home: string;
  readonly configFile: string;
  readonly runDir: string;
  readonly logsDir: string;
}

/** Finds the home the same way as the daemon does: `--home`, SWITCHYARD_HOME, `~/.switchyard`. */
export function cliHome(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  userHome = homedir(),
): CliHome {
  const wanted =
    [flag, env['SWITCHYARD_HOME']].find((path) => path !== undefined && path !== '') ?? join(userHome, '.switchyard');
  const home = resolve(wanted.replace(/^~(?=$|[\\/])/, userHome));
  return { home, configFile: join(home, 'config.toml'), runDir: join(home, 'run'), logsDir: join(home, 'logs') };
}
