import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { errorCode, writeFileAtomic } from '../io/atomic-write.js';
import { withFileLock } from '../io/file-lock.js';
import type { Logger } from '../ports.js';
import { makeHomeFolder } from './config-file.js';
import { importConfig, type ImportDeps } from './import-config.js';

/** What a new config file says before anything is added; every line but the version is a comment. */
export const configTemplate = `# Switchyard. Saved changes take effect at once; docs/configuration.md explains every key.
version = 1

# [server]            where the relay listens: host, port, keys for other devices
# [routing]           which provider is preferred, and how the next one is chosen
# [retry]             how often and on what a turn is tried again: profile = "balanced"
# [providers.<name>]  one seller of model access: base_url, api_key_env or secret, level 1 (first) to 10
# [[routes]]          sends some models, paths or folders to certain providers only
# [clients.codex]     how Codex is pointed at this relay
# [notify]            when to show a notification
# [log]               what is written to logs/requests.jsonl, and how much is kept
# [[filters]]         replaces or removes text in what is sent upstream
# [ui]                language
`;

/**
 * Gives a home without a config its first one: the template, and what Codex's own config offers. Never throws and never touches a
 * file that is there; whatever fails is logged and left for the user.
 */
export async function bootstrapConfig(deps: ImportDeps & { readonly logger: Logger }): Promise<void> {
  const { logger, paths, store } = deps;
  try {
    if (!(await writeTemplate(paths.configFile))) return;
    await store.reload();
    const { imported, skipped, warnings } = await importConfig({ source: 'codex', dryRun: false, overwrite: false }, deps);
    logger.info('a new configuration was written', { file: paths.configFile, imported, skipped });
    for (const warning of warnings) logger.warn(`import from Codex: ${warning}`);
  } catch (error) {
    const reason = error instanceof SwitchyardError ? `${error.code}: ${error.message}` : String(error);
    logger.warn('the first configuration could not be completed', { file: paths.configFile, reason });
  }
}

async function writeTemplate(file: string): Promise<boolean> {
  if (await isThere(file)) return false;
  await makeHomeFolder(dirname(file));
  return withFileLock(file, async () => {
    if (await isThere(file)) return false;
    await writeFileAtomic(file, configTemplate, { mode: 0o600 });
    return true;
  });
}

/** Also true for a symlink that points at nothing: somebody put it there. */
async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return false;
    throw error;
  }
}
