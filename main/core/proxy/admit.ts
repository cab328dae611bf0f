import type { IncomingMessage } from 'node:http';
import type { ProxyDeps } from './proxy-deps.js';
import { authenticate, type Caller } from './stages/authenticate.js';

/** Authenticates a request by the configuration of this moment; every path of the proxy begins here. @throws SwitchyardError INGRESS_HOST_REFUSED, INGRESS_UNAUTHORIZED */
export function admit(deps: Pick<ProxyDeps, 'snapshot' | 'clientKeys'>, request: IncomingMessage): Caller {
  const { server } = deps.snapshot().config;
  return authenticate({ request, allowedHosts: [server.host, ...server.allowed_hosts], clientKeys: deps.clientKeys() });
}
