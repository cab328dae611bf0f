// Finds an Electron that runs on this machine, fetching it once where that is possible; says why when there is none.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const fetchTimeoutMs = 90_000;
const retryAfterMs = 3_600_000;
const failedMark = join(root, 'node_modules', 'electron', '.fetch-failed');

function binaryIn(dist) {
  const name = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform] ?? 'electron';
  const file = join(dist, name);
  return existsSync(file) ? file : undefined;
}

function fetchBinary() {
  const install = join(root, 'node_modules/electron/install.js');
  if (!existsSync(install)) return;
  const failedAt = statSync(failedMark, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Date.now() - failedAt < retryAfterMs) return;
  console.log('Fetching the Electron binary (once, about 110 MB) ...');
  const result = spawnSync(process.execPath, [install], { cwd: root, stdio: 'ignore', timeout: fetchTimeoutMs });
  if (result.status !== 0) writeFileSync(failedMark, '');
}

/** Running it as plain Node loads every shared library it is linked to without opening a display. */
function loads(binary) {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  return spawnSync(binary, ['-e', ''], { env, stdio: 'ignore', timeout: 20_000 }).status === 0;
}

function hasDisplay() {
  if (process.platform === 'darwin' || process.platform === 'win32') return true;
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/** Answers `{ binary }`, or `{ reason }` in a few words for people. */
export function findElectron(args = []) {
  if (process.env.SWITCHYARD_HEADLESS === '1') return { reason: 'SWITCHYARD_HEADLESS=1' };
  if (!hasDisplay()) return { reason: 'no display' };
  if (process.platform === 'linux' && process.getuid?.() === 0 && !args.includes('--no-sandbox')) {
    return { reason: "Electron's sandbox does not run as root" };
  }
  const moved = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  const dist = join(root, 'node_modules/electron/dist');
  let binary = moved ? binaryIn(moved) : binaryIn(dist);
  if (!binary && !moved) {
    fetchBinary();
    binary = binaryIn(dist);
  }
  if (!binary)
    return { reason: moved ? 'no Electron binary in ELECTRON_OVERRIDE_DIST_PATH' : 'no Electron binary could be fetched' };
  return loads(binary) ? { binary } : { reason: 'the Electron binary lacks libraries of this system' };
}
