import type { ImportResult } from '../../../shared/control/contract.js';
import type { Paths, SecretStore } from '../ports.js';
import { revisionOf } from './config-file.js';
import type { ConfigStore } from './config-store.js';
import { tableOf } from './foreign-values.js';
import { readImportSource } from './import-source.js';
import { ownAddressOf } from './own-address.js';
import { parseConfig, type ParsedConfig } from './parse-config.js';
import { parseToml } from './parse-toml.js';
import { planImport, type ImportPlan } from './plan-import.js';
import { applyEdits } from './write-config.js';

/** What to import, and how. */
export interface ImportRequest {
  readonly source: 'codex' | 'codex-helper';
  readonly from?: string | undefined;
  readonly dryRun: boolean;
  readonly overwrite: boolean;
}

/** What {@link importConfig} works with. */
export interface ImportDeps {
  readonly store: ConfigStore;
  readonly paths: Paths;
  readonly secrets: SecretStore;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Brings another tool's providers into the config: keys go to the secret store, everything else into the file in one edit. A dry
 * run stores and writes nothing.
 * @throws SwitchyardError CONFIG_IMPORT_FAILED and whatever {@link ConfigStore.edit} throws
 */
export async function importConfig(request: ImportRequest, deps: ImportDeps): Promise<ImportResult> {
  const { store, paths, secrets, env } = deps;
  const parse = (content: string): ParsedConfig =>
    parseConfig(content, { file: paths.configFile, ownAddress: (server) => ownAddressOf(server, undefined) });
  const ownPort = store.snapshot().config.server.port;
  const draft = await readImportSource({ source: request.source, from: request.from, paths, env, ownPort });
  const text = await store.text();
  const existing = parseToml(text, paths.configFile);
  const plan = planImport(draft, {
    existing: existing.ok ? tableOf(existing.value) : {},
    overwrite: request.overwrite,
    secretNames: draft.secrets.length > 0 ? await secrets.list() : [],
    parse,
  });
  const { imported, skipped, warnings, edits } = plan;
  const result = { source: request.source, imported, skipped, warnings };
  if (edits.length === 0) return { ...result, toml: text, written: false };
  const after = applyEdits(text, { edits, parse, paths });
  if (request.dryRun) return { ...result, toml: after, written: false };
  await storeSecretsAround(plan.secrets, secrets, () => store.edit(edits, revisionOf(text)));
  return { ...result, toml: await store.text(), written: true };
}

/** Keys come first, so that the new providers have them from their first moment; new ones go again when the edit is refused. */
async function storeSecretsAround(
  values: ImportPlan['secrets'],
  secrets: SecretStore,
  edit: () => Promise<unknown>,
): Promise<void> {
  const before = new Set(values.length > 0 ? await secrets.list() : []);
  for (const { name, value } of values) await secrets.set(name, value);
  try {
    await edit();
  } catch (error) {
    for (const { name } of values) if (!before.has(name)) await secrets.delete(name);
    throw error;
  }
}
