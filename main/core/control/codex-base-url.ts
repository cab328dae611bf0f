import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { isWildcard } from '../config/self-loop.js';

/**
 * The base URL that Codex is to use: where the relay listens, or where its config says it will.
 * @throws SwitchyardError CONTROL_NOT_RUNNING when the config leaves the port to chance and nothing listens
 */
export function codexBaseUrl(
  address: { readonly host: string; readonly port: number } | null,
  server: { readonly host: string; readonly port: number },
): string {
  const { host, port } = address ?? server;
  if (port === 0) {
    throw new SwitchyardError('CONTROL_NOT_RUNNING', 'With `[server] port = 0` the address is known only while Switchyard runs.');
  }
  const name = isWildcard(host) ? '127.0.0.1' : host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `http://${name}:${String(port)}/v1`;
}
