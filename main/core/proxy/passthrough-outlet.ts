import type { Dispatcher } from 'undici';
import type { Endpoint } from '../../../shared/domain/endpoint.js';
import type { Dispatchers } from '../upstream/dispatchers.js';

/** Whose exchange is being opened. */
interface Passage {
  readonly endpoint: Endpoint;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** Where the plain proxy's requests leave: the pools of the endpoints, so that outbound proxies and timeouts hold for them, too. */
export interface Outlet {
  readonly request: Dispatcher['request'];
  /** Runs `open`, which opens one exchange before it returns, as that passage. */
  through<T>(passage: Passage, open: () => T): T;
}

type Callback<T> = (error: Error | null, data: Dispatcher.ResponseData<T>) => void;

/** Makes the outlet over the pools. */
export function createOutlet(dispatchers: Dispatchers): Outlet {
  let current: Passage | undefined;

  async function send<T>(options: Dispatcher.RequestOptions<T>): Promise<Dispatcher.ResponseData<T>> {
    const passage = current;
    if (passage === undefined) throw new Error('a request outside of any passage');
    const { endpoint, signal } = passage;
    const pool = await dispatchers.for(endpoint, String(options.origin));
    return pool.request({ ...options, signal, headersTimeout: endpoint.headersTimeoutMs, bodyTimeout: 0 });
  }
  function request<T = null>(options: Dispatcher.RequestOptions<T>): Promise<Dispatcher.ResponseData<T>>;
  function request<T = null>(options: Dispatcher.RequestOptions<T>, callback: Callback<T>): void;
  function request<T = null>(options: Dispatcher.RequestOptions<T>, callback?: Callback<T>) {
    const answer = send(options);
    if (callback === undefined) return answer;
    answer.then(
      (data) => callback(null, data),
      (error: unknown) => callback(error as Error, undefined as never),
    );
    return undefined;
  }

  return {
    request,
    through(passage, open) {
      current = passage;
      try {
        return open();
      } finally {
        current = undefined;
      }
    },
  };
}
