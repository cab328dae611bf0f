import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { app } from 'electron';

/** The desktop program: for now it runs the daemon beside itself, so that `npm start` always gives a relay. */
function runDaemonBeside(args: readonly string[]): void {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'daemon.js'), ...args], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: 'inherit',
  });
  child.on('exit', (code) => app.exit(code ?? 1));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  app.on('will-quit', () => child.kill('SIGTERM'));
}

runDaemonBeside(process.argv.slice(2));
