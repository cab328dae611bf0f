// npm run bench: builds, then measures Switchyard beside bare relays in interleaved rounds and prints the table of goals.
//
//   npm run bench [-- --rounds 5] [-- --profile quick] [-- --only ...]     options of tests/bench/bench.mjs are passed on
//
// Results are written to .cache/bench/. Linux only (/proc).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goalTable } from '../tests/bench/goals.mjs';
import { ensureBuilt, ensureInstalled, requireNode, root, runChild } from './lib/workspace.mjs';

requireNode();
if (process.platform !== 'linux') {
  console.error('The benchmark reads /proc and runs on Linux only.');
  process.exit(1);
}
ensureInstalled();
if (!ensureBuilt()) process.exit(1);

const given = process.argv.slice(2);
const option = (name, fallback) => (given.includes(name) ? [] : [name, fallback]);
const bench = join(root, 'tests/bench');
const outDir = join(root, '.cache/bench');
mkdirSync(outDir, { recursive: true });
const out = join(outDir, new Date().toISOString().replace(/[:.]/g, '-'));
const code = await runChild(process.execPath, [
  join(bench, 'bench.mjs'),
  ...['--targets', ['limits', 'switchyard'].map((name) => join(bench, 'targets', `${name}.json`)).join(',')],
  ...option('--only', 'direct,undici-dispatch,fastify-dispatch,switchyard'),
  ...option('--rounds', '3'),
  ...['--out', out],
  ...given,
]);
if (code === 0 && !given.includes('--verify-only') && !given.includes('--help')) {
  const results = JSON.parse(readFileSync(`${out}.json`, 'utf8'));
  const target = results.targets.some(({ name }) => name === 'switchyard') ? 'switchyard' : results.targets.at(-1).name;
  const beside = ['undici-dispatch', 'fastify-dispatch'].filter((name) => results.targets.some((one) => one.name === name));
  const table = goalTable(results, target, beside);
  const { meta } = results;
  const head = `${meta.rounds} interleaved rounds, ${meta.cpus} cores (${meta.cpu}), Node ${meta.node}; ref = ${results.ref}; command: npm run bench`;
  const text = `${head}\n\n${table.markdown}\n`;
  writeFileSync(join(outDir, 'goals.md'), text);
  console.log(`\n${text}\n${table.met} goals met, ${table.short} fall short, ${table.unmeasured} not measured`);
}
process.exitCode = code;
