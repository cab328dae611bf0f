import { SwitchyardError, isSwitchyardError } from '../../shared/errors/switchyard-error.js';
import { errorCode } from '../core/io/atomic-write.js';
import type { Core } from '../core/core.js';
import { findFreePort, findPortHolder } from './port-holder.js';

/** Opens the listener; when the port is taken, the error names the holder and a command that works. @throws SwitchyardError HOST_PORT_IN_USE */
export async function listenOrExplain(core: Core): ReturnType<Core['listen']> {
  try {
    return await core.listen();
  } catch (error) {
    if (!isSwitchyardError(error) || error.code !== 'HOST_PORT_IN_USE' || errorCode(error.cause) !== 'EADDRINUSE') throw error;
    throw await explain(error);
  }
}

async function explain(error: SwitchyardError): Promise<SwitchyardError> {
  const port = error.details['port'];
  const host = error.details['host'];
  if (typeof port !== 'number' || typeof host !== 'string') return error;
  const [holder, freePort] = await Promise.all([findPortHolder(port), findFreePort(host, port)]);
  const by = holder === undefined ? 'another program' : `${holder.name} (pid ${holder.pid})`;
  const commands = freePort === undefined ? [] : [`switchyard start --port ${freePort}`];
  return new SwitchyardError('HOST_PORT_IN_USE', `Port ${port} on ${host} is taken by ${by}.`, {
    host,
    port,
    holder,
    freePort,
    hints: commands.map((command) => `Start on a free port: ${command}`),
  });
}
