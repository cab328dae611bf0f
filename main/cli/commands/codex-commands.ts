import { Option, type Command } from 'commander';
import type { CodexPatchForm, CodexPatchResult, CodexPatchStatus } from '../../../shared/control/contract.js';
import type { Act, CliContext } from '../cli-context.js';
import { diffText } from '../format/diff-text.js';
import type { Style } from '../format/style.js';
import { examples } from './examples.js';

/** `switchyard codex on | off | status`. */
export function addCodexCommands(program: Command, act: Act): void {
  const codex = program
    .command('codex')
    .summary('send Codex through Switchyard, or give it its own config back')
    .description(
      "Edits Codex's own config.toml so that Codex talks to Switchyard, and undoes that edit to the byte. Needs no running relay.",
    )
    .addHelpText(
      'after',
      examples(
        ['switchyard codex on --dry-run', 'show the edit without making it'],
        ['switchyard codex on', ''],
        ['switchyard codex off', 'also after a crash, also with no relay running'],
      ),
    );
  addCodexOn(codex, act);
  addCodexOff(codex, act);
  addCodexStatus(codex, act);
}

function addCodexOn(codex: Command, act: Act): void {
  codex
    .command('on')
    .summary('send Codex through Switchyard')
    .description('Patches config.toml of Codex. The form is chosen by how Codex is logged in, unless you name one.')
    .addOption(
      new Option('--form <form>', 'native: root openai_base_url, history stays; provider: [model_providers.switchyard]').choices([
        'auto',
        'native',
        'provider',
      ]),
    )
    .option('--dry-run', 'print the edit, write nothing')
    .addHelpText(
      'after',
      examples(['switchyard codex on', ''], ['switchyard codex on --form provider --dry-run', 'see what it would write']),
    )
    .action(
      act(async (context, options: { form?: 'auto' | CodexPatchForm; dryRun?: boolean }) => {
        const dryRun = options.dryRun ?? false;
        showResult(context, await context.control.call('codex.on', { form: options.form, dryRun }), dryRun);
        if (!dryRun && !context.json && !(await context.control.running())) {
          context.terminal.err('Note: the relay is not running, so Codex cannot work until you run `switchyard start`.');
        }
      }),
    );
}

function addCodexOff(codex: Command, act: Act): void {
  codex
    .command('off')
    .summary('give Codex its own config back')
    .description('Undoes the patch: the same bytes when nobody else edited the file, everybody else’s edits otherwise.')
    .option('--dry-run', 'print the edit, write nothing')
    .addHelpText('after', examples(['switchyard codex off', ''], ['switchyard codex off --dry-run', 'see what it would write']))
    .action(
      act(async (context, options: { dryRun?: boolean }) => {
        const dryRun = options.dryRun ?? false;
        showResult(context, await context.control.call('codex.off', { dryRun }), dryRun);
      }),
    );
}

function addCodexStatus(codex: Command, act: Act): void {
  codex
    .command('status')
    .summary('say whether Codex goes through Switchyard')
    .description(
      'Says whether and how Codex is patched, and what in the environment would make it bypass the relay. Exit code 1 when the patch is broken.',
    )
    .addHelpText(
      'after',
      examples(
        ['switchyard codex status', ''],
        ['switchyard codex status --json | jq -r .state', 'on, off, broken, foreign-edit, unreadable'],
      ),
    )
    .action(
      act(async (context) => {
        const status = await context.control.call('codex.status', {});
        if (context.json) context.terminal.json(status);
        else context.terminal.out(codexStatusText(status, context.terminal.style));
        return status.state === 'broken' || status.state === 'unreadable' ? 1 : 0;
      }),
    );
}

function showResult(context: CliContext, result: CodexPatchResult, dryRun: boolean): void {
  const { terminal } = context;
  if (context.json) return terminal.json(result);
  const lines = [result.message];
  if (dryRun && result.diff !== '') lines.push(diffText(result.diff, terminal.style));
  for (const warning of result.status.warnings)
    lines.push(`${terminal.style.yellow('warning')} ${warning.message}`, `    ${warning.remedy}`);
  terminal.out(lines.join('\n'));
}

/** The Codex patch for a person. */
export function codexStatusText(status: CodexPatchStatus, style: Style): string {
  const login = { chatgpt: 'logged in with ChatGPT', 'api-key': 'logged in with an API key', none: 'not logged in' }[
    status.loggedIn
  ];
  const state = status.state === 'on' ? style.green('on') : status.state === 'off' ? 'off' : style.red(status.state);
  return [
    `Codex is ${state}: ${status.message}`,
    `  config   ${status.configFile}${status.configExists ? '' : ' (not there)'}`,
    ...(status.baseUrl === null ? [] : [`  talks to ${status.baseUrl}${status.form ? ` (${status.form} form)` : ''}`]),
    `  login    ${login}`,
    ...(status.backups.length === 0 ? [] : [`  backups  ${status.backups.length}, newest ${status.backups.at(-1) ?? ''}`]),
    ...status.warnings.flatMap((warning) => [`${style.yellow('warning')} ${warning.message}`, `    ${warning.remedy}`]),
  ].join('\n');
}
