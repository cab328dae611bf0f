import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CoreEvent } from '../../../shared/control/events.js';
import type { AttemptRecord } from '../../../shared/domain/turn-record.js';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';
import type { CliContext } from '../cli-context.js';
import { cliHome } from '../cli-home.js';
import { createControlCaller } from '../control-caller.js';
import { drillConfig, drillEnvironment } from './drill-config.js';
import { attemptLine, castText, turnEnding, turnHeading } from './drill-story.js';
import { sendPracticeTurn } from './practice-turn.js';
import { practiceKinds, startPracticeUpstream, type PracticeKind, type PracticeUpstream } from './practice-upstreams.js';

const PAUSE_MS = 800;
const EVENT_LIMIT_MS = 3_000;

/** One turn of the drill: what the client saw, and what the relay did for it. */
export interface DrillTurn {
  readonly number: number;
  readonly session: string;
  readonly turnId: string | undefined;
  readonly completed: boolean;
  readonly text: string;
  readonly problem: string | undefined;
  readonly durationMs: number;
  readonly attempts: readonly AttemptRecord[];
}

/** Everything the drill showed. */
export interface DrillResult {
  readonly ok: boolean;
  readonly turns: readonly DrillTurn[];
  readonly hits: Readonly<Record<string, number>>;
}

/** How long the drill may go on. */
export interface DrillLimits {
  readonly turns: number;
  readonly seconds: number | undefined;
}

/** Starts practice upstreams and a real relay, sends turns, tells the story through `say`, and leaves nothing behind. @throws SwitchyardError */
export async function runDrill(
  context: CliContext,
  limits: DrillLimits,
  say: (text: string) => void,
  interrupted: AbortSignal,
): Promise<DrillResult> {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-drill-'));
  const upstreams: PracticeUpstream[] = [];
  try {
    for (const kind of Object.keys(practiceKinds) as PracticeKind[]) upstreams.push(await startPracticeUpstream(kind));
    return await withRelay(context, folder, upstreams, (relay) => playTurns(context, relay, upstreams, limits, say, interrupted));
  } finally {
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

interface Relay {
  readonly url: string;
  readonly client: NonNullable<Awaited<ReturnType<ReturnType<typeof createControlCaller>['running']>>>['client'];
}

async function withRelay<T>(
  context: CliContext,
  folder: string,
  upstreams: readonly PracticeUpstream[],
  work: (relay: Relay) => Promise<T>,
): Promise<T> {
  const home = cliHome(join(folder, 'home'), {});
  const codexHome = join(folder, 'codex');
  for (const path of [home.home, codexHome]) mkdirSync(path, { mode: 0o700 });
  writeFileSync(home.configFile, drillConfig(upstreams), { mode: 0o600 });
  const daemon = context.daemon.withEnvironment(drillEnvironment(context.env, { home: home.home, codexHome }));
  const ready = await daemon.startDetached(home, ['--port', '0']);
  try {
    const running = await createControlCaller(home, daemon).running();
    if (!running) throw new SwitchyardError('CONTROL_NOT_RUNNING', 'The practice relay went away.');
    return await work({ url: ready.url, client: running.client });
  } finally {
    await endRelay(home, daemon, ready.pid);
  }
}

async function endRelay(home: ReturnType<typeof cliHome>, daemon: CliContext['daemon'], pid: number): Promise<void> {
  const running = await createControlCaller(home, daemon).running();
  await running?.client.call('host.stop', { keepCodex: true }).catch(() => undefined);
  if (!(await daemon.untilGone(pid, 5_000))) process.kill(pid, 'SIGKILL');
}

async function playTurns(
  context: CliContext,
  relay: Relay,
  upstreams: readonly PracticeUpstream[],
  limits: DrillLimits,
  say: (text: string) => void,
  interrupted: AbortSignal,
): Promise<DrillResult> {
  const { style } = context.terminal;
  const done = new AbortController();
  const stage = createStage((attempt) => say(attemptLine(attempt, style)));
  const events = relay.client.events(stage.onEvent, AbortSignal.any([done.signal, interrupted]));
  const endAt = limits.seconds === undefined ? Infinity : performance.now() + limits.seconds * 1000;
  const turns: DrillTurn[] = [];
  try {
    say(castText(upstreams, (await relay.client.call('status.get', {})).endpoints, style));
    while (turns.length < limits.turns && performance.now() < endAt && !interrupted.aborted) {
      if (turns.length > 0) await delay(PAUSE_MS);
      const number = turns.length + 1;
      // Two turns per session, so that the second shows where the session has settled.
      const session = `practice-${Math.ceil(number / 2)}`;
      say(`\n${turnHeading(number, session, (await relay.client.call('status.get', {})).endpoints, style)}`);
      stage.open();
      const seen = await sendPracticeTurn(relay.url, session);
      const turn = { number, session, ...seen, attempts: await stage.ended(EVENT_LIMIT_MS) };
      turns.push(turn);
      say(turnEnding(turn, style));
    }
  } finally {
    done.abort();
    await events;
  }
  const hits = Object.fromEntries(upstreams.map((upstream) => [upstream.kind, upstream.hits()]));
  return { ok: turns.length > 0 && !interrupted.aborted && turns.every((turn) => turn.completed), turns, hits };
}

/** Collects the events of the one turn that is on stage; what no event told of live is told when the turn has ended. */
function createStage(onAttempt: (attempt: AttemptRecord) => void) {
  let told: AttemptRecord[] = [];
  let end: (attempts: readonly AttemptRecord[]) => void = () => undefined;
  let ending: Promise<readonly AttemptRecord[]> = Promise.resolve([]);
  const tell = (attempt: AttemptRecord): void => {
    told.push(attempt);
    onAttempt(attempt);
  };
  return {
    open(): void {
      told = [];
      ending = new Promise((resolve) => {
        end = resolve;
      });
    },
    ended: (limitMs: number) => Promise.race([ending, delay(limitMs, undefined, { ref: false }).then(() => told)]),
    onEvent: (event: CoreEvent): void => {
      if (event.type === 'attempt-end') tell(event.attempt);
      if (event.type !== 'turn-end') return;
      for (const attempt of event.record.attempts.slice(told.length)) tell(attempt);
      end(event.record.attempts);
    },
  };
}
