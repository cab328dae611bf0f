import type { Command } from 'commander';
import type { Act } from '../cli-context.js';
import { statusShort, statusText } from '../format/status-text.js';
import { examples } from './examples.js';

const NOT_RUNNING = 3;

/** `switchyard status`. */
export function addStatusCommand(program: Command, act: Act): void {
  program
    .command('status')
    .summary('show what is running, where turns go and why')
    .description(
      'Shows the state, the address, every provider by level with the reason why it cannot be used, live and last turns, and the Codex patch. Exit code 3 when the relay is not running.',
    )
    .option('--short', 'one line, for status bars')
    .addHelpText(
      'after',
      examples(
        ['switchyard status', ''],
        ['switchyard status --short', 'one line for tmux, waybar, a prompt'],
        ["switchyard status --json | jq '.endpoints[] | select(.usable)'", 'for scripts'],
      ),
    )
    .action(
      act(async (context, options: { short?: boolean }) => {
        const status = await context.control.call('status.get', {});
        const { terminal } = context;
        if (context.json) terminal.json(status);
        else terminal.out(options.short ? statusShort(status, terminal.style) : statusText(status, terminal.style));
        return status.address === null ? NOT_RUNNING : 0;
      }),
    );
}
