import { execFile } from 'node:child_process';
import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { CodexPatchStatus, DoctorCheck } from '../../../shared/control/contract.js';
import { assertNever } from '../../../shared/assert.js';
import { codexBaseUrl } from './codex-base-url.js';
import { fail, info, ok, shellWord, warn } from './doctor-checks.js';
import type { DoctorDeps } from './doctor.js';

const VERSION_TIMEOUT_MS = 5_000;
const ON = 'switchyard codex on';
const OFF = 'switchyard codex off';

/** Checks of Codex: the program, its login, our patch, and what would make it bypass or miss the relay. */
export async function checkCodex(deps: DoctorDeps): Promise<readonly DoctorCheck[]> {
  const status = await deps.codex.status();
  return [
    await checkBinary(deps),
    await checkLogin(deps, status),
    checkPatch(deps, status),
    ...checkNoProxy(deps),
    ...status.warnings
      // Said above with the exact command for this environment.
      .filter(({ code }) => !/proxy/i.test(code))
      .map(({ code, message, remedy }) => warn(`codex.env.${code}`, message, remedy)),
  ];
}

async function checkBinary({ env, platform }: DoctorDeps): Promise<DoctorCheck> {
  const file = await findInPath('codex', env, platform);
  if (file === undefined) return info('codex.binary', 'Codex is not found in PATH.', 'npm install -g @openai/codex');
  const version = await askVersion(file, env, platform);
  if (version === undefined) return warn('codex.binary', `${file} does not tell its version.`, 'npm install -g @openai/codex');
  return ok('codex.binary', `${file} (${version}).`);
}

async function findInPath(name: string, env: DoctorDeps['env'], platform: NodeJS.Platform): Promise<string | undefined> {
  const suffixes = platform === 'win32' ? ['.exe', '.cmd', '.bat'] : [''];
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of folders) {
    for (const suffix of suffixes) {
      const file = join(folder, name + suffix);
      const found = await access(file, platform === 'win32' ? constants.F_OK : constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return file;
    }
  }
  return undefined;
}

function askVersion(file: string, env: DoctorDeps['env'], platform: NodeJS.Platform): Promise<string | undefined> {
  const shell = platform === 'win32';
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: VERSION_TIMEOUT_MS, windowsHide: true, shell };
    execFile(shell ? `"${file}"` : file, ['--version'], options, (error, stdout) => {
      const line = stdout.trim().split('\n')[0] ?? '';
      resolve(error || line === '' ? undefined : line);
    });
  });
}

async function checkLogin({ paths }: DoctorDeps, status: CodexPatchStatus): Promise<DoctorCheck> {
  const file = join(paths.codexHome, 'auth.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined && !isJson(text)) return fail('codex.auth', `${file} is not valid JSON.`, 'codex login');
  switch (status.loggedIn) {
    case 'chatgpt':
      return ok('codex.auth', 'Codex is logged in with ChatGPT.');
    case 'api-key':
      return ok('codex.auth', 'Codex is logged in with an API key.');
    case 'none':
      return status.form === 'native'
        ? warn('codex.auth', 'Codex is not logged in, and the native form of the patch needs a login.', `${ON} --form provider`)
        : info('codex.auth', 'Codex is not logged in; through the relay it needs no login.');
    default:
      return assertNever(status.loggedIn);
  }
}

function checkPatch({ config, address }: DoctorDeps, status: CodexPatchStatus): DoctorCheck {
  const id = 'codex.patch';
  switch (status.state) {
    case 'on': {
      const expected = expectedBaseUrl(address(), config.snapshot().config.server);
      if (expected !== undefined && status.baseUrl !== null && !sameUrl(status.baseUrl, expected)) {
        return warn(id, `Codex goes to ${status.baseUrl}, but the relay is at ${expected}.`, ON);
      }
      return ok(id, `Codex goes through the relay (form ${status.form ?? 'unknown'}).`);
    }
    case 'off':
      return info(id, 'Codex does not go through the relay.', ON);
    case 'broken':
      return fail(id, status.message, OFF);
    case 'foreign-edit':
      return warn(id, status.message, ON);
    case 'unreadable':
      return fail(id, status.message, `codex doctor`);
    default:
      return assertNever(status.state);
  }
}

function expectedBaseUrl(...where: Parameters<typeof codexBaseUrl>): string | undefined {
  try {
    return codexBaseUrl(...where);
  } catch {
    // Port 0 and nothing listens: there is nothing to compare with.
    return undefined;
  }
}

function sameUrl(left: string, right: string): boolean {
  const plain = (url: string) => url.replace(/\/+$/, '').replace('//localhost:', '//127.0.0.1:');
  return plain(left) === plain(right);
}

/** Codex sends even loopback URLs through a proxy of the environment. */
function checkNoProxy({ env, platform, address, config }: DoctorDeps): readonly DoctorCheck[] {
  const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'].filter((name) => (env[name] ?? '') !== '');
  const [name] = names;
  if (name === undefined) return [ok('env.no-proxy', 'No proxy in the environment stands between Codex and the relay.')];
  const current = env['NO_PROXY'] ?? env['no_proxy'] ?? '';
  const excluded = current.split(',').map((entry) => entry.trim().toLowerCase());
  const host = address()?.host ?? config.snapshot().config.server.host;
  if (excluded.some((entry) => ['*', '127.0.0.1', '127.0.0.0/8', host].includes(entry))) {
    return [ok('env.no-proxy', `${name} is set, and NO_PROXY keeps the relay out of it.`)];
  }
  const wanted = [...new Set([...current.split(',').map((entry) => entry.trim()), '127.0.0.1', 'localhost'])]
    .filter(Boolean)
    .join(',');
  const repair = platform === 'win32' ? `setx NO_PROXY "${wanted}"` : `export NO_PROXY=${shellWord(wanted, platform)}`;
  return [warn('env.no-proxy', `${name} is set: Codex would send its requests to that proxy instead of the relay.`, repair)];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
