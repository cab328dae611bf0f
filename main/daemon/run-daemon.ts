import { VERSION } from '../../shared/version.js';
import { isSwitchyardError, SwitchyardError } from '../../shared/errors/switchyard-error.js';
import { discoverHost } from '../control-client/discover-host.js';
import type { Core, CoreOptions } from '../core/core.js';
import { removeHostFile, writeHostFile } from '../core/io/host-file.js';
import { acquireInstanceLock, type InstanceLock } from '../core/io/instance-lock.js';
import type { Ports } from '../core/ports.js';
import { createCodexOnQuit, type CodexOnQuit } from './codex-on-quit.js';
import { readDaemonSettings } from './daemon-settings.js';
import { listenOrExplain } from './listen-or-explain.js';
import type { NodePorts } from './node-ports.js';
import { guardProcess } from './process-guard.js';

const FATAL_STOP_LIMIT_MS = 3_000;

/** How the daemon is to run. */
export interface DaemonOptions {
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** False when the command line sets the log level, which then wins over the configuration. */
  readonly logLevelFromConfig: boolean;
  /** Called once, when the relay can be used. */
  readonly onReady: (ready: DaemonReady) => void;
}

/** What the readiness line tells. */
export interface DaemonReady {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly home: string;
  readonly version: string;
  /** In words: what the user should know or do now. */
  readonly notes: readonly string[];
}

/** Makes a core; the tests give their own. */
export type MakeCore = (ports: Ports, options: CoreOptions) => Core;

interface StopRequest {
  readonly why: string;
  readonly keepCodex: boolean;
  readonly exitCode: number;
}

/** Runs the relay until it is told to stop and returns the exit code. @throws SwitchyardError when it cannot start */
export async function runDaemon(ports: NodePorts, options: DaemonOptions, makeCore: MakeCore): Promise<number> {
  const stop = createStopRequest();
  const unguard = guardProcess({
    logger: ports.logger,
    onStop: (signal) => stop.request({ why: signal, keepCodex: false, exitCode: 0 }),
    onFatal: () => stop.request({ why: 'an unexpected error', keepCodex: false, exitCode: 70 }),
  });
  const lock = await takeLock(ports);
  try {
    return await serve(ports, options, makeCore, stop);
  } finally {
    await lock.release();
    unguard();
  }
}

async function serve(ports: NodePorts, options: DaemonOptions, makeCore: MakeCore, stop: StopRequests): Promise<number> {
  const { logger, paths } = ports;
  const listen = {
    ...(options.host !== undefined && { host: options.host }),
    ...(options.port !== undefined && { port: options.port }),
  };
  const core = makeCore(ports, {
    version: VERSION,
    host: 'daemon',
    listen,
    onStopRequested: ({ keepCodex }) => stop.request({ why: 'asked to stop', keepCodex, exitCode: 0 }),
  });
  try {
    await core.open();
    const settings = await readDaemonSettings(core.control);
    const followLevel = async (): Promise<void> => {
      const level = (await readDaemonSettings(core.control))?.logLevel;
      if (level && options.logLevelFromConfig) logger.setLevel(level);
    };
    await followLevel();
    core.onEvent((event) => {
      if (event.type === 'config-changed') void followLevel();
    });
    const address = await listenOrExplain(core);
    await writeHostFile(paths.runDir, { pid: process.pid, ...address, kind: 'daemon', startedAtMs: ports.clock.now(), listen });
    const codex = createCodexOnQuit(ports, core.control, () => address.port);
    const notes = await settleCodex(codex, logger);
    options.onReady({
      pid: process.pid,
      ...address,
      home: paths.home,
      version: VERSION,
      notes: [...notes, ...(await nextSteps(core))],
    });
    logger.info('ready', { url: address.url, home: paths.home, version: VERSION });

    const request = await stop.requested;
    logger.info('stopping', { why: request.why });
    await withinLimit(request, () => quit(core, codex, request, settings?.restoreCodexOnQuit ?? true, logger));
    return request.exitCode;
  } finally {
    await removeHostFile(paths.runDir, process.pid);
    await core.close().catch((error: unknown) => logger.error('the core did not close cleanly', { error }));
  }
}

async function quit(
  core: Core,
  codex: CodexOnQuit,
  request: StopRequest,
  restoreBefore: boolean,
  logger: Ports['logger'],
): Promise<void> {
  const restore = (await readDaemonSettings(core.control))?.restoreCodexOnQuit ?? restoreBefore;
  if (!restore || request.keepCodex) return;
  try {
    if ((await codex.restore()) === 'restored') logger.info('Codex has its own configuration back');
  } catch (error) {
    logger.error('Codex could not be given its configuration back; run `switchyard codex off`', { error });
  }
}

async function settleCodex(codex: CodexOnQuit, logger: Ports['logger']): Promise<readonly string[]> {
  try {
    return (await codex.resume()) ? ['Codex goes through Switchyard again, as before the last stop.'] : [];
  } catch (error) {
    logger.warn('Codex could not be patched again', { error });
    return ['Codex could not be patched again; see `switchyard codex status`.'];
  }
}

async function nextSteps(core: Core): Promise<readonly string[]> {
  const status = await core.control.call('status.get', {});
  const notes = status.config.problems
    .filter((problem) => problem.severity === 'error')
    .map((problem) => `config: ${problem.message}`);
  if (status.endpoints.length === 0) {
    notes.push('No provider yet: `switchyard config add NAME --base-url URL --key-env VARIABLE`, or `switchyard config import`.');
  } else if (status.codex.state === 'off') notes.push('Codex does not go through Switchyard yet: `switchyard codex on`.');
  return notes;
}

async function takeLock(ports: Ports): Promise<InstanceLock> {
  const { runDir, home } = ports.paths;
  try {
    return await acquireInstanceLock({ runDir, kind: 'daemon', nowMs: ports.clock.now() });
  } catch (error) {
    if (!isSwitchyardError(error) || error.code !== 'HOST_ALREADY_RUNNING') throw error;
    const running = await discoverHost({ runDir });
    const where = running === undefined ? 'is still starting' : `runs at ${running.baseUrl}`;
    throw new SwitchyardError(
      'HOST_ALREADY_RUNNING',
      `A Switchyard (pid ${String(error.details['pid'])}) ${where} for ${home}.`,
      {
        ...error.details,
        ...(running && { url: running.baseUrl, host: running.host, port: running.port }),
      },
    );
  }
}

// After a bug the graceful way may hang, so it gets a limit; otherwise the user's second signal is the limit.
async function withinLimit(request: StopRequest, work: () => Promise<void>): Promise<void> {
  if (request.exitCode === 0) return work();
  await Promise.race([work(), new Promise<void>((resolve) => setTimeout(resolve, FATAL_STOP_LIMIT_MS))]);
}

interface StopRequests {
  readonly requested: Promise<StopRequest>;
  request(request: StopRequest): void;
}

function createStopRequest(): StopRequests {
  let settle: (request: StopRequest) => void = () => undefined;
  const requested = new Promise<StopRequest>((resolve) => {
    settle = resolve;
  });
  return { requested, request: (request) => settle(request) };
}
