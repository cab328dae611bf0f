import { fileURLToPath } from 'node:url';
import { runCli } from './cli.js';

// The built daemon lies beside the built CLI; both are entries of one build.
const daemonEntry = fileURLToPath(new URL('./daemon.js', import.meta.url));

process.stdout.on('error', ignoreClosedPipe);
process.stderr.on('error', ignoreClosedPipe);
process.exitCode = await runCli({
  args: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  daemonEntry,
});

// `switchyard … | head` ends reading early; that is no failure. A relay in the foreground goes on: it has become the daemon.
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (process.argv[1] === daemonEntry) return;
  if (error.code !== 'EPIPE') throw error;
  process.exit(process.exitCode ?? 0);
}
