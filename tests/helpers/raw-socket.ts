import { connect, type Socket } from 'node:net';
import { eventually } from './relay-suite.js';

/** A TCP connection on which a test says exactly what it wants. */
export interface RawSocket {
  write(bytes: string | Uint8Array): void;
  /** Everything received, one character per byte. */
  text(): string;
  /** Resolves when the text so far fits, or the connection is over. */
  until(fits: (text: string) => boolean): Promise<string>;
  /** Resolves when the other side has closed, with how it did. */
  closed(): Promise<'end' | 'reset'>;
  readonly isOpen: boolean;
  /** Ends our half, the other side may go on. */
  end(): void;
  destroy(): void;
  close(): void;
}

/** Opens a connection to the host and port of a URL. */
export function rawSocket(url: string): RawSocket {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let over: 'end' | 'reset' | undefined;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('end', () => {
    over ??= 'end';
    socket.end();
  });
  socket.on('error', () => (over = 'reset'));
  socket.on('close', () => (over ??= 'end'));
  const text = (): string => Buffer.concat(chunks).toString('latin1');
  return {
    write: (bytes) => void socket.write(bytes),
    text,
    async until(fits) {
      await eventually(() => fits(text()) || over !== undefined);
      return text();
    },
    async closed() {
      await eventually(() => over !== undefined);
      return over ?? 'end';
    },
    get isOpen() {
      return over === undefined;
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    close: () => void socket.destroy(),
  };
}

/** A request as text; the length is filled in, unless the headers say something about it. */
export function httpRequest(
  path: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  line = `POST ${path} HTTP/1.1`,
): Buffer {
  const bytes = Buffer.from(body);
  const all = { host: '127.0.0.1', 'content-type': 'application/json', 'content-length': String(bytes.length), ...headers };
  const head = Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return Buffer.concat([Buffer.from(`${line}\r\n${head}\r\n`, 'latin1'), bytes]);
}
