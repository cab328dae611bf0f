import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';

const QUESTION_TIMEOUT_MS = 2_000;
const PORTS_TO_TRY = 100;

/** The process that listens on a port, as far as this user may know. */
export interface PortHolder {
  readonly pid: number;
  readonly name: string;
}

/** Finds who listens on a TCP port of this machine; undefined when that cannot be known in two seconds. */
export async function findPortHolder(port: number): Promise<PortHolder | undefined> {
  try {
    switch (process.platform) {
      case 'linux':
        return await askProc(port);
      case 'win32':
        return await askNetstat(port);
      default:
        return await askLsof(port);
    }
  } catch {
    return undefined;
  }
}

/** The first port above this one that can be listened on now; undefined when none of the next hundred can. */
export async function findFreePort(host: string, above: number): Promise<number | undefined> {
  const last = Math.min(65_535, above + PORTS_TO_TRY);
  for (let port = above + 1; port <= last; port += 1) {
    if (await canListen(host, port)) return port;
  }
  return undefined;
}

/** Reads the socket inodes that listen on a port out of the text of /proc/net/tcp or tcp6. */
export function listeningInodes(procNetTcp: string, port: number): readonly string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes: string[] = [];
  for (const line of procNetTcp.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, local, , state] = fields;
    if (local?.endsWith(`:${wanted}`) && state === '0A' && fields[9] !== undefined) inodes.push(fields[9]);
  }
  return inodes;
}

/** Reads the pid that listens on a port out of what `netstat -ano -p TCP` prints, in any language of Windows. */
export function netstatPid(netstat: string, port: number): number | undefined {
  for (const line of netstat.split('\n')) {
    const fields = line.trim().split(/\s+/);
    // The state column is translated; a listener is told by its foreign port 0.
    if (fields[0] === 'TCP' && fields[1]?.endsWith(`:${port}`) && fields[2]?.endsWith(':0')) return Number(fields.at(-1));
  }
  return undefined;
}

async function askProc(port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')));
  const wanted = new Set(tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`));
  if (wanted.size === 0) return undefined;
  const deadline = performance.now() + QUESTION_TIMEOUT_MS;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (performance.now() > deadline) return undefined;
    if (await holdsSocket(pid, wanted)) return { pid: Number(pid), name: await processName(pid) };
  }
  return undefined;
}

async function holdsSocket(pid: string, wanted: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    if (wanted.has(await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ''))) return true;
  }
  return false;
}

async function processName(pid: string): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() || 'unknown';
}

async function askLsof(port: number): Promise<PortHolder | undefined> {
  const text = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']);
  const pid = /^p(\d+)$/m.exec(text)?.[1];
  return pid === undefined ? undefined : { pid: Number(pid), name: /^c(.+)$/m.exec(text)?.[1] ?? 'unknown' };
}

async function askNetstat(port: number): Promise<PortHolder | undefined> {
  const pid = netstatPid(await run('netstat', ['-ano', '-p', 'TCP']), port);
  if (pid === undefined) return undefined;
  const name = /^"([^"]+)"/.exec(await run('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH']))?.[1];
  return { pid, name: name ?? 'unknown' };
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: QUESTION_TIMEOUT_MS, windowsHide: true }, (_error, stdout) => resolve(stdout));
  });
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
