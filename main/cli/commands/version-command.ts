import type { Command } from 'commander';
import { VERSION } from '../../../shared/version.js';
import type { Act } from '../cli-context.js';
import { examples } from './examples.js';

/** `switchyard version`. */
export function addVersionCommand(program: Command, act: Act): void {
  program
    .command('version')
    .summary('print the version')
    .description('Prints the version; with --json also those of Node and the platform.')
    .addHelpText('after', examples(['switchyard version --json', 'for bug reports']))
    .action(
      act(async ({ json, terminal }) => {
        if (json)
          terminal.json({ version: VERSION, node: process.versions.node, platform: process.platform, arch: process.arch });
        else terminal.out(`switchyard ${VERSION}`);
      }),
    );
}
