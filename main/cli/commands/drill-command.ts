import type { Command } from 'commander';
import type { Act } from '../cli-context.js';
import { drillSummary } from '../drill/drill-story.js';
import { runDrill } from '../drill/run-drill.js';
import { examples } from './examples.js';
import { wholeNumber } from './options.js';

const DEFAULT_TURNS = 6;
const MANY_TURNS = 100_000;

/** `switchyard drill`. */
export function addDrillCommand(program: Command, act: Act): void {
  program
    .command('drill')
    .summary('watch failover work, without a key or a network')
    .description(
      'Starts five practice upstreams (exhausted, cut, slow, flaky, healthy) and a real relay in a throwaway home, sends turns through it and tells what happens. Touches neither your configuration nor Codex. Exit code 0 only if every turn completed.',
    )
    .option(
      '--turns <number>',
      `how many turns (default ${DEFAULT_TURNS}, or as many as fit into --seconds)`,
      wholeNumber(1, MANY_TURNS),
    )
    .option('--seconds <number>', 'begin no new turn after so many seconds', wholeNumber(1, 86_400))
    .addHelpText(
      'after',
      examples(
        ['switchyard drill', ''],
        ['switchyard drill --turns 2 --json', 'the full records of every attempt'],
        ['switchyard drill --seconds 60', ''],
      ),
    )
    .action(
      act(async (context, options: { turns?: number; seconds?: number }) => {
        const { terminal, json } = context;
        const interrupted = new AbortController();
        process.once('SIGINT', () => interrupted.abort());
        process.once('SIGTERM', () => interrupted.abort());
        const turns = options.turns ?? (options.seconds === undefined ? DEFAULT_TURNS : MANY_TURNS);
        const say = json ? () => undefined : (text: string) => terminal.out(text);
        const result = await runDrill(context, { turns, seconds: options.seconds }, say, interrupted.signal);
        if (json) terminal.json(result);
        else terminal.out(`\n${drillSummary(result, terminal.style)}`);
        return result.ok ? 0 : 1;
      }),
    );
}
