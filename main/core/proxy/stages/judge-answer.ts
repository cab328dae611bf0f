import type { AttemptFailure } from '../../../../shared/domain/routing.js';
import type { Usage } from '../../../../shared/domain/turn-record.js';
import { parseRange, stringIn, topLevelValues, type ByteRange } from '../../protocols/json-walk.js';
import { readUsage } from '../../protocols/usage.js';
import { createStreamHold } from '../../protocols/stream-hold.js';
import { classifyBadAnswer, classifyResponse, classifyStreamEvent } from '../../routing/classify.js';
import { headerOf, type AnswerHeaders } from '../../upstream/headers.js';
import type { Turn } from '../turn.js';

/** What is known of an answer so far. */
export type Judgement =
  { readonly kind: 'waiting' } | { readonly kind: 'good' } | { readonly kind: 'failure'; readonly failure: AttemptFailure };

/** Reads an answer's beginning until it can be called good or failed. */
export interface AnswerJudge {
  readonly isStream: boolean;
  push(chunk: Buffer): Judgement;
  /** The answer ended before a judgement: now there must be one. */
  end(): Judgement;
  /** The client must hear from us now, although no judgement was possible; absent where it may wait for ever. */
  readonly expire?: () => Judgement;
  /** Usage that came with the held events. */
  usage(): Usage | undefined;
}

/** What the judge is told. */
export interface JudgeInput {
  readonly turn: Turn;
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly nowMs: number;
  /** The model that was asked for, after mapping: errors about one model rest that model only. */
  readonly model: string | undefined;
}

const waiting: Judgement = { kind: 'waiting' };
const good: Judgement = { kind: 'good' };
/** Error answers are read whole up to this size, so that their text can be classified. */
const MAX_ERROR_BYTES = 1024 * 1024;
/** JSON answers up to this size are read whole before delivery; larger ones begin to flow. */
const MAX_JSON_HOLD_BYTES = 64 * 1024;
/** A stream that sends more handshake than this is delivered as it is. */
const MAX_STREAM_HOLD_BYTES = 4 * 1024 * 1024;
const MAX_HEAD_CHARACTERS = 64 * 1024;

/** Chooses the way to judge by status and by what the client asked for. */
export function createAnswerJudge(input: JudgeInput): AnswerJudge {
  if (input.status < 200 || input.status >= 300) return judgeStatus(input);
  const type = headerOf(input.headers, 'content-type') ?? '';
  return input.turn.facts.stream || type.startsWith('text/event-stream') ? judgeStream(input) : judgeJson(input);
}

function judgeStatus(input: JudgeInput): AnswerJudge {
  const head = createHead();
  const verdict = (): Judgement => {
    const failure = classify(input, head.text());
    return failure === undefined ? good : { kind: 'failure', failure };
  };
  return {
    isStream: false,
    usage: () => undefined,
    push: (chunk) => (head.push(chunk) > MAX_ERROR_BYTES ? verdict() : waiting),
    end: verdict,
    expire: verdict,
  };
}

function judgeStream(input: JudgeInput): AnswerJudge {
  const { protocol } = input.turn.facts;
  const hold = createStreamHold(protocol);
  const head = createHead();
  const bad = (kind: Parameters<typeof classifyBadAnswer>[0]): Judgement => ({
    kind: 'failure',
    failure: classify(input, head.text()) ?? classifyBadAnswer(kind, input.status, head.text()),
  });
  let notSse: 'json' | 'html' | 'other' | undefined;
  return {
    isStream: true,
    usage: () => hold.usage(),
    push(chunk) {
      const size = head.push(chunk);
      if (notSse !== undefined) return size > MAX_ERROR_BYTES ? bad(badKind(notSse)) : waiting;
      const verdict = hold.push(chunk);
      switch (verdict.kind) {
        case 'meaningful':
          return good;
        case 'failure':
          return {
            kind: 'failure',
            failure:
              classifyStreamEvent(verdict.event, input.nowMs, input.model) ??
              classifyBadAnswer('not-json', input.status, head.text()),
          };
        case 'not-sse':
          notSse = verdict.looksLike;
          return waiting;
        case 'waiting':
          return size > MAX_STREAM_HOLD_BYTES ? good : waiting;
      }
    },
    end: () => bad(notSse === undefined ? 'empty' : badKind(notSse)),
    expire: () => (notSse === undefined ? good : bad(badKind(notSse))),
  };
}

function badKind(looksLike: 'json' | 'html' | 'other'): Parameters<typeof classifyBadAnswer>[0] {
  return looksLike === 'json' ? 'json-not-sse' : 'html';
}

function judgeJson(input: JudgeInput): AnswerJudge {
  const parts: Buffer[] = [];
  let size = 0;
  let usage: Usage | undefined;
  const verdict = (): Judgement => {
    const body = parts.length === 1 ? parts[0] : Buffer.concat(parts, size);
    if (body === undefined || body.length === 0) return failed(classifyBadAnswer('empty', input.status, ''));
    if (body[0] === 0x3c) {
      const text = body.toString('utf8', 0, MAX_HEAD_CHARACTERS);
      return failed(classify(input, text) ?? classifyBadAnswer('html', input.status, text));
    }
    const at = topLevelValues(body, ['error', 'status', 'usage']);
    if (at === undefined) return good;
    if (at.usage !== undefined) usage = readUsage(parseRange(body, at.usage));
    const failure = inBandFailure(body, at, input);
    return failure === undefined ? good : failed(failure);
  };
  return {
    isStream: false,
    usage: () => usage,
    push(chunk) {
      parts.push(chunk);
      size += chunk.length;
      return size > MAX_JSON_HOLD_BYTES ? good : waiting;
    },
    end: verdict,
    expire: () => good,
  };
}

/** An error object or a failed status inside a 200. */
function inBandFailure(
  body: Buffer,
  at: Partial<Record<'error' | 'status', ByteRange>>,
  input: JudgeInput,
): AttemptFailure | undefined {
  const error = at.error === undefined ? undefined : parseRange(body, at.error);
  const status = stringIn(body, at.status);
  if ((error === undefined || error === null) && status !== 'failed') return undefined;
  return classifyStreamEvent({ type: 'response.failed', response: { status: 'failed', error } }, input.nowMs, input.model);
}

function classify(input: JudgeInput, bodyHead: string): AttemptFailure | undefined {
  return classifyResponse({
    status: input.status,
    headers: input.headers,
    bodyHead,
    nowMs: input.nowMs,
    ...(input.model === undefined ? {} : { requestedModel: input.model }),
    isStreamExpected: input.turn.facts.stream,
  });
}

function failed(failure: AttemptFailure): Judgement {
  return { kind: 'failure', failure };
}

function createHead(): { push(chunk: Buffer): number; text(): string } {
  const parts: Buffer[] = [];
  let size = 0;
  return {
    push(chunk) {
      if (size < MAX_HEAD_CHARACTERS) parts.push(chunk);
      size += chunk.length;
      return size;
    },
    text: () => Buffer.concat(parts).toString('utf8', 0, MAX_HEAD_CHARACTERS),
  };
}
