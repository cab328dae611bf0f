import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Act } from '../cli-context.js';
import { explanationText } from '../format/explanation-text.js';
import { examples } from './examples.js';
import { collectHeader } from './options.js';

interface ExplainOptions {
  readonly model?: string;
  readonly path?: string;
  readonly session?: string;
  readonly project?: string;
  readonly header?: Readonly<Record<string, string>>;
}

/** `switchyard explain`, `pin`, `unpin` and `reset-cooldown`. */
export function addRoutingCommands(program: Command, act: Act): void {
  program
    .command('explain')
    .summary('say which providers a turn would try, which not, and why')
    .description(
      'Asks the real router what it would do with a turn now; nothing is sent. Exit code 1 when nothing could serve it.',
    )
    .option('--model <model>', 'as the client would ask for it')
    .option('--path <path>', 'request path (default /v1/responses)')
    .option('--session <id>', 'session id, for affinity and pins')
    .option('--project <folder>', 'working folder of the session')
    .option('--header <name=value>', 'a request header; may be repeated', collectHeader)
    .addHelpText(
      'after',
      examples(
        ['switchyard explain', ''],
        ['switchyard explain --model gpt-5 --project .', ''],
        ['switchyard explain --path /v1/messages --json', ''],
      ),
    )
    .action(
      act(async ({ control, json, terminal }, options: ExplainOptions) => {
        const { header, project, ...rest } = options;
        const explanation = await control.call('route.explain', {
          ...rest,
          ...(project !== undefined && { project: resolve(project) }),
          ...(header && { headers: header }),
        });
        if (json) terminal.json(explanation);
        else terminal.out(explanationText(explanation, options, Date.now(), terminal.style));
        return explanation.plan.candidates.length === 0 ? 1 : 0;
      }),
    );
  addPinCommands(program, act);
  program
    .command('reset-cooldown')
    .argument('[endpoint]', 'provider/endpoint, or a provider with one endpoint; all when left out')
    .summary('try a resting provider again now')
    .description('Ends cooldowns now instead of when they run out.')
    .addHelpText('after', examples(['switchyard reset-cooldown', 'all'], ['switchyard reset-cooldown relay-a', '']))
    .action(
      act(async ({ control, json, terminal }, endpoint: string | undefined) => {
        const { reset } = await control.call('endpoint.resetCooldown', { endpoint });
        if (json) terminal.json({ reset });
        else terminal.out(reset.length === 0 ? 'Nothing was resting.' : `Ready again: ${reset.join(', ')}`);
      }),
    );
}

function addPinCommands(program: Command, act: Act): void {
  program
    .command('pin')
    .argument('<provider>')
    .summary('send everything, or one session, to one provider and nowhere else')
    .description('Pins turns to one provider, without failover. To prefer a provider and keep failover, use `config set-active`.')
    .option('--session <id>', 'only this session')
    .addHelpText(
      'after',
      examples(['switchyard pin relay-a', 'every session'], ['switchyard pin relay-a --session 0199…', 'one session']),
    )
    .action(
      act(async ({ control, json, terminal }, provider: string, options: { session?: string }) => {
        const status = await control.call('pin.set', { provider, session: options.session });
        if (json) terminal.json(status);
        else
          terminal.out(
            `${options.session ? `Session ${options.session}` : 'Every turn'} now goes to ${provider} and nowhere else. Undo: switchyard unpin${options.session ? ` --session ${options.session}` : ''}`,
          );
      }),
    );
  program
    .command('unpin')
    .summary('let failover choose again')
    .description('Removes a pin.')
    .option('--session <id>', 'only the pin of this session')
    .addHelpText('after', examples(['switchyard unpin', ''], ['switchyard unpin --session 0199…', '']))
    .action(
      act(async ({ control, json, terminal }, options: { session?: string }) => {
        const status = await control.call('pin.clear', { session: options.session });
        if (json) terminal.json(status);
        else terminal.out('Unpinned; levels and failover decide again.');
      }),
    );
}
