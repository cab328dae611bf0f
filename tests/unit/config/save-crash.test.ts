import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createConfigStore } from '../../../main/core/config/config-store.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { testPorts } from '../../helpers/test-ports.js';

const fixture = fileURLToPath(new URL('./fixtures/save-forever.ts', import.meta.url));
const initial = '# before\n[server] # keep\nport = 9999 # changed\n\n[providers.relay]\nbase_url = "https://relay.example"\n';
const withPort = (port: number): string => initial.replace('9999', String(port));

let bundleDir: string;
let temp: TempHome;

beforeAll(async () => {
  bundleDir = mkdtempSync(join(tmpdir(), 'switchyard-bundle-'));
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: fixture,
      outDir: bundleDir,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { entryFileNames: 'save.mjs' } },
    },
    ssr: { noExternal: true },
  });
}, 60_000);
afterAll(() => rmSync(bundleDir, { recursive: true, force: true }));

beforeEach(async () => {
  temp = makeTempHome();
  await writeFile(temp.paths.configFile, initial);
});
afterEach(() => temp.cleanup());

/** Runs the saving child until it dies by SIGKILL; answers the last port it said it had saved. */
async function runUntilKilled(dieAt: string | undefined, killAfterMs?: number): Promise<number> {
  const child = spawn(process.execPath, [join(bundleDir, 'save.mjs'), temp.home, ...(dieAt === undefined ? [] : [dieAt])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  if (killAfterMs !== undefined) child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), killAfterMs));
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect(signal).toBe('SIGKILL');
  return Number(said.trim().split('\n').at(-1) || 9999);
}

async function expectLoadable(lastSaid: number): Promise<void> {
  const text = await readFile(temp.paths.configFile, 'utf8');
  // The one it had reported, or the next one, whose report the kill swallowed.
  const next = lastSaid === 9999 ? 10_000 : lastSaid + 1;
  expect([withPort(lastSaid), withPort(next)]).toContain(text);
  const store = createConfigStore(testPorts({ paths: temp.paths }));
  expect((await store.reload()).problems).toEqual([]);
}

describe('a process killed while it saves the config', () => {
  it.each([
    ['temp-created', 9999],
    ['temp-written', 9999],
    ['temp-synced', 9999],
    ['renamed', 10_000],
  ])('leaves a whole file at the step %s, and the next edit works at once', async (step, port) => {
    await runUntilKilled(step);
    expect(await readFile(temp.paths.configFile, 'utf8')).toBe(withPort(port));
    const store = createConfigStore(testPorts({ paths: temp.paths }));
    const status = await store.edit([{ op: 'set', path: ['server', 'port'], value: 5000 }]);
    expect(status.problems).toEqual([]);
    expect(await readFile(temp.paths.configFile, 'utf8')).toBe(withPort(5000));
  });

  it('leaves one of the versions it wrote, whenever it is killed', async () => {
    for (let round = 0; round < 20; round += 1) {
      // A new home each time: the lock of the dead one is not what this is about.
      temp.cleanup();
      temp = makeTempHome();
      await writeFile(temp.paths.configFile, initial);
      await expectLoadable(await runUntilKilled(undefined, round * 1.7));
    }
  }, 60_000);
});
