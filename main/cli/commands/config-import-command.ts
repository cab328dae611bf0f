import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import type { ImportResult } from '../../../shared/control/contract.js';
import type { Act } from '../cli-context.js';
import type { Style } from '../format/style.js';
import { examples } from './examples.js';

interface ImportOptions {
  readonly from?: string;
  readonly dryRun?: boolean;
  readonly overwrite?: boolean;
}

/** `switchyard config import`. */
export function addConfigImportCommand(config: Command, act: Act): void {
  config
    .command('import')
    .addArgument(new Argument('[source]', 'whose configuration to take over').choices(['codex', 'codex-helper']).default('codex'))
    .summary('take over providers from Codex or codex-helper')
    .description(
      'Adds the providers of another tool to config.toml; the other tool’s files are only read. Providers that exist already stay as they are.',
    )
    .option('--from <path>', 'file or home of the other tool (default: its usual place)')
    .option('--dry-run', 'print the result, write nothing')
    .option('--overwrite', 'replace providers of the same name')
    .addHelpText(
      'after',
      examples(
        ['switchyard config import codex --dry-run', 'what would come from ~/.codex/config.toml'],
        ['switchyard config import codex-helper', 'both its TOML and its JSON files'],
      ),
    )
    .action(
      act(async ({ control, json, terminal }, source: 'codex' | 'codex-helper', options: ImportOptions) => {
        const result = await control.call('config.import', {
          source,
          dryRun: options.dryRun,
          overwrite: options.overwrite,
          ...(options.from !== undefined && { from: resolve(options.from) }),
        });
        if (json) terminal.json(result);
        else terminal.out(importText(result, terminal.style));
      }),
    );
}

function importText(result: ImportResult, style: Style): string {
  const verb = result.written ? 'Imported' : 'Would import';
  return [
    result.imported.length === 0
      ? `Nothing to import from ${result.source}.`
      : `${verb} from ${result.source}: ${result.imported.join(', ')}`,
    ...result.skipped.map(({ name, reason }) => `  skipped ${name}: ${reason}`),
    ...result.warnings.map((warning) => style.yellow(`  warning: ${warning}`)),
    ...(result.written || result.imported.length === 0 ? [] : ['', result.toml.trimEnd()]),
  ].join('\n');
}
