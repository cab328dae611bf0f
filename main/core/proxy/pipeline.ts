import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AttemptFailure, AttemptOutcome, Plan } from '../../../shared/domain/routing.js';
import type { Usage } from '../../../shared/domain/turn-record.js';
import { bindAffinity } from '../routing/affinity.js';
import { classifyTransport } from '../routing/classify-transport.js';
import { classifyStreamEvent } from '../routing/classify.js';
import { runAttempts, type LoopEnd, type SentLast } from './attempt-loop.js';
import { admit } from './admit.js';
import type { ProxyDeps } from './proxy-deps.js';
import { deliver } from './stages/deliver.js';
import type { Delivery } from './stages/delivery.js';
import {
  isFinal,
  mostUseful,
  refusalMessage,
  relayErrorOf,
  sendRelayError,
  waitFor,
  type FailedAttempt,
} from './stages/finish-failed.js';
import { hideSecrets } from './stages/hide-secrets.js';
import { openTurn } from './stages/open-turn.js';
import { planTurn } from './stages/plan-turn.js';
import { collectBody, receive } from './stages/receive.js';
import { captureWire } from './stages/capture-wire.js';
import { recordOf, round } from './stages/record-turn.js';
import type { StreamWatch } from './stages/stream-watch.js';
import type { ModelPath, Turn, TurnEnd } from './turn.js';
import { watchAbort } from './turn-abort.js';

/** The straight line of one model call: authenticate, receive, open, plan, attempt, deliver, settle, record. */
export interface Pipeline {
  /** Serves one request to its end. @throws SwitchyardError INGRESS_* before anything was sent */
  run(request: IncomingMessage, response: ServerResponse, kind: ModelPath): Promise<void>;
}

const MIB = 1024 * 1024;

/** Makes the line. */
export function createPipeline(deps: ProxyDeps, watch: StreamWatch): Pipeline {
  return {
    async run(request, response, kind) {
      const startedAtMs = deps.clock.now();
      const startedMonotonicMs = deps.clock.monotonicMs();
      const { server } = deps.snapshot().config;
      const caller = admit(deps, request);
      const bytes = await collectBody(request, server.max_body_mb * MIB);
      const receivedMs = deps.clock.monotonicMs();
      const body = await receive(request, bytes, { maxBodyMb: server.max_body_mb, encoding: server.body_encoding });
      const abort = watchAbort(response);
      const turn = openTurn(deps, { request, response, kind, caller, body, startedAtMs, startedMonotonicMs, abort });
      await runTurn(deps, watch, turn, receivedMs);
    },
  };
}

interface Ended {
  readonly end: TurnEnd;
  readonly usage?: Usage | undefined;
  readonly firstByteAtMs?: number;
  readonly overheadMs?: number;
}

async function runTurn(deps: ProxyDeps, watch: StreamWatch, turn: Turn, receivedMs: number): Promise<void> {
  deps.live.open({
    turnId: turn.id,
    startedAtMs: turn.startedAtMs,
    stage: 'planning',
    sessionId: turn.facts.session?.id,
    model: turn.facts.model,
    endpoint: undefined,
    attempts: 0,
    path: turn.facts.path,
  });
  const sent: SentLast = {};
  let plan: Plan | undefined;
  let ended: Ended = { end: { status: 499, end: 'aborted', responseBytes: 0 } };
  try {
    plan = planTurn(deps, turn.snapshot, turn.facts, { dryRun: false });
    const loop = await runAttempts(deps, turn, plan, sent);
    ended = await finish(deps, watch, turn, plan, loop, receivedMs);
  } finally {
    deps.live.close(turn.id);
    const nowMs = deps.clock.monotonicMs();
    const record = recordOf({
      turn,
      plan,
      end: ended.end,
      usage: ended.usage,
      nowMs: deps.clock.now(),
      durationMs: nowMs - turn.startedMonotonicMs,
      firstByteMs: ended.firstByteAtMs === undefined ? undefined : ended.firstByteAtMs - turn.startedMonotonicMs,
      overheadMs: ended.overheadMs,
      httpDebug: captureWire(deps.debug, turn, ended.end, sent),
    });
    deps.record(record);
    deps.emit({ type: 'turn-end', record });
  }
}

async function finish(
  deps: ProxyDeps,
  watch: StreamWatch,
  turn: Turn,
  plan: Plan,
  loop: LoopEnd,
  receivedMs: number,
): Promise<Ended> {
  const overheadMs = deps.clock.monotonicMs() - receivedMs - turn.upstreamMs;
  // An answer that is being delivered is no finished attempt yet, but one all the same.
  const attempts = turn.attempts.length + (loop.kind === 'answer' ? 1 : 0);
  const ownHeaders = ownHeadersOf(turn, attempts, overheadMs);
  switch (loop.kind) {
    case 'aborted':
      return { end: { status: 499, end: 'aborted', responseBytes: 0 } };
    case 'answer':
      return { ...(await deliverAnswer(deps, watch, turn, loop, ownHeaders)), overheadMs };
    case 'failed':
      return { ...(await deliverFailure(deps, watch, turn, plan, loop, ownHeaders)), overheadMs };
  }
}

function ownHeadersOf(turn: Turn, attempts: number, overheadMs: number): readonly string[] {
  return [
    'x-switchyard-turn',
    turn.id,
    'x-switchyard-attempts',
    String(attempts),
    'x-switchyard-overhead-ms',
    overheadMs.toFixed(2),
  ];
}

type Answered = Extract<LoopEnd, { kind: 'answer' }>;

async function deliverAnswer(
  deps: ProxyDeps,
  watch: StreamWatch,
  turn: Turn,
  loop: Answered,
  ownHeaders: readonly string[],
): Promise<Ended> {
  const { candidate, answer, record } = loop;
  deps.live.stage(turn.id, 'streaming');
  bindSession(deps, turn, candidate.endpoint.key);
  // A recovering endpoint lets nobody else in while it is probed; the probe has succeeded once the answer has begun.
  const before = deps.registry.state(candidate.endpoint.key);
  if (before.halfOpen || before.probing === true) settleSuccess(deps, turn, loop);
  const clientModel = candidate.model === turn.facts.model ? undefined : turn.facts.model;
  const dispatchedMs = turn.startedMonotonicMs + record.started_ms;
  try {
    const delivery = await deliver({ turn, answer, clientModel, ownHeaders, clock: deps.clock, watch });
    const said =
      delivery.failureEvent === undefined
        ? undefined
        : classifyStreamEvent(delivery.failureEvent, deps.clock.now(), candidate.model);
    const failure = said === undefined ? undefined : hideSecrets(said, loop.secrets);
    settleDelivery(deps, turn, loop, delivery, failure);
    record.duration_ms = round(deps.clock.monotonicMs() - dispatchedMs);
    if (delivery.end !== 'completed') record.outcome = delivery.end === 'aborted' ? 'aborted' : 'failure';
    record.class = failure?.class;
    record.message = failure?.message;
    turn.attempts.push(record);
    deps.emit({ type: 'attempt-end', turnId: turn.id, attempt: record });
    const error =
      delivery.error ?? (failure === undefined ? undefined : { code: failure.code ?? failure.class, message: failure.message });
    return {
      end: { status: answer.status, end: delivery.end, responseBytes: delivery.bytes, ...(error === undefined ? {} : { error }) },
      usage: delivery.usage,
      firstByteAtMs: delivery.firstByteAtMs,
    };
  } finally {
    loop.release();
  }
}

/** After the commit point nothing is retried, but the endpoint's state still learns how it went. */
function settleDelivery(
  deps: ProxyDeps,
  turn: Turn,
  loop: Answered,
  delivery: Delivery,
  failure: AttemptFailure | undefined,
): void {
  switch (delivery.end) {
    case 'completed':
      return settleSuccess(deps, turn, loop);
    case 'aborted':
      return settleAs(deps, turn, loop, { kind: 'aborted' }, false);
    case 'failed':
      if (failure !== undefined)
        settleAs(deps, turn, loop, failure, failure.class === 'rate_limited' || failure.class === 'overloaded');
      return;
    case 'cut':
    case 'idle':
      settleAs(deps, turn, loop, classifyTransport({ message: delivery.error?.message ?? 'stream cut', phase: 'body' }), false);
  }
}

function settleSuccess(deps: ProxyDeps, turn: Turn, loop: Answered): void {
  settleAs(deps, turn, loop, { kind: 'success', status: loop.answer.status }, false);
}

function settleAs(deps: ProxyDeps, turn: Turn, loop: Answered, outcome: AttemptOutcome, cool: boolean): void {
  const { candidate, record } = loop;
  deps.registry.settle(candidate.endpoint.key, outcome, {
    nowMs: deps.clock.now(),
    retry: turn.snapshot.retry,
    cool,
    firstByteMs: record.first_byte_ms,
    model: candidate.model,
  });
}

function bindSession(deps: ProxyDeps, turn: Turn, endpoint: Answered['candidate']['endpoint']['key']): void {
  const session = turn.facts.session?.id;
  if (session === undefined) return;
  const previous = deps.affinity.get(session);
  const lastFailure = turn.attempts.findLast((attempt) => attempt.outcome === 'failure');
  const reason =
    lastFailure === undefined
      ? previous === undefined
        ? 'first success'
        : 'chosen by the plan'
      : `failover after ${lastFailure.class ?? 'failure'}`;
  deps.affinity.set(session, bindAffinity(previous, endpoint, deps.clock.now(), reason));
}

async function deliverFailure(
  deps: ProxyDeps,
  watch: StreamWatch,
  turn: Turn,
  plan: Plan,
  loop: Extract<LoopEnd, { kind: 'failed' }>,
  ownHeaders: readonly string[],
): Promise<Ended> {
  const nowMs = deps.clock.now();
  const best = mostUseful(loop.failures);
  for (const each of loop.failures) if (each !== best) each.answer?.discard();
  const waitMs = waitFor(plan, loop.failures, nowMs);
  if (best === undefined) {
    const refusal = loop.allBusy
      ? { code: 'ROUTE_NONE_USABLE' as const, message: 'Every usable endpoint has all its slots taken.' }
      : refusalMessage(plan, nowMs, deps.configError());
    const status = refusal.code === 'ROUTE_NOT_FOUND' ? 404 : 503;
    return { end: sendRelayError(turn, { ...refusal, turnId: turn.id, nowMs, retryAfterMs: waitMs }, status, ownHeaders) };
  }
  if (best.answer !== undefined && showsUpstreamAnswer(turn, best)) {
    return deliverUpstreamError(deps, watch, turn, best, best.answer, retryHeader(best, waitMs, ownHeaders));
  }
  best.answer?.discard();
  const { error, status } = relayErrorOf(turn, best, waitMs, deps.clock);
  const end = sendRelayError(turn, error, status, ownHeaders);
  return { end: { ...end, end: 'failed' } };
}

/** Codex turns get an event they will retry unless the failure is final; everybody else gets the upstream's words. */
function showsUpstreamAnswer(turn: Turn, best: FailedAttempt): boolean {
  const codexStream = turn.isCodex && turn.facts.stream && turn.facts.protocol === 'responses';
  return !codexStream || isFinal(best.failure);
}

/** Codex gives up at once on a 429 or 503 that names no time. */
function retryHeader(best: FailedAttempt, waitMs: number, ownHeaders: readonly string[]): readonly string[] {
  const status = best.answer?.status;
  const needs = (status === 429 || status === 503) && best.answer?.headers['retry-after'] === undefined;
  return needs ? [...ownHeaders, 'retry-after', String(Math.ceil(waitMs / 1000))] : ownHeaders;
}

async function deliverUpstreamError(
  deps: ProxyDeps,
  watch: StreamWatch,
  turn: Turn,
  best: FailedAttempt,
  answer: NonNullable<FailedAttempt['answer']>,
  ownHeaders: readonly string[],
): Promise<Ended> {
  const clientModel = best.model === turn.facts.model ? undefined : turn.facts.model;
  const delivery = await deliver({ turn, answer, clientModel, ownHeaders, clock: deps.clock, watch });
  const error = { code: best.failure.code ?? best.failure.class, message: best.failure.message };
  const end = delivery.end === 'aborted' ? 'aborted' : 'failed';
  return {
    end: { status: answer.status, end, responseBytes: delivery.bytes, error },
    usage: delivery.usage,
    firstByteAtMs: delivery.firstByteAtMs,
  };
}
