import { VERSION } from '../../shared/version.js';
import { controlInputs, type ControlCall, type ControlInput } from '../../shared/control/contract.js';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';
import { readInstanceHolder } from '../core/io/instance-lock.js';
import { isSameProcessAlive } from '../core/io/process-identity.js';
import { createCodexOnQuit } from './codex-on-quit.js';
import type { NodePorts } from './node-ports.js';
import type { MakeCore } from './run-daemon.js';

/** Answers one control call from the files of a home, without a running relay. @throws SwitchyardError */
export async function callOnce(ports: NodePorts, name: string, input: unknown, makeCore: MakeCore): Promise<unknown> {
  if (!isControlCall(name)) throw new SwitchyardError('CONTROL_NOT_FOUND', `There is no control call "${name}".`);
  if (name === 'host.stop') throw await whyNotStopped(ports);
  const core = makeCore(ports, { version: VERSION, host: 'offline', onStopRequested: () => undefined });
  try {
    await core.open();
    // The handlers check the input themselves; until then it is whatever came on standard input.
    const result = await core.control.call<ControlCall>(name, input as ControlInput<ControlCall>);
    if (isCodexDecision(name, input)) await createCodexOnQuit(ports, core.control, () => undefined).forget();
    return result;
  } finally {
    await core.close();
  }
}

// Whoever asks this found no host that answers; one that hangs must still be named, or nobody could end it.
async function whyNotStopped(ports: NodePorts): Promise<SwitchyardError> {
  const { home, runDir } = ports.paths;
  const holder = await readInstanceHolder(runDir);
  if (holder === undefined || !(await isSameProcessAlive({ ...holder, startMark: holder.startMark }))) {
    return new SwitchyardError('CONTROL_NOT_RUNNING', `No Switchyard is running for ${home}.`);
  }
  const kill = process.platform === 'win32' ? `taskkill /F /PID ${holder.pid}` : `kill -9 ${holder.pid}`;
  return new SwitchyardError('STORAGE_LOCKED', `The Switchyard of ${home} (pid ${holder.pid}) does not answer.`, {
    pid: holder.pid,
    hints: [`If it stays like this: ${kill}`],
  });
}

function isControlCall(name: string): name is ControlCall {
  return Object.hasOwn(controlInputs, name);
}

function isCodexDecision(name: ControlCall, input: unknown): boolean {
  const dryRun = typeof input === 'object' && input !== null && 'dryRun' in input && input.dryRun === true;
  return (name === 'codex.on' || name === 'codex.off') && !dryRun;
}
