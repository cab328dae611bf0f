import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoreStatus, DoctorCheck } from '../../../shared/control/contract.js';
import type { CodexPatcher } from '../clients/codex.js';
import type { ConfigStore } from '../config/config-store.js';
import { redactText } from '../ledger/redact.js';
import type { Clock, Paths, Ports } from '../ports.js';
import { checkCodex } from './doctor-codex.js';
import { checkConfigFile } from './doctor-config.js';
import { fail, info, ok, shellWord, warn } from './doctor-checks.js';
import type { RoutedEndpoint, RouterFace } from '../../../shared/domain/router-face.js';

/** What the doctor looks at. */
export interface DoctorDeps {
  readonly paths: Paths;
  readonly env: Ports['env'];
  readonly clock: Clock;
  readonly config: ConfigStore;
  readonly codex: CodexPatcher;
  readonly router: Pick<RouterFace, 'endpoints'>;
  readonly address: () => CoreStatus['address'];
  readonly platform: NodeJS.Platform;
}

const BYTES_PER_MB = 1024 * 1024;
const LITTLE_SPACE_MB = 200;

/** Looks at everything that must be right for a turn to pass; every warn and fail carries a command that repairs it, and nothing holds a secret. */
export async function runDoctor(deps: DoctorDeps): Promise<readonly DoctorCheck[]> {
  const parts = await Promise.all([
    section('config', () => checkConfigFile(deps)),
    section('endpoints', () => Promise.resolve(checkEndpoints(deps))),
    section('codex', () => checkCodex(deps)),
    section('logs', () => checkLogs(deps)),
  ]);
  return parts.flat().map((check) => ({ ...check, message: redactText(check.message) }));
}

/** A part that breaks must not hide the others. */
async function section(id: string, check: () => Promise<readonly DoctorCheck[]>): Promise<readonly DoctorCheck[]> {
  try {
    return await check();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [fail(`${id}.check`, `This part could not be checked: ${reason}`, 'switchyard doctor --json')];
  }
}

function checkEndpoints({ router, clock }: DoctorDeps): readonly DoctorCheck[] {
  const enabled = router.endpoints().filter(({ endpoint }) => endpoint.enabled);
  const usable = enabled.filter((routed) => routed.usable).length;
  const checks = enabled.map((routed) => checkEndpoint(routed, clock.now()));
  if (enabled.length > 0 && usable === 0)
    checks.unshift(fail('endpoints.usable', 'No endpoint can be used right now.', 'switchyard explain'));
  else if (enabled.length > 0)
    checks.unshift(ok('endpoints.usable', `${String(usable)} of ${String(enabled.length)} endpoints can be used now.`));
  return checks;
}

function checkEndpoint({ endpoint, state, usable, why }: RoutedEndpoint, nowMs: number): DoctorCheck {
  const id = `endpoint.${endpoint.key}`;
  if (state.exhausted) {
    return warn(id, `${endpoint.key} is exhausted: ${state.exhausted.reason}`, `switchyard config disable ${endpoint.provider}`);
  }
  if (state.cooldown && state.cooldown.untilMs > nowMs) {
    const seconds = Math.ceil((state.cooldown.untilMs - nowMs) / 1000);
    const message = `${endpoint.key} rests for another ${String(seconds)} s: ${state.cooldown.reason}`;
    return warn(id, message, `switchyard reset-cooldown ${endpoint.key}`);
  }
  return usable ? ok(id, `${endpoint.key} can be used.`) : info(id, `${endpoint.key}: ${why}`, 'switchyard explain');
}

async function checkLogs({ paths, platform, config }: DoctorDeps): Promise<readonly DoctorCheck[]> {
  const { logsDir } = paths;
  const word = shellWord(logsDir, platform);
  const probe = join(logsDir, `.doctor-${String(process.pid)}`);
  try {
    await mkdir(logsDir, { recursive: true, mode: 0o700 });
    await writeFile(probe, '', { mode: 0o600 });
    await rm(probe);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const repair =
      platform === 'win32' ? `icacls ${word} /grant "%USERNAME%:(OI)(CI)F"` : `mkdir -p ${word} && chmod u+rwx ${word}`;
    return [fail('logs.writable', `${logsDir} cannot be written: ${reason}`, repair)];
  }
  const { bavail, bsize } = await statfs(logsDir);
  return [
    ok('logs.writable', `${logsDir} can be written.`),
    checkSpace((bavail * bsize) / BYTES_PER_MB, config, platform, logsDir),
  ];
}

function checkSpace(freeMb: number, config: ConfigStore, platform: NodeJS.Platform, logsDir: string): DoctorCheck {
  const { max_mb, max_files } = config.snapshot().config.log;
  const free = `${String(Math.floor(freeMb))} MB free`;
  if (freeMb >= LITTLE_SPACE_MB)
    return ok('logs.space', `${free} for logs (they take ${String(max_mb * (max_files + 1))} MB at most).`);
  const old = shellWord(join(logsDir, 'requests.'), platform);
  const repair = platform === 'win32' ? `del ${old}*.jsonl` : `rm -f ${old}[0-9]*.jsonl`;
  return (freeMb < 10 ? fail : warn)('logs.space', `Only ${free}; the command deletes the rotated request logs.`, repair);
}
