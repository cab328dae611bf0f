import { createCodexPatcher, type CodexPatcher } from '../../../main/core/clients/codex.js';
import { patcherDeps } from './codex-deps.js';

/**
 * Runs patch commands in a process of its own: `<root> <step to die at, 0 for never> <command>...`, a command being
 * `native:<url>`, `provider:<url>`, `off` or `repair`. Prints the number of steps passed.
 */
const [root = '', dieAt = '0', ...commands] = process.argv.slice(2);
let steps = 0;
const patcher = createCodexPatcher({
  ...patcherDeps(root),
  onStep: () => {
    steps += 1;
    if (steps === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
  },
});

async function run(command: string): Promise<unknown> {
  const [name, ...url] = command.split(':');
  if (name === 'off') return patcher.off();
  if (name === 'repair') return patcher.repair();
  const form: Parameters<CodexPatcher['on']>[0]['form'] = name === 'native' ? 'native' : 'provider';
  return patcher.on({ form, baseUrl: url.join(':') });
}

for (const command of commands) await run(command);
console.log(String(steps));
