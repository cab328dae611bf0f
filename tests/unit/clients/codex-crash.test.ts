import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'smol-toml';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCodexHome, relayUrl, type CodexHome } from './codex-home.js';

const bundleFolder = mkdtempSync(join(tmpdir(), 'switchyard-codex-child-'));
const bundle = join(bundleFolder, 'codex-child.mjs');

beforeAll(async () => {
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: fileURLToPath(new URL('./codex-child.ts', import.meta.url)),
      outDir: bundleFolder,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'codex-child.mjs' } },
    },
  });
}, 60_000);
afterAll(() => rmSync(bundleFolder, { recursive: true, force: true }));

interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

function runChild(root: string, dieAt: number, commands: readonly string[]): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bundle, root, String(dieAt), ...commands], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

function leftovers(home: CodexHome): readonly string[] {
  const folders = [home.paths.codexHome, home.paths.stateDir];
  return folders.flatMap((folder) => readdirSync(folder)).filter((name) => !['config.toml', 'codex-patch.json'].includes(name));
}

/** One operation to kill at every step. `before` brings the file to its start. */
interface Scenario {
  readonly name: string;
  readonly config: string | undefined;
  readonly before: (home: CodexHome) => Promise<unknown>;
  readonly command: string;
  /** What `off` gives back in the end. */
  readonly original: string | undefined;
}

const config = 'model = "a" # mine\r\nmodel_provider = \'acme\'\r\n\r\n[model_providers.acme]\r\nname = "A"';
const trust = '\n[projects."/x"]\ntrust_level = "trusted"\n';
const nothing = (): Promise<unknown> => Promise.resolve();
const scenarios: readonly Scenario[] = [
  { name: 'on, native', config, before: nothing, command: `native:${relayUrl}`, original: config },
  {
    name: 'on, provider, no config yet',
    config: undefined,
    before: nothing,
    command: `provider:${relayUrl}`,
    original: undefined,
  },
  {
    name: 'a switch of form',
    config,
    before: (home) => home.patcher.on({ form: 'native', baseUrl: relayUrl }),
    command: `provider:${relayUrl}`,
    original: config,
  },
  {
    name: 'a change of port after Codex wrote',
    config: 'model = "a"\n',
    before: async (home) => {
      await home.patcher.on({ form: 'provider', baseUrl: relayUrl });
      home.write(home.read() + trust);
    },
    command: 'provider:http://127.0.0.1:4000',
    original: `model = "a"\n${trust}`,
  },
  {
    name: 'off',
    config,
    before: (home) => home.patcher.on({ form: 'provider', baseUrl: relayUrl }),
    command: 'off',
    original: config,
  },
  {
    name: 'off after Codex wrote',
    config: 'model = "a"\n',
    before: async (home) => {
      await home.patcher.on({ form: 'native', baseUrl: relayUrl });
      home.write(home.read() + trust);
    },
    command: 'off',
    original: `model = "a"\n${trust}`,
  },
];

async function crashAt(scenario: Scenario, dieAt: number, isRepaired: boolean): Promise<boolean> {
  const home = makeCodexHome(scenario.config);
  await scenario.before(home);
  const start = home.exists() ? home.read() : undefined;
  const child = await runChild(home.root, dieAt, [scenario.command]);
  const died = child.signal === 'SIGKILL';
  if (!died) expect(child).toMatchObject({ code: 0 });

  const crashed = home.exists() ? home.read() : undefined;
  parse(crashed ?? '');
  if (isRepaired) {
    await home.patcher.repair();
    expect(home.exists() ? home.read() : undefined).toBe(crashed);
    expect(leftovers(home)).toEqual([]);
    const isOn = scenario.command === 'off' ? crashed === start : crashed !== start || start !== scenario.original;
    expect(await home.patcher.status()).toMatchObject({ state: isOn ? 'on' : 'off' });
  }
  await home.patcher.off();
  expect(home.exists() ? home.read() : undefined).toBe(scenario.original);
  await home.patcher.repair();
  expect([...leftovers(home), ...readdirSync(home.paths.stateDir)]).toEqual([]);
  rmSync(home.root, { recursive: true });
  return died;
}

describe('kill -9 at every step', () => {
  it.each(scenarios)(
    'of $name leaves a loadable file, and off gives the original back',
    async (scenario) => {
      let deaths = 0;
      for (let dieAt = 1; ; dieAt += 1) {
        const died = await Promise.all([crashAt(scenario, dieAt, true), crashAt(scenario, dieAt, false)]);
        if (!died[0]) break;
        deaths += 1;
      }
      expect(deaths).toBeGreaterThanOrEqual(6);
    },
    120_000,
  );
});

describe('several processes', () => {
  it('patch and undo at the same time without losing a byte', async () => {
    const home = makeCodexHome(config);
    const commands = [
      ['native:http://127.0.0.1:4001', 'off', 'native:http://127.0.0.1:4001'],
      ['provider:http://127.0.0.1:4002', 'provider:http://127.0.0.1:4003', 'off'],
      ['off', 'repair', 'provider:http://127.0.0.1:4004'],
    ];
    const results = await Promise.all(commands.map((list) => runChild(home.root, 0, list)));
    for (const result of results) expect(result).toMatchObject({ code: 0, signal: null });
    parse(home.read());
    await home.patcher.off();
    expect(home.read()).toBe(config);
    expect(leftovers(home)).toEqual([]);
  }, 60_000);
});
