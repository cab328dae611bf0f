import type { Command } from 'commander';
import type { ConfigStatus } from '../../../shared/domain/config-snapshot.js';
import type { Act, CliContext } from '../cli-context.js';
import { hasErrors, problemLines } from '../format/problem-text.js';
import { columns } from '../format/style.js';
import { byLevel, endpointRow } from '../format/status-text.js';
import { addConfigImportCommand } from './config-import-command.js';
import { addConfigProviderCommands } from './config-provider-commands.js';
import { editFile } from './edit-file.js';
import { examples } from './examples.js';

/** `switchyard config …`. */
export function addConfigCommands(program: Command, act: Act): void {
  const config = program
    .command('config')
    .summary('show and change the configuration')
    .description(
      'Shows and changes config.toml. Edits keep comments, order and everything they do not concern; a running relay picks them up at once.',
    )
    .addHelpText(
      'after',
      examples(
        ['switchyard config add relay-a --base-url https://relay.example/v1 --key-env RELAY_A_KEY', ''],
        ['switchyard config set-active relay-a', ''],
        ['switchyard config import codex-helper --dry-run', ''],
      ),
    );
  addReading(config, act);
  addChecking(config, act);
  addConfigProviderCommands(config, act);
  addConfigImportCommand(config, act);
}

function addReading(config: Command, act: Act): void {
  config
    .command('list')
    .summary('list the providers by level')
    .description('Lists the providers by level, with the reason why one cannot be used.')
    .addHelpText(
      'after',
      examples(['switchyard config list', ''], ["switchyard config list --json | jq -r '.endpoints[].provider'", '']),
    )
    .action(act(list));
  config
    .command('get')
    .summary('print the configuration file')
    .description('Prints config.toml as it is on disk, secrets blanked.')
    .addHelpText('after', examples(['switchyard config get', '']))
    .action(
      act(async ({ control, json, terminal }) => {
        const answer = await control.call('config.get', {});
        if (json) terminal.json(answer);
        else if (answer.toml !== '') terminal.out(answer.toml.trimEnd());
      }),
    );
  config
    .command('path')
    .summary('print where the configuration file is')
    .description('Prints the path of config.toml, whether or not it exists.')
    .addHelpText('after', examples(['less "$(switchyard config path)"', '']))
    .action(
      act(async ({ home, json, terminal }) => {
        if (json) terminal.json({ file: home.configFile });
        else terminal.out(home.configFile);
      }),
    );
}

function addChecking(config: Command, act: Act): void {
  config
    .command('validate')
    .summary('check the configuration file')
    .description('Reads config.toml anew and names every problem with its line and column. Exit code 1 when there is an error.')
    .addHelpText('after', examples(['switchyard config validate', '']))
    .action(act(validate));
  config
    .command('edit')
    .summary('open the configuration file in your editor')
    .description('Opens config.toml in $VISUAL or $EDITOR and checks it afterwards. Exit code 1 when it then has an error.')
    .addHelpText(
      'after',
      examples(['EDITOR=nano switchyard config edit', ''], ["EDITOR='code --wait' switchyard config edit", '']),
    )
    .action(
      act(async (context) => {
        await editFile(context.home.configFile, context.env);
        return validate(context);
      }),
    );
}

async function list({ control, json, terminal }: CliContext): Promise<void> {
  const { active, pinned, endpoints, config } = await control.call('status.get', {});
  if (json) return terminal.json({ active, pinned, endpoints, problems: config.problems });
  const { style } = terminal;
  if (endpoints.length === 0)
    terminal.out('No provider yet. Add one: switchyard config add NAME --base-url URL --key-env VARIABLE');
  const rows = byLevel(endpoints).flatMap(([level, members]) =>
    members.map((endpoint) => [String(level), ...endpointRow(endpoint, style), endpoint.credential.source]),
  );
  if (rows.length > 0)
    terminal.out(columns([['LEVEL', '    PROVIDER', '', 'PROTOCOL', 'BASE URL', 'STATE', 'KEY'], ...rows]).join('\n'));
  if (config.problems.length > 0) terminal.err(problemLines(config, terminal.errorStyle).join('\n'));
}

async function validate(context: CliContext): Promise<number> {
  const status = await context.control.call('config.reload', {});
  if (context.json) context.terminal.json(status);
  else context.terminal.out(verdict(status, context));
  return hasErrors(status) ? 1 : 0;
}

function verdict(status: ConfigStatus, { terminal }: CliContext): string {
  const { style } = terminal;
  const lines = problemLines(status, style);
  if (hasErrors(status)) return [...lines, 'The last good configuration stays in use.'].join('\n');
  const good = status.exists
    ? `${status.file} ${style.green('is valid')}.`
    : `${status.file} does not exist yet; defaults apply.`;
  return [...lines, good].join('\n');
}
