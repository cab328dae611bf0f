import { stat } from 'node:fs/promises';
import type { DoctorCheck } from '../../../shared/control/contract.js';
import type { ConfigProblem } from '../../../shared/domain/config-snapshot.js';
import { assertNever } from '../../../shared/assert.js';
import { ownAddressOf } from '../config/own-address.js';
import { isLoopback, isOwnAddress } from '../config/self-loop.js';
import { fail, info, ok, shellWord, warn } from './doctor-checks.js';
import type { DoctorDeps } from './doctor.js';
import type { RoutedEndpoint } from '../../../shared/domain/router-face.js';

const EDIT = 'switchyard config edit';

/** Checks of the config file: does it load, what does it miss, who can read it, where does it listen. */
export async function checkConfigFile(deps: DoctorDeps): Promise<readonly DoctorCheck[]> {
  return [
    ...checkLoading(deps),
    ...checkProviders(deps),
    ...checkCredentials(deps),
    ...checkInlineKeys(deps),
    ...(await checkPermissions(deps)),
    ...checkSelfLoop(deps),
    checkBind(deps),
  ];
}

function checkLoading({ config }: DoctorDeps): readonly DoctorCheck[] {
  const { problems, file, exists, readOnly } = config.status();
  const checks = problems
    .filter((problem) => problem.code !== 'CONFIG_SELF_LOOP')
    .map((problem) =>
      problem.severity === 'error'
        ? fail('config.load', `${describe(problem)} The last good configuration keeps running.`, EDIT)
        : warn('config.warning', describe(problem), EDIT),
    );
  if (readOnly) checks.push(warn('config.version', `${file} was written by a newer version and is read-only here.`, EDIT));
  if (checks.some((check) => check.status === 'fail')) return checks;
  return [
    exists ? ok('config.load', `${file} loads.`) : info('config.load', `${file} does not exist yet; defaults are used.`),
    ...checks,
  ];
}

function describe({ position, key, message }: ConfigProblem): string {
  const where = position ? `${position.file}:${String(position.line)}:${String(position.column)}: ` : '';
  return `${where}${key === '' ? '' : `${key}: `}${message}`;
}

function checkProviders({ config, router }: DoctorDeps): readonly DoctorCheck[] {
  const { providers } = config.snapshot().config;
  const [first] = Object.keys(providers);
  if (first === undefined) {
    return [
      warn('providers.exist', 'No provider is configured.', 'switchyard config add NAME --base-url URL --key-env VARIABLE'),
    ];
  }
  const enabled = router.endpoints().filter(({ endpoint }) => endpoint.enabled);
  if (enabled.length === 0) return [fail('providers.exist', 'Every provider is disabled.', `switchyard config enable ${first}`)];
  return [
    ok('providers.exist', `${String(Object.keys(providers).length)} provider(s), ${String(enabled.length)} endpoint(s) enabled.`),
  ];
}

function checkCredentials(deps: DoctorDeps): readonly DoctorCheck[] {
  return deps.router.endpoints().flatMap((routed) => {
    const { endpoint, credential } = routed;
    const id = `credential.${endpoint.key}`;
    if (credential.ok) return [ok(id, `${endpoint.key}: credential from ${credential.source}.`)];
    const message = `${endpoint.key}: ${credential.source} has no value.`;
    const repair = repairCredential(routed, deps.platform);
    return [endpoint.enabled ? fail(id, message, repair) : info(id, `${message} The endpoint is disabled.`)];
  });
}

function repairCredential({ endpoint }: RoutedEndpoint, platform: NodeJS.Platform): string {
  const reference = endpoint.credential;
  switch (reference.kind) {
    case 'env':
      return platform === 'win32'
        ? `setx ${reference.name} "<key>" && switchyard restart`
        : `export ${reference.name}='<key>' && switchyard restart`;
    case 'secret':
      return `switchyard config set-secret ${reference.name}`;
    case 'inline':
    case 'client':
    case 'none':
      return EDIT;
    default:
      return assertNever(reference);
  }
}

function inlineKeys({ config }: DoctorDeps): readonly { readonly path: string; readonly provider: string }[] {
  return Object.entries(config.snapshot().config.providers).flatMap(([name, provider]) => [
    ...(provider.api_key === undefined ? [] : [{ path: `providers.${name}.api_key`, provider: name }]),
    ...Object.entries(provider.endpoints ?? {}).flatMap(([id, endpoint]) =>
      endpoint.api_key === undefined ? [] : [{ path: `providers.${name}.endpoints.${id}.api_key`, provider: name }],
    ),
  ]);
}

function checkInlineKeys(deps: DoctorDeps): readonly DoctorCheck[] {
  return inlineKeys(deps).map(({ path, provider }) =>
    warn(
      'config.inline-key',
      `${path} is a key in plain text. Store it, then replace the line by secret = "${provider}".`,
      `switchyard config set-secret ${provider} && ${EDIT}`,
    ),
  );
}

async function checkPermissions(deps: DoctorDeps): Promise<readonly DoctorCheck[]> {
  const { paths, platform } = deps;
  if (platform === 'win32') return [];
  const { server } = deps.config.snapshot().config;
  const holdsSecrets =
    inlineKeys(deps).length > 0 ||
    server.client_keys.some(({ key_env, secret }) => key_env === undefined && secret === undefined);
  const check = async (id: string, file: string, severity: typeof fail): Promise<readonly DoctorCheck[]> => {
    const mode = (await stat(file).catch(() => undefined))?.mode;
    if (mode === undefined) return [];
    if ((mode & 0o077) === 0) return [ok(id, `${file} is readable to its owner only.`)];
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    return [severity(id, `${file} can be read or written by others (mode ${octal}).`, `chmod 600 ${shellWord(file, platform)}`)];
  };
  return [
    ...(await check('permissions.secrets', paths.secretsFile, fail)),
    ...(await check('permissions.config', paths.configFile, holdsSecrets ? fail : warn)),
  ];
}

function checkSelfLoop({ config, address }: DoctorDeps): readonly DoctorCheck[] {
  const snapshot = config.snapshot();
  const own = ownAddressOf(snapshot.config.server, address() ?? undefined);
  const refused = config
    .status()
    .problems.filter((problem) => problem.code === 'CONFIG_SELF_LOOP')
    .map((problem) => fail('config.self-loop', describe(problem), EDIT));
  const running = snapshot.endpoints
    .filter((endpoint) => URL.canParse(endpoint.baseUrl) && isOwnAddress(new URL(endpoint.baseUrl), own))
    .map((endpoint) => fail('config.self-loop', `${endpoint.key} points at Switchyard itself; name the real upstream.`, EDIT));
  const loops = [...refused, ...running];
  return loops.length > 0 ? loops : [ok('config.self-loop', 'No provider points at Switchyard itself.')];
}

function checkBind({ config, address }: DoctorDeps): DoctorCheck {
  const { server } = config.snapshot().config;
  const host = address()?.host ?? server.host;
  if (isLoopback(host)) return ok('server.bind', `Only this machine can reach it (${host}).`);
  if (server.client_keys.length > 0) return info('server.bind', `Other machines can reach it (${host}) with a client key.`);
  const message = `Anybody who reaches ${host} can use your keys: set [server] host = "127.0.0.1", or add [[server.client_keys]].`;
  return fail('server.bind', message, `${EDIT} && switchyard restart`);
}
