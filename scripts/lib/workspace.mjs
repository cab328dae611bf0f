// What the scripts share: install when needed, build when needed, run a child and answer its exit code. Node built-ins only,
// because it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const lockMark = join(root, 'node_modules', '.switchyard-lock');
const buildMark = join(root, 'out', '.built-from');
const sources = ['main', 'preload', 'renderer', 'shared', 'assets', 'electron.vite.config.ts', 'tsconfig.json', 'package.json'];
const entries = ['out/main/daemon.js', 'out/main/cli.js', 'out/main/electron.js', 'out/renderer/index.html'];

/** Ends the process with one clear line when this Node is too old; everything after it may rely on Node 20.18. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 18)) return;
  console.error(`Switchyard needs Node 20.18 or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}

function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** How to run npm: the one that started us where that is known, so that no PATH lookup or shell is needed. */
export function npmCommand(args) {
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.c?js$/.test(cli)) return { command: process.execPath, args: [cli, ...args], shell: false };
  return { command: 'npm', args, shell: process.platform === 'win32' };
}

/** Installs the dependencies when there are none or the lock file is another than the one they came from. */
export function ensureInstalled() {
  const lock = sha256(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  if (read(lockMark) === lock) return;
  const installedAt = existsSync(join(root, 'node_modules/.package-lock.json'))
    ? statSync(join(root, 'node_modules/.package-lock.json')).mtimeMs
    : 0;
  if (installedAt < statSync(join(root, 'package-lock.json')).mtimeMs) {
    console.log('Installing dependencies (npm ci) ...');
    const npm = npmCommand(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    const result = spawnSync(npm.command, npm.args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], shell: npm.shell });
    if (result.status !== 0) {
      console.error('npm ci failed; the lines above say why. Is the npm registry reachable?');
      process.exit(1);
    }
  }
  writeFileSync(lockMark, lock);
}

function* filesBelow(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) {
    yield `${relative(root, path)} ${stat.size} ${stat.mtimeMs}`;
    return;
  }
  for (const name of readdirSync(path).sort()) yield* filesBelow(join(path, name));
}

function sourceState() {
  return sha256(sources.flatMap((source) => [...filesBelow(join(root, source))]).join('\n'));
}

/** Builds into out/ unless what is there was built from exactly these sources. Answers false when the build fails. */
export function ensureBuilt() {
  const state = sourceState();
  if (read(buildMark) === state && entries.every((entry) => existsSync(join(root, entry)))) return true;
  console.log('Building ...');
  const cli = join(root, 'node_modules/electron-vite/bin/electron-vite.js');
  const result = spawnSync(process.execPath, [cli, 'build', '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.status !== 0) return false;
  mkdirSync(dirname(buildMark), { recursive: true });
  writeFileSync(buildMark, state);
  return true;
}

/** Runs a program to its end with our output, forwards signals, and answers its exit code. */
export function runChild(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const forward = (signal) => {
      // A terminal sends Ctrl-C to the whole process group; sending it again would count as the impatient second one.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const end = (code) => {
      for (const signal of signals) process.off(signal, forward);
      resolve(code);
    };
    child.on('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      end(1);
    });
    child.on('exit', (code, signal) => end(code ?? 128 + (signal === 'SIGINT' ? 2 : signal === 'SIGTERM' ? 15 : 1)));
  });
}
