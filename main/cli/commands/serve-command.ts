import type { Command } from 'commander';
import type { Act } from '../cli-context.js';
import { examples } from './examples.js';
import { portOption } from './options.js';

/** `switchyard serve`: the relay in the foreground. */
export function addServeCommand(program: Command, act: Act): void {
  program
    .command('serve')
    .summary('run the relay in the foreground')
    .description(
      'Runs the relay in the foreground until Ctrl-C; prints one line when it is ready. A second Ctrl-C ends it at once.',
    )
    .option('--host <address>', 'listen on this address instead of [server] host')
    .addOption(portOption())
    .option('--log-level <level>', 'debug, info, warn or error, instead of [log] level')
    .addHelpText(
      'after',
      examples(
        ['switchyard serve', 'listen where config.toml says'],
        ['switchyard serve --port 0 --json', 'any free port; the readiness line is JSON'],
      ),
    )
    .action(
      act(async (context, options: { host?: string; port?: number; logLevel?: string }) => {
        const args = ['--home', context.home.home];
        if (options.host !== undefined) args.push('--host', options.host);
        if (options.port !== undefined) args.push('--port', String(options.port));
        if (options.logLevel !== undefined) args.push('--log-level', options.logLevel);
        if (context.json) args.push('--json');
        await context.daemon.become(args);
        // The daemon ends this process by itself.
        return new Promise<number>(() => undefined);
      }),
    );
}
