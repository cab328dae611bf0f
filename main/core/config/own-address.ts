import { hostname, networkInterfaces } from 'node:os';
import type { Config } from '../../../shared/config/schema.js';
import { isWildcard, type OwnAddress } from './self-loop.js';

/** Every name and port under which this machine can reach the relay, from the config and from the running listener. */
export function ownAddressOf(
  server: Config['server'],
  listening: { readonly host: string; readonly port: number } | undefined,
): OwnAddress {
  const hosts = [server.host, ...(listening ? [listening.host] : [])];
  const everywhere = hosts.some((host) => isWildcard(host));
  const interfaces = everywhere
    ? Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? [])
    : [];
  return {
    ports: [server.port, ...(listening ? [listening.port] : [])].filter((port) => port !== 0),
    hosts: [
      ...hosts.filter((host) => !isWildcard(host)),
      ...(everywhere ? [hostname(), ...server.allowed_hosts] : []),
      ...interfaces,
    ],
  };
}
