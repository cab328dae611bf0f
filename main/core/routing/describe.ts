import type { Candidate, Plan, Skip, SkipReason } from '../../../shared/domain/routing.js';
import { assertNever } from '../../../shared/assert.js';

/** A span in words that fit its size: `24 s`, `5 min`, `2 h 10 min`, `3 d 4 h`; never less than a second. */
export function formatSpan(spanMs: number): string {
  const seconds = Math.max(1, Math.ceil(spanMs / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** Why an endpoint is not tried, without its name. */
export function describeReason(reason: SkipReason, nowMs: number): string {
  switch (reason.code) {
    case 'disabled':
      return 'switched off in the configuration';
    case 'protocol_mismatch':
      return `speaks another protocol (${reason.protocol})`;
    case 'unsupported_model':
      return `does not offer the model ${reason.model}`;
    case 'no_credential':
      return `has no credential: ${reason.source} is not set`;
    case 'cooldown': {
      const what = reason.model === undefined ? 'resting' : `resting for the model ${reason.model}`;
      return `${what} for ${formatSpan(reason.untilMs - nowMs)} more, ${reason.reason}`;
    }
    case 'probing':
      return 'recovering: another request is trying it out';
    case 'exhausted': {
      const until = reason.untilMs === undefined ? '' : ` for ${formatSpan(reason.untilMs - nowMs)} more`;
      return `used up${until}, ${reason.reason}`;
    }
    case 'saturated':
      return `busy: ${reason.active} of ${reason.limit} concurrent requests in flight`;
    case 'not_in_route':
      return `not part of the route ${reason.route}`;
    case 'not_pinned':
      return `left out because ${reason.pinned} is pinned`;
    case 'state_bound':
      return `left out because the conversation's state belongs to ${reason.owner}`;
    default:
      return assertNever(reason);
  }
}

/** Why an endpoint is not tried, as one sentence: `relay/default: resting for 24 s more, HTTP 503 from the upstream`. */
export function describeSkip(skip: Skip, nowMs: number): string {
  return `${skip.endpoint}: ${describeReason(skip.reason, nowMs)}`;
}

function describeWhy(candidate: Candidate): string {
  switch (candidate.why) {
    case 'pinned':
      return 'pinned';
    case 'affinity':
      return 'this session is served there';
    case 'active':
      return 'the active provider';
    case 'strategy':
      return 'next in its level';
    case 'probe':
      return 'its rest is over, this turn tries it out';
    case 'last-resort':
      return 'nothing better is left';
    default:
      return assertNever(candidate.why);
  }
}

/** The plan in lines: what would be tried, in order, then what is left out and why, then when that changes. */
export function describePlan(plan: Plan, nowMs: number): readonly string[] {
  const tried = plan.candidates.map((candidate, index) => {
    const model = candidate.model === undefined ? '' : `, model ${candidate.model}`;
    return `${index + 1}. ${candidate.endpoint.key} (level ${candidate.endpoint.level}): ${describeWhy(candidate)}${model}`;
  });
  const head = [
    ...(plan.pinned === undefined ? [] : [`pinned to ${plan.pinned}`]),
    ...(plan.route === undefined ? [] : [`route ${plan.route}`]),
  ];
  const none = tried.length > 0 ? [] : ['no endpoint can be used right now'];
  const next = plan.nextEligibleAtMs;
  const wait = tried.length > 0 || next === undefined ? [] : [`the soonest is eligible in ${formatSpan(next - nowMs)}`];
  return [...head, ...tried, ...none, ...plan.skipped.map((skip) => describeSkip(skip, nowMs)), ...wait];
}
