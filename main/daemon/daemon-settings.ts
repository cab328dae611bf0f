import { parse } from 'smol-toml';
import type { Control } from '../../shared/control/contract.js';
import { configSchema } from '../../shared/config/schema.js';
import type { LogLevel } from './node-logger.js';

/** The few settings the host itself acts on. */
export interface DaemonSettings {
  readonly logLevel: LogLevel;
  readonly restoreCodexOnQuit: boolean;
}

/** Reads the host's own settings out of the running configuration; undefined while the file does not parse. */
export async function readDaemonSettings(control: Control): Promise<DaemonSettings | undefined> {
  try {
    const { toml } = await control.call('config.get', {});
    const config = configSchema.parse(parse(toml));
    return { logLevel: config.log.level, restoreCodexOnQuit: config.clients.codex.restore_on_quit };
  } catch {
    return undefined;
  }
}
