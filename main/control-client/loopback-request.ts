import { request, type IncomingMessage } from 'node:http';
import { SwitchyardError } from '../../shared/errors/switchyard-error.js';

/** One request to the relay; it never follows a proxy from the environment. */
export interface LoopbackRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Limit until the headers of the answer; the body may take longer unless the caller ends it. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Sends a request and gives the answer once its headers are there. @throws SwitchyardError CONTROL_NOT_RUNNING */
export function openLoopback(options: LoopbackRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      reject(
        new SwitchyardError('CONTROL_NOT_RUNNING', `No Switchyard answers at ${options.url.origin}: ${why}.`, {}, { cause }),
      );
    };
    const outgoing = request(options.url, {
      method: options.method,
      agent: false,
      signal: options.signal,
      headers: {
        ...options.headers,
        ...(options.body !== undefined && { 'content-length': String(Buffer.byteLength(options.body)) }),
      },
    });
    const timer = setTimeout(() => {
      fail(`no answer within ${String(options.timeoutMs)} ms`);
      outgoing.destroy();
    }, options.timeoutMs);
    outgoing.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      fail(reasonOf(error), error);
    });
    outgoing.end(options.body);
  });
}

/** The whole body of an answer as text. @throws SwitchyardError CONTROL_NOT_RUNNING when it ends early or takes too long */
export async function readText(response: IncomingMessage, timeoutMs: number): Promise<string> {
  const timer = setTimeout(() => response.destroy(new Error(`no complete answer within ${String(timeoutMs)} ms`)), timeoutMs);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    throw new SwitchyardError(
      'CONTROL_NOT_RUNNING',
      `Switchyard ended its answer early: ${reasonOf(error)}.`,
      {},
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code === 'ECONNREFUSED' ? 'connection refused' : error.message || code;
}
