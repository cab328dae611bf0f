import type { Command } from 'commander';
import type { ControlClient } from '../../control-client/control-client.js';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { Act, CliContext } from '../cli-context.js';
import { turnLine } from '../format/turn-text.js';
import { examples } from './examples.js';
import { wholeNumber } from './options.js';

interface TailOptions {
  readonly lines: number;
  readonly errors?: boolean;
  readonly follow?: boolean;
}

/** `switchyard logs tail`. */
export function addLogsCommands(program: Command, act: Act): void {
  const logs = program
    .command('logs')
    .summary('show the last turns')
    .description('Reads the request log. Every turn is one line; --json gives the full records, one per line.')
    .addHelpText('after', examples(['switchyard logs tail', ''], ['switchyard logs tail --errors -n 100', '']));
  logs
    .command('tail')
    .summary('show the last turns, newest last')
    .description('Shows the last turns, newest last.')
    .option('-n, --lines <number>', 'how many', wholeNumber(1, 1000), 20)
    .option('--errors', 'only turns that did not end well')
    .option('-f, --follow', 'go on with new turns as they end (needs a running relay)')
    .addHelpText(
      'after',
      examples(
        ['switchyard logs tail -n 5', ''],
        ['switchyard logs tail --follow', 'until Ctrl-C'],
        ["switchyard logs tail --json | jq -r '[.provider, .duration_ms] | @tsv'", ''],
      ),
    )
    .action(act((context, options: TailOptions) => tail(context, options)));
}

async function tail(context: CliContext, options: TailOptions): Promise<number> {
  const errorsOnly = options.errors ?? false;
  if (!options.follow) {
    const { records } = await context.control.call('logs.tail', { limit: options.lines, errorsOnly });
    for (const record of records) show(context, record);
    if (records.length === 0 && !context.json) context.terminal.out(errorsOnly ? 'No turn has failed.' : 'No turn yet.');
    return 0;
  }
  const running = await context.control.running();
  if (!running) throw new SwitchyardError('CONTROL_NOT_RUNNING', 'Only a running relay has new turns to follow.');
  return follow(context, running.client, options.lines, errorsOnly);
}

async function follow(context: CliContext, client: ControlClient, limit: number, errorsOnly: boolean): Promise<number> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  process.once('SIGTERM', () => interrupted.abort());
  // Turns that end while the old ones are read must come once, and after them.
  let waiting: TurnRecord[] | undefined = [];
  const events = client.events((event) => {
    if (event.type !== 'turn-end' || (errorsOnly && event.record.end === 'completed')) return;
    if (waiting) waiting.push(event.record);
    else show(context, event.record);
  }, interrupted.signal);
  const past = client.call('logs.tail', { limit, errorsOnly }).then(({ records }) => {
    const known = new Set(records.map((record) => record.turn_id));
    for (const record of [...records, ...(waiting ?? []).filter((late) => !known.has(late.turn_id))]) show(context, record);
    waiting = undefined;
  });
  await Promise.all([events, past]);
  if (interrupted.signal.aborted) return 0;
  context.terminal.err('The relay has stopped.');
  return 3;
}

function show(context: CliContext, record: TurnRecord): void {
  if (context.json) context.terminal.jsonLine(record);
  else context.terminal.out(turnLine(record, Date.now(), context.terminal.style));
}
