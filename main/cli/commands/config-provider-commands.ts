import { Argument, Option, type Command } from 'commander';
import { protocols, type Protocol } from '../../../shared/domain/protocol.js';
import type { ControlCall, ControlInput, ControlOutputs } from '../../../shared/control/contract.js';
import type { ConfigStatus } from '../../../shared/domain/config-snapshot.js';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { Act, CliContext } from '../cli-context.js';
import { problemLines } from '../format/problem-text.js';
import { readSecret } from '../secret-input.js';
import { examples } from './examples.js';
import { wholeNumber } from './options.js';

const profiles = ['balanced', 'same-upstream', 'aggressive-failover', 'cost-primary'] as const;

interface AddOptions {
  readonly baseUrl: string;
  readonly keyEnv?: string;
  readonly keyStdin?: boolean;
  readonly protocol?: Protocol;
  readonly level?: number;
  readonly label?: string;
  readonly disabled?: boolean;
  readonly passClientAuth?: boolean;
}

/** `switchyard config add`, `remove`, `set-active`, `set-level`, `enable`, `disable`, `set-retry-profile` and `set-secret`. */
export function addConfigProviderCommands(config: Command, act: Act): void {
  addAdd(config, act);
  config
    .command('remove')
    .argument('<name>')
    .summary('remove a provider')
    .description('Removes a provider with its endpoints from config.toml. A backup of the file is kept.')
    .addHelpText('after', examples(['switchyard config remove relay-a', '']))
    .action(act((context, name: string) => change(context, 'provider.remove', { name }, `Removed ${name}.`)));
  addActive(config, act);
  addLevelAndState(config, act);
  config
    .command('set-retry-profile')
    .addArgument(new Argument('<profile>').choices(profiles))
    .summary('choose how eagerly to fail over')
    .description('Sets [retry] profile.')
    .addHelpText('after', examples(['switchyard config set-retry-profile aggressive-failover', '']))
    .action(
      act((context, profile: (typeof profiles)[number]) =>
        change(context, 'retry.setProfile', { profile }, `The retry profile is ${profile}.`),
      ),
    );
  config
    .command('set-secret')
    .argument('<name>')
    .summary('store a key outside the configuration file')
    .description(
      'Reads a key from standard input (typed without echo in a terminal) and stores it in the keyring of the system, or in a file only you can read. A provider uses it with `secret = "NAME"`.',
    )
    .addHelpText(
      'after',
      examples(['switchyard config set-secret relay-a < key.txt', ''], ['switchyard config set-secret relay-a', 'type it']),
    )
    .action(
      act(async (context, name: string) => {
        const value = await readSecret(`Key for ${name}: `, context.stdin, context.stderr);
        const { backend } = await context.control.call('secret.set', { name, value });
        if (context.json) context.terminal.json({ name, backend });
        else context.terminal.out(`Stored ${name} in the ${backend === 'keyring' ? 'keyring of the system' : 'secrets file'}.`);
      }),
    );
}

function addAdd(config: Command, act: Act): void {
  config
    .command('add')
    .argument('<name>', 'letters, digits, dot, dash, underscore')
    .summary('add a provider')
    .description(
      'Adds a provider. Its key comes from an environment variable of the relay (--key-env) or is stored as a secret (--key-stdin); it is never written into config.toml.',
    )
    .requiredOption('--base-url <url>', 'as in the seller’s instructions, for example https://relay.example/v1')
    .option('--key-env <variable>', 'name of the environment variable that holds the key')
    .option('--key-stdin', 'read the key from standard input and store it as a secret')
    .addOption(new Option('--protocol <protocol>', 'wire format it speaks (default responses)').choices(protocols))
    .option('--level <number>', '1 is tried first, 10 last (default 1)', wholeNumber(1, 10))
    .option('--label <text>', 'name to show')
    .option('--disabled', 'add it switched off')
    .option('--pass-client-auth', 'send the credential of the client: for logins that live in the agent')
    .addHelpText(
      'after',
      examples(
        ['switchyard config add relay-a --base-url https://relay.example/v1 --key-env RELAY_A_KEY', ''],
        ['switchyard config add backup --base-url https://b.example/v1 --key-stdin --level 2 < key.txt', ''],
      ),
    )
    .action(
      act(async (context, name: string, options: AddOptions) => {
        if (options.keyEnv !== undefined && options.keyStdin)
          throw new SwitchyardError('HOST_BAD_USAGE', 'Use --key-env or --key-stdin, not both.');
        const key = options.keyStdin ? await readSecret(`Key for ${name}: `, context.stdin, context.stderr) : undefined;
        const { baseUrl, keyEnv, protocol, level, label, disabled, passClientAuth } = options;
        const input = {
          name,
          base_url: baseUrl,
          api_key_env: keyEnv,
          key,
          protocol,
          level,
          label,
          disabled,
          pass_client_auth: passClientAuth,
        };
        await change(context, 'provider.add', input, `Added ${name}.`);
        if (keyEnv !== undefined && (context.env[keyEnv] ?? '') === '' && !context.json) {
          context.terminal.err(
            `Note: ${keyEnv} is not set here. The relay must see it when it starts: export it first, then \`switchyard restart\`.`,
          );
        }
      }),
    );
}

function addActive(config: Command, act: Act): void {
  config
    .command('set-active')
    .argument('[name]')
    .summary('prefer a provider')
    .description('Makes a provider the first choice of its level. Failover still works; `pin` would end it.')
    .option('--none', 'prefer nobody')
    .addHelpText('after', examples(['switchyard config set-active relay-a', ''], ['switchyard config set-active --none', '']))
    .action(
      act((context, name: string | undefined, options: { none?: boolean }) => {
        if ((name === undefined) === !options.none)
          throw new SwitchyardError('HOST_BAD_USAGE', 'Name one provider, or say --none.');
        return change(
          context,
          'provider.setActive',
          { name: name ?? null },
          name === undefined ? 'No provider is preferred.' : `${name} is active.`,
        );
      }),
    );
}

function addLevelAndState(config: Command, act: Act): void {
  config
    .command('set-level')
    .argument('<name>')
    .argument('<level>', '1 is tried first, 10 last', wholeNumber(1, 10))
    .summary('set the level of a provider')
    .description('Sets the level: the next level is used only when nobody of this one can be.')
    .addHelpText('after', examples(['switchyard config set-level backup 2', '']))
    .action(
      act((context, name: string, level: number) =>
        change(context, 'provider.setLevel', { name, level }, `${name} is on level ${level}.`),
      ),
    );
  for (const enabled of [true, false]) {
    const verb = enabled ? 'enable' : 'disable';
    config
      .command(verb)
      .argument('<name>')
      .summary(`switch a provider ${enabled ? 'on' : 'off'}`)
      .description(enabled ? 'Lets turns go to a provider again.' : 'Sends no turn to a provider until it is enabled again.')
      .addHelpText('after', examples([`switchyard config ${verb} relay-a`, '']))
      .action(
        act((context, name: string) =>
          change(context, 'provider.setEnabled', { name, enabled }, `${name} is ${enabled ? 'on' : 'off'}.`),
        ),
      );
  }
}

type ChangeCall = {
  [C in ControlCall]: ConfigStatus extends ControlOutputs[C] ? C : never;
}[ControlCall];

async function change<C extends ChangeCall>(context: CliContext, call: C, input: ControlInput<C>, done: string): Promise<void> {
  const status = await context.control.call<ChangeCall>(call, input);
  if (context.json) return context.terminal.json(status);
  context.terminal.out(done);
  if (status.problems.length > 0) context.terminal.err(problemLines(status, context.terminal.errorStyle).join('\n'));
}
