import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Version -> path of the real Codex binary; versions that could not be had are absent. */
    readonly codexBinaries: Readonly<Record<string, string>>;
  }
}

type Fetched = Readonly<Record<string, { readonly binary?: string; readonly skipped?: string }>>;

/** Hands the suites the Codex binaries that `npm test` found, or fetches them when the suite is run on its own. */
export async function setup(project: TestProject): Promise<void> {
  const given = process.env['SWITCHYARD_CODEX_BINARIES'];
  project.provide(
    'codexBinaries',
    given === undefined ? await fetchAll() : (JSON.parse(given) as Readonly<Record<string, string>>),
  );
}

async function fetchAll(): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await promisify(execFile)(process.execPath, [resolve('scripts/fetch-codex.mjs')]);
  const binaries: Record<string, string> = {};
  for (const [version, { binary, skipped }] of Object.entries(JSON.parse(stdout) as Fetched)) {
    if (binary !== undefined) binaries[version] = binary;
    else console.warn(`skipped: ${skipped ?? version}`);
  }
  return binaries;
}
