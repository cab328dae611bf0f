// npm start: installs and builds if needed, then starts Switchyard: with tray and window where Electron can run, else headless.
//
//   npm start [-- arguments for Switchyard]       SWITCHYARD_HEADLESS=1 never opens a window
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findElectron } from './lib/electron-binary.mjs';
import { ensureBuilt, ensureInstalled, requireNode, root, runChild } from './lib/workspace.mjs';

requireNode();
ensureInstalled();
if (!ensureBuilt()) process.exit(1);
const args = process.argv.slice(2);
const electron = findElectron(args);
if (electron.binary) {
  const flags = args.includes('--no-sandbox') ? ['--no-sandbox'] : [];
  const own = args.filter((arg) => arg !== '--no-sandbox');
  process.exitCode = await runChild(electron.binary, [...flags, join(root, 'out/main/electron.js'), ...own]);
} else {
  console.error(`Running headless: ${electron.reason}.`);
  // In this process: a signal to the whole group, as a closing terminal sends it, must reach the daemon once.
  await import(pathToFileURL(join(root, 'out/main/daemon.js')).href);
}
