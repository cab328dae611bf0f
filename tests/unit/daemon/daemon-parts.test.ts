import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDaemonArguments } from '../../../main/daemon/daemon-arguments.js';
import { consoleLine, createNodeLogger } from '../../../main/daemon/node-logger.js';
import { nodePaths } from '../../../main/daemon/node-paths.js';
import { findFreePort, findPortHolder, listeningInodes, netstatPid } from '../../../main/daemon/port-holder.js';
import { createRotatingLog } from '../../../main/daemon/rotating-log.js';
import { createUuidV7 } from '../../../main/daemon/uuid-v7.js';
import packageJson from '../../../package.json' with { type: 'json' };
import { VERSION } from '../../../shared/version.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-daemon-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the version', () => {
  it('is that of the package', () => {
    expect(VERSION).toBe(packageJson.version);
  });
});

describe('the homes', () => {
  it('are in the home of the user unless the environment or the command line moves them', () => {
    const env = { SWITCHYARD_HOME: '/elsewhere', CODEX_HOME: '~/codex-2' };
    expect(nodePaths({ env: {}, userHome: '/u' })).toMatchObject({
      home: '/u/.switchyard',
      codexHome: '/u/.codex',
      configFile: '/u/.switchyard/config.toml',
    });
    expect(nodePaths({ env, userHome: '/u' })).toMatchObject({
      home: '/elsewhere',
      codexHome: '/u/codex-2',
      runDir: '/elsewhere/run',
    });
    expect(nodePaths({ env, home: '/flag', userHome: '/u' }).home).toBe('/flag');
    expect(nodePaths({ env: { SWITCHYARD_HOME: '' }, userHome: '/u' }).home).toBe('/u/.switchyard');
  });
});

describe('UUIDv7', () => {
  it('has version and variant, holds the time, and sorts in the order made, also when the clock stands or steps back', () => {
    let time = 1_700_000_000_000;
    const uuid = createUuidV7(() => time);
    const made = Array.from({ length: 5000 }, (_, index) => {
      if (index === 4990) time -= 60_000;
      return uuid();
    });
    expect(made[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(parseInt(made[0]?.replace('-', '').slice(0, 12) ?? '', 16)).toBe(1_700_000_000_000);
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });
});

describe('the program log', () => {
  it('is rotated before it outgrows its limit and keeps so many old files', async () => {
    const file = join(folder, 'logs', 'switchyard.log');
    const log = createRotatingLog({ file, maxBytes: 100, keep: 2 });
    for (let line = 0; line < 20; line += 1) log.write(`${String(line).padStart(39, '0')}\n`);
    const kept = () =>
      ['.2', '.1', ''].map((suffix) => (existsSync(`${file}${suffix}`) ? readFileSync(`${file}${suffix}`, 'utf8') : '')).join('');
    await expect.poll(() => kept().trimEnd().split('\n').map(Number)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
    expect(readdirSync(join(folder, 'logs')).sort()).toEqual(['switchyard.log', 'switchyard.log.1', 'switchyard.log.2']);
    for (const name of readdirSync(join(folder, 'logs')))
      expect(statSync(join(folder, 'logs', name)).size).toBeLessThanOrEqual(140);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes JSON to the file and readable lines to the console, from its level on', async () => {
    const seen: string[] = [];
    const logger = createNodeLogger({ logsDir: folder, level: 'info', console: (line) => seen.push(line) });
    logger.debug('hidden');
    logger.warn('careful', { port: 1, reason: 'two words', error: new Error('inner') });
    logger.setLevel('debug');
    logger.debug('shown');
    logger.flush();
    const lines = () => readFileSync(join(folder, 'switchyard.log'), 'utf8').trimEnd().split('\n');
    // The first line may be on its way already when the flush writes the second.
    await expect.poll(() => lines().length).toBe(2);
    const entries = lines().map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries).toContainEqual(expect.objectContaining({ level: 'debug', msg: 'shown' }));
    expect(entries).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'careful', error: expect.objectContaining({ message: 'inner' }) as unknown }),
    );
    expect(seen.map((line) => line.slice(9))).toEqual(['warn  careful port=1 reason="two words" error="inner"', 'debug shown']);
  });

  it('shows local time on the console', () => {
    expect(consoleLine(new Date(2026, 0, 1, 2, 3, 4), 'info', 'hello', { a: undefined })).toBe('02:03:04 info  hello');
  });
});

describe('the command line of the daemon', () => {
  it('serves by default and answers one call on request', () => {
    expect(parseDaemonArguments(['--port', '0', '--json'])).toMatchObject({ mode: { kind: 'serve' }, port: 0, json: true });
    expect(parseDaemonArguments(['--call', 'status.get', '--home', '/h'])).toMatchObject({
      mode: { kind: 'call', name: 'status.get' },
      home: '/h',
    });
  });

  it.each([[['--prot', '1']], [['--port', 'x']], [['--port', '70000']], [['--log-level', 'loud']], [['extra']]])(
    'refuses %j',
    (args) => {
      expect(() => parseDaemonArguments(args)).toThrow(expect.objectContaining({ code: 'HOST_BAD_USAGE' }));
    },
  );
});

describe('the holder of a port', () => {
  const procNetTcp = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:0C8B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0',
    '   1: 0100007F:0C8B 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 5555 1 0 100 0 0 10 0',
  ].join('\n');

  it('is read from /proc/net/tcp: listeners only', () => {
    expect(listeningInodes(procNetTcp, 3211)).toEqual(['4242']);
    expect(listeningInodes(procNetTcp, 3212)).toEqual([]);
  });

  it('is read from netstat in any language', () => {
    const netstat =
      '  Proto  Lokale Adresse  Remoteadresse  Status  PID\r\n  TCP    127.0.0.1:3211    0.0.0.0:0    ABHÖREN    9876\r\n  TCP    127.0.0.1:3211    127.0.0.1:500    HERGESTELLT    1\r\n';
    expect(netstatPid(netstat, 3211)).toBe(9876);
    expect(netstatPid(netstat, 80)).toBeUndefined();
  });

  it('is found for a real listener, and a free port beside it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const holder = await findPortHolder(port);
      if (process.platform === 'linux') expect(holder).toMatchObject({ pid: process.pid });
      expect(await findFreePort('127.0.0.1', port - 1)).not.toBe(port);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
