import { createControlClient, type ControlClient } from '../control-client/control-client.js';
import { discoverHost, type DiscoveredHost } from '../control-client/discover-host.js';
import type { Control } from '../../shared/control/contract.js';
import type { CliHome } from './cli-home.js';
import type { DaemonProcess } from './daemon-process.js';

/** Imports and doctor checks may wait for the network. */
const CALL_LIMIT_MS = 60_000;

/** The core of a home: the running host where there is one, else the files themselves. */
export interface ControlCaller extends Control {
  /** The running host, undefined when there is none. */
  running(): Promise<{ readonly host: DiscoveredHost; readonly client: ControlClient } | undefined>;
}

/** Sends every call to the running host; without one, a daemon process answers it from the files and ends. */
export function createControlCaller(home: CliHome, daemon: DaemonProcess): ControlCaller {
  const running: ControlCaller['running'] = async () => {
    const host = await discoverHost({ runDir: home.runDir });
    return host && { host, client: createControlClient({ baseUrl: host.baseUrl, token: host.token, timeoutMs: CALL_LIMIT_MS }) };
  };
  return {
    running,
    async call(name, input) {
      const host = await running();
      if (host) return host.client.call(name, input);
      // The daemon runs the same contract; its answers are not checked a second time.
      return (await daemon.callOnce(home, name, input)) as never;
    },
  };
}
