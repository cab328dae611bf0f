// Fetches the real Codex CLI, in the versions the end-to-end tests use, from the npm registry into a cache folder.
//
//   node scripts/fetch-codex.mjs [version...]     prints one JSON object: { "<version>": { "binary": path } | { "skipped": reason } }
//
// Once fetched a version is used again; several runs at once are safe. SWITCHYARD_TEST_CACHE moves the cache.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { npmCommand } from './lib/workspace.mjs';

const run = promisify(execFile);
export const codexVersions = ['0.169.0', '0.147.0', '0.114.0', '0.98.0'];
const triples = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
};
const platform = `${process.platform}-${process.arch}`;
const triple = triples[platform];
const cacheDir = process.env.SWITCHYARD_TEST_CACHE ?? join(homedir(), '.cache', 'switchyard-tests');
const fetchTimeoutMs = 600_000;

/** Up to 0.98 one package carries every platform; since then each platform is a package version of its own. */
function packageSpec(version) {
  const minor = Number(version.split('.')[1]);
  return minor <= 98 ? `@openai/codex@${version}` : `@openai/codex@${version}-${platform}`;
}

function findBinary(folder) {
  const places = ['bin', 'codex'].map((sub) => join(folder, 'vendor', triple, sub, 'codex'));
  return places.find((place) => existsSync(place));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A folder is the lock; it holds its owner's pid so that a dead owner does not block for ever. */
async function withLock(lockDir, action) {
  const deadline = Date.now() + fetchTimeoutMs;
  for (;;) {
    try {
      mkdirSync(lockDir);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    let owner = Number.NaN;
    try {
      owner = Number(readFileSync(join(lockDir, 'pid'), 'utf8'));
    } catch {
      // the owner is just about to write it, or to leave
    }
    if ((Number.isInteger(owner) && !isAlive(owner)) || Date.now() > deadline) {
      rmSync(lockDir, { recursive: true, force: true });
      continue;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  writeFileSync(join(lockDir, 'pid'), String(process.pid));
  try {
    return await action();
  } finally {
    rmSync(lockDir, { recursive: true, force: true });
  }
}

async function fetchVersion(version, folder) {
  const scratch = `${folder}.partial-${process.pid}`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(join(scratch, 'out'), { recursive: true });
  try {
    const npm = npmCommand(['pack', packageSpec(version), '--pack-destination', scratch, '--silent', '--ignore-scripts']);
    await run(npm.command, npm.args, { cwd: scratch, timeout: fetchTimeoutMs, maxBuffer: 1 << 24, shell: npm.shell });
    const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz'));
    if (!tarball) throw new Error('npm pack left no tarball');
    await run('tar', [
      '-xzf',
      join(scratch, tarball),
      '-C',
      join(scratch, 'out'),
      '--strip-components=1',
      `package/vendor/${triple}`,
    ]);
    if (!findBinary(join(scratch, 'out'))) throw new Error(`no codex binary for ${triple} in the package`);
    renameSync(join(scratch, 'out'), folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Answers where each version's binary is, fetching what is missing; a version that cannot be had is skipped with the reason. */
export async function ensureCodex(versions = codexVersions) {
  const result = {};
  for (const version of versions) {
    if (!triple) {
      result[version] = { skipped: `Codex end-to-end tests do not run on ${platform}` };
      continue;
    }
    const folder = join(cacheDir, `codex-${version}-${platform}`);
    try {
      mkdirSync(cacheDir, { recursive: true });
      if (!findBinary(folder)) {
        await withLock(`${folder}.lock`, async () => {
          if (!findBinary(folder)) await fetchVersion(version, folder);
        });
      }
      result[version] = { binary: findBinary(folder) };
    } catch (error) {
      const reason = String(error.stderr || error.message)
        .trim()
        .split('\n')[0];
      result[version] = { skipped: `codex ${version} could not be fetched (${reason})` };
    }
  }
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  console.log(JSON.stringify(await ensureCodex(wanted.length > 0 ? wanted : codexVersions), null, 2));
}
