import type { Dispatcher } from 'undici';
import type { Credential } from '../../../shared/domain/endpoint.js';
import type { AttemptFailure, AttemptOutcome, Candidate, Plan } from '../../../shared/domain/routing.js';
import type { AttemptRecord } from '../../../shared/domain/turn-record.js';
import { classifyTransport } from '../routing/classify-transport.js';
import { decide } from '../routing/outcome-policy.js';
import { targetOf } from '../upstream/target-url.js';
import type { ProxyDeps } from './proxy-deps.js';
import { attempt, type Answer, type AttemptResult } from './stages/attempt.js';
import { encodeUpstream, type EncodedBody } from './stages/encode-upstream.js';
import type { FailedAttempt } from './stages/finish-failed.js';
import { hideSecrets, type SentSecrets } from './stages/hide-secrets.js';
import { round } from './stages/record-turn.js';
import type { Turn } from './turn.js';

/** How the loop over candidates ended. */
export type LoopEnd =
  /** An answer the client should have; its lease is still held. */
  | {
      readonly kind: 'answer';
      readonly candidate: Candidate;
      readonly answer: Answer;
      readonly release: () => void;
      readonly record: GrowingRecord;
      readonly secrets: SentSecrets;
    }
  | { readonly kind: 'failed'; readonly failures: readonly FailedAttempt[]; readonly allBusy: boolean }
  | { readonly kind: 'aborted' };

/** What was sent last, for the debug log. */
export interface SentLast {
  url?: string;
  headers?: readonly string[];
  body?: EncodedBody;
  answer?: Answer;
}

type Step = { readonly kind: 'end'; readonly end: LoopEnd } | { readonly kind: 'next' } | { readonly kind: 'stop' };

/**
 * The only loop that retries: tries the candidates in order, each as often as the retry settings allow, and stops at the
 * first answer the client should have. Nothing has been sent to the client when it returns.
 */
export async function runAttempts(deps: ProxyDeps, turn: Turn, plan: Plan, sent: SentLast): Promise<LoopEnd> {
  const { retry } = turn.snapshot;
  const failures: FailedAttempt[] = [];
  const reached = new Set<string>();
  let busy = 0;
  for (const [index, candidate] of plan.candidates.entries()) {
    const { provider } = candidate.endpoint;
    if (!reached.has(provider) && reached.size >= retry.failover.maxAttempts) continue;
    for (let attemptsHere = 1; ; attemptsHere++) {
      if (turn.abort.isAborted()) return { kind: 'aborted' };
      const release = deps.registry.take(candidate.endpoint);
      if (release === undefined) {
        busy++;
        break;
      }
      const hasNext = (): boolean => moreToTry(plan, index, reached, retry.failover.maxAttempts);
      const step = await tryOnce({ deps, turn, plan, candidate, attemptsHere, failures, reached, release, hasNext, sent });
      if (step === 'again') continue;
      if (step.kind === 'end') return step.end;
      if (step.kind === 'stop') return { kind: 'failed', failures, allBusy: false };
      break;
    }
  }
  endChain(turn);
  return { kind: 'failed', failures, allBusy: failures.length === 0 && busy > 0 };
}

/** The next candidate may have been full when its turn came: then the last attempt was the end after all. */
function endChain({ attempts }: Turn): void {
  const last = attempts.at(-1);
  if (last?.next === 'next') attempts[attempts.length - 1] = { ...last, next: 'end' };
}

function moreToTry(plan: Plan, index: number, reached: ReadonlySet<string>, budget: number): boolean {
  return plan.candidates.slice(index + 1).some(({ endpoint }) => reached.has(endpoint.provider) || reached.size < budget);
}

interface TryInput {
  readonly deps: ProxyDeps;
  readonly turn: Turn;
  readonly plan: Plan;
  readonly candidate: Candidate;
  readonly attemptsHere: number;
  readonly failures: FailedAttempt[];
  readonly reached: Set<string>;
  readonly release: () => void;
  readonly hasNext: () => boolean;
  readonly sent: SentLast;
}

async function tryOnce(input: TryInput): Promise<Step | 'again'> {
  const { deps, turn, candidate, release } = input;
  const credential = deps.credential(candidate.endpoint);
  const startedMs = deps.clock.monotonicMs();
  deps.live.stage(turn.id, 'dispatching', { endpoint: candidate.endpoint.key, attempts: turn.attempts.length + 1 });
  const result = await dispatch(input, credential);
  const { verdict } = result;
  if (verdict.kind !== 'aborted' && verdict.answer !== undefined) input.sent.answer = verdict.answer;
  const tookMs = deps.clock.monotonicMs() - startedMs;
  turn.upstreamMs += tookMs;
  const record = describeAttempt(turn, candidate, startedMs, tookMs, result);
  switch (verdict.kind) {
    case 'aborted':
      release();
      settle(input, { kind: 'aborted' }, { cool: false });
      record.outcome = 'aborted';
      turn.attempts.push(record);
      return { kind: 'end', end: { kind: 'aborted' } };
    case 'answer': {
      record.status = verdict.answer.status;
      record.outcome = 'success';
      record.next = 'delivered';
      const secrets = sentSecrets(turn, candidate, credential);
      return { kind: 'end', end: { kind: 'answer', candidate, answer: verdict.answer, release, record, secrets } };
    }
    case 'failure':
      release();
      return onFailure(input, hideSecrets(verdict.failure, sentSecrets(turn, candidate, credential)), verdict.answer, record);
  }
}

function sentSecrets(turn: Turn, { endpoint }: Candidate, credential: Credential): SentSecrets {
  return { endpoint, credential, clientHeaders: turn.request.headers };
}

async function dispatch(input: TryInput, credential: Credential): Promise<AttemptResult> {
  const { deps, turn, candidate, sent } = input;
  const body = encodeUpstream(turn, candidate);
  sent.body = body;
  let dispatcher: Dispatcher;
  try {
    const pool = deps.dispatchers.for(candidate.endpoint, targetOf(candidate.endpoint.baseUrl, '/').origin);
    dispatcher = pool instanceof Promise ? await pool : pool;
  } catch (error) {
    const failure = classifyTransport({ message: error instanceof Error ? error.message : String(error), phase: 'connect' });
    return { verdict: { kind: 'failure', failure, answer: undefined }, headersMs: undefined, firstByteMs: undefined };
  }
  return attempt({
    turn,
    candidate,
    credential,
    body,
    dispatcher,
    clock: deps.clock,
    onSent: (url, headers) => {
      sent.url = url;
      sent.headers = headers;
    },
  });
}

/** Every record has the same fields in the same order, filled in as they become known. */
type GrowingRecord = { -readonly [K in keyof AttemptRecord]: AttemptRecord[K] };

async function onFailure(
  input: TryInput,
  failure: AttemptFailure,
  answer: Answer | undefined,
  record: GrowingRecord,
): Promise<Step | 'again'> {
  const { deps, turn, candidate, plan } = input;
  if (failure.reached) input.reached.add(candidate.endpoint.provider);
  const decision = decide({
    failure,
    retry: turn.snapshot.retry,
    provider: candidate.endpoint.provider,
    attemptsAtEndpoint: input.attemptsHere,
    nextCandidate: input.hasNext(),
    pinned: plan.pinned !== undefined,
    random: () => deps.random.next(),
  });
  const { cooldown } = settle(input, failure, decision);
  const coolingMs = decision.cool && cooldown !== undefined ? Math.max(0, cooldown.untilMs - deps.clock.now()) : undefined;
  const next = decision.action === 'retry' ? 'retry' : decision.action === 'next' && input.hasNext() ? 'next' : 'end';
  record.status = failure.status;
  record.class = failure.class;
  record.message = failure.message;
  record.retry_after_ms = failure.retryAfterMs;
  record.cooldown_ms = coolingMs;
  record.next = next;
  turn.attempts.push(record);
  deps.emit({ type: 'attempt-end', turnId: turn.id, attempt: record });
  keepFailure(input, failure, answer, next === 'end');
  if (decision.action === 'stop') return { kind: 'stop' };
  if (next !== 'end' && decision.waitMs > 0) {
    deps.live.stage(turn.id, 'retrying');
    await pause(input, decision.waitMs);
  }
  return decision.action === 'retry' ? 'again' : { kind: 'next' };
}

/** An unfinished answer is kept only when it is about to be sent: it holds a connection. */
function keepFailure(input: TryInput, failure: AttemptFailure, answer: Answer | undefined, isLast: boolean): void {
  const keep = answer !== undefined && (answer.ended || isLast);
  if (!keep) answer?.discard();
  const { endpoint, model } = input.candidate;
  input.failures.push({ failure, answer: keep ? answer : undefined, endpoint: endpoint.key, model });
}

function settle(input: TryInput, outcome: AttemptOutcome, decision: { readonly cool: boolean; readonly cooldownMs?: number }) {
  const { deps, turn, candidate } = input;
  return deps.registry.settle(candidate.endpoint.key, outcome, {
    nowMs: deps.clock.now(),
    retry: turn.snapshot.retry,
    cool: decision.cool,
    model: candidate.model,
    cooldownMs: decision.cooldownMs,
  });
}

function pause(input: TryInput, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = input.deps.clock.after(waitMs, () => {
      unsubscribe();
      resolve();
    });
    const unsubscribe = input.turn.abort.onAbort(() => {
      cancel();
      resolve();
    });
  });
}

function describeAttempt(
  turn: Turn,
  candidate: Candidate,
  startedMs: number,
  tookMs: number,
  result: AttemptResult,
): GrowingRecord {
  const target = targetOf(candidate.endpoint.baseUrl, turn.facts.path);
  return {
    endpoint: candidate.endpoint.key,
    provider: candidate.endpoint.provider,
    level: candidate.endpoint.level,
    url: target.origin + target.path,
    model: candidate.model,
    started_ms: round(startedMs - turn.startedMonotonicMs),
    headers_ms: result.headersMs === undefined ? undefined : round(result.headersMs),
    first_byte_ms: result.firstByteMs === undefined ? undefined : round(result.firstByteMs),
    duration_ms: round(tookMs),
    status: undefined,
    outcome: 'failure',
    class: undefined,
    message: undefined,
    retry_after_ms: undefined,
    cooldown_ms: undefined,
    next: 'end',
  };
}
