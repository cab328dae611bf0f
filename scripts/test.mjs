// npm test: installs and builds if needed, runs every suite this machine can run, and ends with one line naming what it skipped and why.
//
//   npm test [-- --require-all] [-- --only=unit,codex]
//   --require-all   a skipped suite is a failure (continuous integration)
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCodex } from './fetch-codex.mjs';
import { ensureBuilt, ensureInstalled, requireNode, root, runChild } from './lib/workspace.mjs';

requireNode();
const requireAll = process.argv.includes('--require-all');
const only = process.argv
  .find((arg) => arg.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');
const scratch = mkdtempSync(join(tmpdir(), 'switchyard-npm-test-'));
const results = [];
const skipped = [];

async function vitest(name, args, env = {}) {
  const report = join(scratch, `${name}.json`);
  const cli = join(root, 'node_modules/vitest/vitest.mjs');
  const all = [cli, 'run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  console.log(`\n== ${name}`);
  const code = await runChild(process.execPath, all, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  let counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    const read = JSON.parse(readFileSync(report, 'utf8'));
    counts = { passed: read.numPassedTests, failed: read.numFailedTests, skipped: read.numPendingTests + read.numTodoTests };
  } catch {
    // vitest ended before it could report; its exit code says the rest
  }
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  results.push({ name, code, ...counts });
  if (counts.skipped > 0) skipped.push({ suite: false, text: `${counts.skipped} tests of ${name} (not for this machine)` });
}

async function codex() {
  console.log('\n== codex: looking for the real Codex CLI (fetched once, about 300 MB a version) ...');
  const found = await ensureCodex();
  for (const { skipped: reason } of Object.values(found)) if (reason) skipped.push({ suite: true, text: reason });
  const binaries = Object.fromEntries(
    Object.entries(found).flatMap(([version, { binary }]) => (binary ? [[version, binary]] : [])),
  );
  if (Object.keys(binaries).length === 0) return;
  await vitest('codex', ['-c', 'vitest.e2e.config.ts'], { SWITCHYARD_CODEX_BINARIES: JSON.stringify(binaries) });
}

const suites = { unit: () => vitest('unit', []), codex };

try {
  ensureInstalled();
  if (!ensureBuilt()) {
    results.push({ name: 'build', code: 1, passed: 0, failed: 1, skipped: 0 });
  } else {
    for (const [name, run] of Object.entries(suites)) {
      if (only && !only.includes(name)) skipped.push({ suite: true, text: `${name} (not asked for)` });
      else await run();
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

console.log('');
for (const { name, code, passed, failed } of results) {
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}: ${passed} passed, ${failed} failed`);
}
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const skippedSuites = skipped.filter(({ suite }) => suite);
if (requireAll && skippedSuites.length > 0) console.log('FAIL: --require-all, but something was skipped');
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
console.log(`skipped: ${skipped.length === 0 ? 'nothing' : skipped.map(({ text }) => text).join('; ')}`);
process.exitCode = results.some(({ code }) => code !== 0) || (requireAll && skippedSuites.length > 0) ? 1 : 0;
