import { z } from 'zod';
import { protocols } from '../domain/protocol.js';

/** The newest config version this program writes; a file with a higher one opens read-only. */
export const CONFIG_VERSION = 1;

/** Names of providers, endpoints and routes: short, safe in URLs, files and labels. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'use letters, digits, dot, dash or underscore, at most 64');

const positiveInt = z.int().positive();
const baseUrlSchema = z
  .string()
  .refine((value) => /^https?:\/\/[^\s]+$/i.test(value) && URL.canParse(value), 'must be an http or https URL')
  .refine((value) => !URL.canParse(value) || new URL(value).search === '', 'must not have a query string');
const headersSchema = z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is not a header name'), z.string());
const patternSchema = z.string().refine((value) => value.split('*').length <= 2, 'may hold one * at most');

/** Comma list of statuses and ranges: `"429,500-599"`. */
export const statusSetSchema = z
  .string()
  .regex(/^\s*(\d{3}(\s*-\s*\d{3})?(\s*,\s*\d{3}(\s*-\s*\d{3})?)*)?\s*$/, 'must look like "429,500-599"');

/** `direct`, `environment`, or the URL of an http, https, socks5 or socks5h proxy. */
export const outboundProxySchema = z
  .string()
  .refine(
    (value) => value === 'direct' || value === 'environment' || /^(https?|socks5h?):\/\/[^\s/]+/i.test(value),
    'must be "direct", "environment" or an http, https or socks5 URL',
  );

/** Failure classes an attempt can end in; retry settings and rules name them. */
export const failureClasses = [
  'transport',
  'timeout',
  'cloudflare_timeout',
  'cloudflare_challenge',
  'rate_limited',
  'overloaded',
  'auth',
  'capability_mismatch',
  'client_error',
  'server_error',
  'bad_answer',
  'stream_failed',
] as const;

/** One failure class. */
export type FailureClass = (typeof failureClasses)[number];

const classSetSchema = z.array(z.enum(failureClasses));

const endpointFields = {
  enabled: z.boolean().optional(),
  protocol: z.enum(protocols).optional(),
  api_key_env: z.string().min(1).optional(),
  secret: nameSchema.optional(),
  api_key: z.string().min(1).optional(),
  auth: z.enum(['bearer', 'x-api-key']).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  models: z.array(patternSchema).optional(),
  model_map: z.record(patternSchema, patternSchema).optional(),
  headers: headersSchema.optional(),
  weight: positiveInt.max(1000).optional(),
  max_concurrent: positiveInt.optional(),
  limit_group: nameSchema.optional(),
  continuity_domain: nameSchema.optional(),
  proxy: outboundProxySchema.optional(),
  connect_timeout_s: z.number().positive().max(600).optional(),
  headers_timeout_s: z.number().positive().max(7200).optional(),
};

/** `[providers.<name>.endpoints.<id>]`: what an endpoint leaves out it takes from its provider. */
export const endpointConfigSchema = z.looseObject({ ...endpointFields, base_url: baseUrlSchema, order: z.int().optional() });

/** `[providers.<name>]`. */
export const providerConfigSchema = z.looseObject({
  ...endpointFields,
  label: z.string().min(1).max(80).optional(),
  base_url: baseUrlSchema.optional(),
  level: z.int().min(1).max(10).default(1),
  enabled: z.boolean().default(true),
  protocol: z.enum(protocols).default('responses'),
  /** Send the client's own credential when none is configured: for logins that live in the agent. */
  pass_client_auth: z.boolean().optional(),
  endpoints: z.record(nameSchema, endpointConfigSchema).optional(),
});

const strategies = ['ordered', 'round-robin', 'least-busy', 'weighted'] as const;

/** How the members of one level are ordered. */
export type Strategy = (typeof strategies)[number];

/** `[routing]`. */
export const routingConfigSchema = z.looseObject({
  active: nameSchema.optional(),
  pinned: nameSchema.optional(),
  affinity: z.enum(['off', 'preferred-group', 'fallback-sticky', 'hard']).default('fallback-sticky'),
  strategy: z.enum(strategies).default('ordered'),
  /** Per level, `"1" = "round-robin"`; overrides `strategy`. */
  levels: z.record(z.string().regex(/^([1-9]|10)$/, 'must be a level from 1 to 10'), z.enum(strategies)).default({}),
  /** stop: an exhausted endpoint is never tried. last-resort: it is, after everything else. */
  on_exhausted: z.enum(['stop', 'last-resort']).default('stop'),
  failback: z.enum(['never', 'next-turn', 'after-healthy']).default('after-healthy'),
  failback_after_s: z.number().min(0).max(86400).default(60),
});

const layerSchema = z.looseObject({
  max_attempts: z.int().min(1).max(8).optional(),
  backoff_ms: z.int().min(0).max(60000).optional(),
  backoff_max_ms: z.int().min(0).max(600000).optional(),
  jitter_ms: z.int().min(0).max(60000).optional(),
  on_status: statusSetSchema.optional(),
  on_class: classSetSchema.optional(),
});

/** `[[retry.rules]]`: the first rule that matches decides, before every built-in class. */
export const errorRuleSchema = z
  .looseObject({
    name: z.string().min(1).optional(),
    status: statusSetSchema.optional(),
    contains: z.string().min(1).optional(),
    matches: z.string().min(1).optional(),
    provider: nameSchema.optional(),
    action: z.enum(['stop', 'stop-and-cooldown', 'next', 'next-and-cooldown']),
    cooldown_s: z.number().min(0).max(86400).optional(),
  })
  .refine((rule) => rule.status ?? rule.contains ?? rule.matches, 'needs status, contains or matches');

/** `[retry]`. */
export const retryConfigSchema = z.looseObject({
  profile: z.enum(['balanced', 'same-upstream', 'aggressive-failover', 'cost-primary']).default('balanced'),
  endpoint: layerSchema.default({}),
  failover: layerSchema.default({}),
  never_on_status: statusSetSchema.optional(),
  never_on_class: classSetSchema.optional(),
  cloudflare_challenge_cooldown_s: z.number().min(0).max(86400).optional(),
  cloudflare_timeout_cooldown_s: z.number().min(0).max(86400).optional(),
  transport_cooldown_s: z.number().min(0).max(86400).optional(),
  cooldown_backoff_factor: z.number().min(1).max(16).optional(),
  cooldown_backoff_max_s: z.number().min(0).max(86400).optional(),
  rules: z.array(errorRuleSchema).default([]),
});

/** `[[routes]]`: all given conditions must hold; the first matching route wins. */
export const routeConfigSchema = z.looseObject({
  name: nameSchema.optional(),
  model: patternSchema.optional(),
  path: patternSchema.optional(),
  header: z.record(z.string(), patternSchema).optional(),
  /** A folder; matches when the session works in it or below it. */
  project: z.string().min(1).optional(),
  client_key: nameSchema.optional(),
  providers: z.array(nameSchema).min(1),
});

/** `[[filters]]`: redaction of request bodies, run in order over the JSON text. */
export const filterConfigSchema = z.looseObject({
  op: z.enum(['replace', 'remove']),
  source: z.string().min(1),
  target: z.string().optional(),
});

const clientKeySchema = z.looseObject({
  name: nameSchema,
  key: z.string().min(8).optional(),
  key_env: z.string().min(1).optional(),
  secret: nameSchema.optional(),
});

/** `[server]`. */
export const serverConfigSchema = z.looseObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65535).default(3211),
  allowed_hosts: z.array(z.string().min(1)).default([]),
  client_keys: z.array(clientKeySchema).default([]),
  max_body_mb: z.number().positive().max(1024).default(64),
  /** decode: compressed bodies are decoded before routing. passthrough: they go upstream as they came. */
  body_encoding: z.enum(['decode', 'passthrough']).default('decode'),
  stream_idle_timeout_s: z.number().min(0).max(86400).default(900),
  keepalive_s: z.number().min(0).max(3600).default(15),
});

/** `[clients.codex]`. */
export const codexClientConfigSchema = z.looseObject({
  form: z.enum(['auto', 'native', 'provider']).default('auto'),
  restore_on_quit: z.boolean().default(true),
  responses_websocket: z.boolean().default(false),
});

/** `[log]`. */
export const logConfigSchema = z.looseObject({
  requests: z.enum(['all', 'errors', 'off']).default('all'),
  max_mb: z.number().positive().max(4096).default(50),
  max_files: z.int().min(1).max(1000).default(10),
  http_debug: z.enum(['off', 'errors', 'all']).default('off'),
  http_debug_body_kb: z.number().min(0).max(4096).default(64),
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

/** `[notify]`. */
export const notifyConfigSchema = z.looseObject({
  enabled: z.boolean().default(true),
  min_duration_s: z.number().min(0).max(86400).default(60),
});

/** The whole file. Unknown keys are kept and reported, never dropped. */
export const configSchema = z.looseObject({
  version: z.int().min(1).default(CONFIG_VERSION),
  server: serverConfigSchema.prefault({}),
  routing: routingConfigSchema.prefault({}),
  retry: retryConfigSchema.prefault({}),
  providers: z.record(nameSchema, providerConfigSchema).default({}),
  routes: z.array(routeConfigSchema).default([]),
  clients: z.looseObject({ codex: codexClientConfigSchema.prefault({}) }).prefault({}),
  notify: notifyConfigSchema.prefault({}),
  log: logConfigSchema.prefault({}),
  filters: z.array(filterConfigSchema).default([]),
  ui: z.looseObject({ language: z.enum(['auto', 'en', 'zh']).default('auto') }).prefault({}),
});

/** The validated configuration with every default filled in; key names as in the file. */
export type Config = z.infer<typeof configSchema>;
/** One provider as written in the file, defaults filled in. */
export type ProviderConfig = z.infer<typeof providerConfigSchema>;
/** One endpoint as written in the file. */
export type EndpointConfig = z.infer<typeof endpointConfigSchema>;
/** One `[[retry.rules]]` row. */
export type ErrorRule = z.infer<typeof errorRuleSchema>;
/** One `[[routes]]` row. */
export type RouteConfig = z.infer<typeof routeConfigSchema>;
/** One `[[filters]]` row. */
export type FilterConfig = z.infer<typeof filterConfigSchema>;
/** `[retry]` as written. */
export type RetryConfig = z.infer<typeof retryConfigSchema>;
/** `[routing]` with defaults. */
export type RoutingConfig = z.infer<typeof routingConfigSchema>;
