import type { Command } from 'commander';
import type { Act } from '../cli-context.js';
import { doctorText } from '../format/doctor-text.js';
import { examples } from './examples.js';

/** `switchyard doctor`. */
export function addDoctorCommand(program: Command, act: Act): void {
  program
    .command('doctor')
    .summary('check everything and print the commands that repair it')
    .description(
      'Checks configuration, credentials, files, the Codex patch and the environment; prints a command for what it can repair. Exit code 1 when a check failed.',
    )
    .addHelpText(
      'after',
      examples(['switchyard doctor', ''], ['switchyard doctor --json', 'for scripts and bug reports (holds no secrets)']),
    )
    .action(
      act(async ({ control, json, terminal }) => {
        const { checks } = await control.call('doctor.run', {});
        if (json) terminal.json({ checks });
        else terminal.out(doctorText(checks, terminal.style));
        return checks.some((check) => check.status === 'fail') ? 1 : 0;
      }),
    );
}
