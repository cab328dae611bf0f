import type { IncomingMessage } from 'node:http';
import type { Control, ControlCall, ControlOutputs } from '../../shared/control/contract.js';
import type { CoreEvent } from '../../shared/control/events.js';
import { CONTROL_PREFIX } from '../../shared/control/host-record.js';
import { errorCodes, type ErrorCode } from '../../shared/errors/codes.js';
import { SwitchyardError, type ErrorDetails } from '../../shared/errors/switchyard-error.js';
import { openLoopback, readText } from './loopback-request.js';

/** Where the host listens and the token that opens it. */
export interface ControlClientOptions {
  readonly baseUrl: string;
  readonly token: string;
  /** Limit of one call; default 10 s. */
  readonly timeoutMs?: number;
}

/** The control contract over loopback HTTP, with the live events. */
export interface ControlClient extends Control {
  /**
   * Calls the listener for every event until the signal fires or the host ends the stream; resolves then.
   * @throws SwitchyardError CONTROL_NOT_RUNNING, CONTROL_UNAUTHORIZED, or what the host answered
   */
  events(listener: (event: CoreEvent) => void, signal: AbortSignal): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** A client of a running host. Errors are those the host threw, or CONTROL_NOT_RUNNING when it does not answer. */
export function createControlClient(options: ControlClientOptions): ControlClient {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const authorization = `Bearer ${options.token}`;
  return {
    async call<C extends ControlCall>(name: C, input: unknown): Promise<ControlOutputs[C]> {
      const url = new URL(`${CONTROL_PREFIX}/control/${name}`, options.baseUrl);
      const headers = { authorization, 'content-type': 'application/json', accept: 'application/json' };
      const response = await openLoopback({ url, method: 'POST', headers, body: JSON.stringify(input), timeoutMs });
      const text = await readText(response, timeoutMs);
      if (response.statusCode !== 200) throw errorFrom(response.statusCode ?? 0, text);
      // The host runs the same contract; its answers are not checked a second time.
      return parseJson(text) as ControlOutputs[C];
    },
    async events(listener, signal) {
      const url = new URL(`${CONTROL_PREFIX}/events`, options.baseUrl);
      const headers = { authorization, accept: 'text/event-stream' };
      try {
        const response = await openLoopback({ url, method: 'GET', headers, timeoutMs, signal });
        if (response.statusCode !== 200) throw errorFrom(response.statusCode ?? 0, await readText(response, timeoutMs));
        await readEvents(response, listener);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
  };
}

async function readEvents(response: IncomingMessage, listener: (event: CoreEvent) => void): Promise<void> {
  response.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of response) {
      const blocks = (rest + String(chunk)).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = block
          .split('\n')
          .filter((line) => line.startsWith('data: '))
          .map((line) => line.slice('data: '.length))
          .join('\n');
        if (data !== '') listener(parseJson(data) as CoreEvent);
      }
    }
  } catch (error) {
    // A host that goes away cuts the stream; for the listener that is its end. Errors of the listener itself are not ours.
    if (!(
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE')
    )) {
      throw error;
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SwitchyardError('CONTROL_NOT_RUNNING', 'What answers at this address is not Switchyard.', {}, { cause });
  }
}

function errorFrom(status: number, text: string): SwitchyardError {
  const body: unknown = parseJson(text);
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  if (typeof error !== 'object' || error === null || !('code' in error) || !isErrorCode(error.code)) {
    return new SwitchyardError(
      'CONTROL_NOT_RUNNING',
      `What answers at this address is not this version of Switchyard (HTTP ${String(status)}).`,
    );
  }
  const message = 'message' in error && typeof error.message === 'string' ? error.message : undefined;
  const details = 'details' in error && typeof error.details === 'object' && error.details !== null ? error.details : {};
  return new SwitchyardError(error.code, message, details as ErrorDetails);
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorCodes, value);
}
