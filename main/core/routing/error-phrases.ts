import type { AttemptFailure } from '../../../shared/domain/routing.js';
import type { ErrorBody } from './error-body.js';

/** Codes that say the request itself is at fault whoever answers it. */
const requestCodes: ReadonlySet<string> = new Set([
  'context_length_exceeded',
  'context_limit',
  'context_window_exceeded',
  'token_limit',
  'string_above_max_length',
  'invalid_prompt',
  'cyber_policy',
  'bio_policy',
  'content_filter',
  'content_policy_violation',
  'moderation_blocked',
  'image_content_policy_violation',
  'previous_response_not_found',
  'invalid_encrypted_content',
  'invalid_image',
  'image_parse_error',
  'image_too_large',
]);

/** Types that say so in general; some relays use them for overload too, so they are asked last. */
const requestTypes: ReadonlySet<string> = new Set([
  'invalid_request_error',
  'validation_error',
  'bad_request',
  'invalid_argument',
]);

const modelCodes: ReadonlySet<string> = new Set([
  'model_not_found',
  'model_not_available',
  'unsupported_model',
  'model_not_supported',
]);

const authCodes: ReadonlySet<string> = new Set([
  'unauthorized',
  'unauthenticated',
  'authentication_error',
  'invalid_api_key',
  'api_key_invalid',
  'invalid_token',
  'token_invalid',
  'token_expired',
  'token_revoked',
  'account_deactivated',
  'account_banned',
  'banned',
  'forbidden',
  'permission_error',
  'permission_denied',
  'payment_required',
  'usage_not_included',
  'unsupported_country_region_territory',
]);

/** Codes that say the money or the plan's allowance is used up, not just the pace. */
const quotaCodes: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'insufficient_user_quota',
  'pre_consume_token_quota_failed',
  'usage_limit',
  'usage_limit_reached',
  'usage_limit_exceeded',
  'quota_exhausted',
  'billing_error',
  'billing_not_active',
  'billing_hard_limit_reached',
  'insufficient_balance',
]);

const quotaPhrases = [
  'insufficient_quota',
  'insufficient_user_quota',
  'pre_consume_token_quota_failed',
  'usage_limit',
  'usage limit',
  'billing_error',
  'billing issue',
  'insufficient balance',
  '额度不足',
  '余额不足',
  '预扣费额度失败',
] as const;

const rateLimitPhrases = [
  'rate_limit_error',
  'rate_limit_exceeded',
  'rate_limit_reached',
  'rate_limit_total_reached',
  'rate limit',
  'rate-limit',
  'rate limited',
  'too many requests',
  'too_many_requests',
  'quota exceeded',
  'quota exhausted',
  'quota_exceeded',
  'quota_exhausted',
  'resource exhausted',
  'resource_exhausted',
  'resource has been exhausted',
  'model_cooldown',
  '请求数限制',
  '请求过于频繁',
  ...quotaPhrases,
] as const;

const overloadPhrases = [
  'overloaded',
  'slow_down',
  'no capacity',
  'no available channel',
  'no channel available',
  'get channel failed',
  'get_channel_failed',
  '无可用渠道',
  'model is at capacity',
  'capacity exhausted',
  'concurrency limit',
  'pending requests',
  'connection limit',
  'connection_limit_reached',
  'conn_queue_full',
  'queue full',
  'max concurrent',
  'maximum concurrent',
  'too many concurrent',
  '并发',
  '排队',
] as const;

const capabilitySubject = /\bmodels?\b|模型|service[ _]tier|reasoning/i;
const capabilityRefusal = /not supported|unsupported|does ?n[o']t support|do not support|not available|unavailable|不支持/i;
const modelRefusal =
  /does ?n[o']t exist|do not exist|no access|(?:not have|without) access|not[ _]found|unknown model|invalid model|不存在|未找到/i;
const missingState = /(?:previous[ _]response|\bitem\b)[^.]{0,120}not (?:be )?found/i;

const includesAny = (text: string, phrases: readonly string[]): boolean => phrases.some((phrase) => text.includes(phrase));

/** Code, type and message in lower case: what phrases are looked for in. */
function searchable(body: ErrorBody): string {
  return `${body.code ?? ''}\n${body.type ?? ''}\n${body.message}`.toLowerCase();
}

function named(body: ErrorBody, codes: ReadonlySet<string>): boolean {
  return codes.has(body.code?.toLowerCase() ?? '') || codes.has(body.type?.toLowerCase() ?? '');
}

/** The request is at fault and says so by a code of its own, or it leans on state this upstream does not hold. */
export function namesRequestFault(body: ErrorBody): boolean {
  return named(body, requestCodes) || missingState.test(body.message);
}

/** The request looks at fault: a general type, or one of the messages agents are known to provoke. */
export function looksLikeRequestFault(body: ErrorBody): boolean {
  if (named(body, requestTypes)) return true;
  const text = body.message.toLowerCase();
  const has = (...parts: readonly string[]): boolean => parts.every((part) => text.includes(part));
  return (
    has('tool_use', 'must be unique') ||
    has('all messages must have non-empty content') ||
    has('string should match pattern', 'srvtoolu_') ||
    has('unexpected', 'tool_use_id') ||
    has('json', 'parse') ||
    has('json', 'invalid') ||
    has('schema', 'validation')
  );
}

/** The endpoint does not offer the model, service tier or reasoning setting that was asked for. */
export function namesCapabilityMismatch(body: ErrorBody): boolean {
  const text = body.message;
  if (!capabilitySubject.test(text)) return false;
  return capabilityRefusal.test(text) || (/\bmodels?\b|模型/i.test(text) && modelRefusal.test(text));
}

/** The code alone says that the model does not exist here. */
export function namesMissingModel(body: ErrorBody): boolean {
  return named(body, modelCodes);
}

/** The endpoint says that it has too much to do. */
export function namesOverload(body: ErrorBody): boolean {
  return includesAny(searchable(body), overloadPhrases);
}

/** The endpoint says that we ask too often, or that money or allowance is used up. */
export function namesRateLimit(body: ErrorBody): boolean {
  return named(body, quotaCodes) || includesAny(searchable(body), rateLimitPhrases);
}

/** The endpoint does not accept the credential or the account behind it. */
export function namesAuthFailure(body: ErrorBody): boolean {
  return named(body, authCodes);
}

/** The throttle concerns one model of the endpoint, not the endpoint as a whole. */
export function concernsOneModel(body: ErrorBody, model: string): boolean {
  const text = searchable(body);
  if (text.includes('model_cooldown')) return true;
  if (/model (?:is )?(?:currently |temporarily )?(?:at capacity|overloaded)/.test(text)) return true;
  return model.length >= 3 && text.includes(model.toLowerCase());
}

/** True when allowance or money is used up, so that asking again soon cannot help. */
export function isQuotaFailure(failure: AttemptFailure): boolean {
  if (failure.class !== 'rate_limited') return false;
  if (quotaCodes.has(failure.code?.toLowerCase() ?? '')) return true;
  return includesAny(failure.message.toLowerCase(), quotaPhrases);
}
