import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A little outbound proxy that knows names no resolver knows. */
export interface OutboundProxy {
  readonly port: number;
  /** `host:port` of everything asked for, in order. */
  readonly targets: readonly string[];
  /** User names and passwords that were presented, `user:password`. */
  readonly logins: readonly string[];
  close(): Promise<void>;
}

/** How a little proxy behaves. */
export interface OutboundProxyOptions {
  /** Where each `host:port` really is, on this machine. */
  readonly hosts?: Readonly<Record<string, number>>;
  /** Required as `user:password`. */
  readonly login?: string;
}

function locate(options: OutboundProxyOptions, target: string): number {
  return options.hosts?.[target] ?? Number(target.slice(target.lastIndexOf(':') + 1));
}

function track(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function closer(server: Server, sockets: ReadonlySet<Socket>): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
}

function tunnel(socket: Socket, port: number, opened: () => void): void {
  const upstream = connect(port, '127.0.0.1', () => {
    opened();
    socket.pipe(upstream).pipe(socket);
  });
  upstream.on('error', () => socket.destroy());
  socket.on('close', () => upstream.destroy());
}

/** An HTTP proxy: CONNECT tunnels and absolute-form requests. */
export async function startHttpProxy(options: OutboundProxyOptions = {}): Promise<OutboundProxy> {
  const targets: string[] = [];
  const logins: string[] = [];
  const admits = (headers: IncomingMessage['headers']): boolean => {
    const given = /^Basic (\S+)$/.exec(headers['proxy-authorization'] ?? '')?.[1];
    if (given !== undefined) logins.push(Buffer.from(given, 'base64').toString('utf8'));
    return options.login === undefined || logins.at(-1) === options.login;
  };
  const forward = (incoming: IncomingMessage, response: ServerResponse): void => {
    if (!admits(incoming.headers)) return void response.writeHead(407).end();
    const url = new URL(incoming.url ?? '');
    const target = `${url.hostname}:${url.port || '80'}`;
    targets.push(target);
    const { method, headers } = incoming;
    const onward = request({
      host: '127.0.0.1',
      port: locate(options, target),
      path: url.pathname + url.search,
      method,
      headers,
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    incoming.pipe(onward);
  };
  const server = createServer(forward);
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    if (!admits(incoming.headers))
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
    const target = incoming.url ?? '';
    targets.push(target);
    tunnel(socket, locate(options, target), () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
  });
  const sockets = track(server);
  return { port: await listen(server), targets, logins, close: closer(server, sockets) };
}

const NO_LOGIN = 0;
const WITH_LOGIN = 2;
const REFUSED = 0xff;

/** A SOCKS5 proxy (RFC 1928, login of RFC 1929), CONNECT only. */
export async function startSocksProxy(options: OutboundProxyOptions = {}): Promise<OutboundProxy> {
  const targets: string[] = [];
  const logins: string[] = [];
  const server = createTcpServer((socket) => void serve(socket).catch(() => socket.destroy()));
  const sockets = track(server);

  async function serve(socket: Socket): Promise<void> {
    const read = reader(socket);
    const [, methodCount = 0] = await read(2);
    const offered = [...(await read(methodCount))];
    const method = options.login === undefined ? NO_LOGIN : WITH_LOGIN;
    socket.write(Buffer.of(5, offered.includes(method) ? method : REFUSED));
    if (method === WITH_LOGIN && !(await checkLogin(socket, read))) return void socket.end();
    const [, , , kind] = await read(4);
    const host = await readHost(read, kind);
    const target = `${host}:${(await read(2)).readUInt16BE(0)}`;
    targets.push(target);
    tunnel(socket, locate(options, target), () => socket.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0)));
  }

  async function checkLogin(socket: Socket, read: Read): Promise<boolean> {
    const [, userLength = 0] = await read(2);
    const user = (await read(userLength)).toString('utf8');
    const [passwordLength = 0] = await read(1);
    logins.push(`${user}:${(await read(passwordLength)).toString('utf8')}`);
    const admitted = logins.at(-1) === options.login;
    socket.write(Buffer.of(1, admitted ? 0 : 1));
    return admitted;
  }

  return { port: await listen(server), targets, logins, close: closer(server, sockets) };
}

type Read = (length: number) => Promise<Buffer>;

async function readHost(read: Read, kind: number | undefined): Promise<string> {
  if (kind === 1) return [...(await read(4))].join('.');
  if (kind === 3) {
    const [length = 0] = await read(1);
    return (await read(length)).toString('utf8');
  }
  const words = await read(16);
  return `[${Array.from({ length: 8 }, (_, index) => words.readUInt16BE(2 * index).toString(16)).join(':')}]`;
}

/** Reads exactly so many bytes at a time, and leaves what follows to others. */
function reader(socket: Socket): Read {
  return async (length) => {
    if (length === 0) return Buffer.alloc(0);
    for (;;) {
      const chunk = socket.read(length) as Buffer | null;
      if (chunk !== null) return chunk;
      await new Promise<void>((resolve, reject) => {
        socket.once('readable', resolve);
        socket.once('close', () => reject(new Error('closed')));
      });
    }
  };
}
