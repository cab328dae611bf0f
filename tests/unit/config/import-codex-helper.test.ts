import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { importCodexHelper } from '../../../main/core/config/import-codex-helper.js';
import type { ImportDraft } from '../../../main/core/config/import-draft.js';

const run = (toml: string, filters: unknown = []): ImportDraft => importCodexHelper(parse(toml), filters);
const tables = (draft: ImportDraft): Record<string, Record<string, unknown>> =>
  Object.fromEntries(draft.providers.map(({ name, table }) => [name, table]));
const levels = (draft: ImportDraft): [string, unknown][] => draft.providers.map(({ name, table }) => [name, table['level']]);
const settings = (draft: ImportDraft): Record<string, unknown> =>
  Object.fromEntries(draft.settings.map(({ path, value }) => [path.join('.'), value]));
const provider = (id: string, rest = ''): string =>
  `[codex.providers.${id}]\nbase_url = "https://${id}.example/v1"\nauth_token_env = "K_${id}"\n${rest}`;

describe('codex-helper version 1', () => {
  const v1 = `
version = 1
[codex]
active = "main"
[codex.configs.backup]
level = 3
[[codex.configs.backup.upstreams]]
base_url = "https://b.example/v1"
auth = { api_key_env = "B_KEY" }
[codex.configs.main]
alias = "Main relay"
level = 12
enabled = false
[[codex.configs.main.upstreams]]
base_url = "https://m1.example/v1/"
auth = { auth_token = "sk-inline" }
tags = { provider_id = "x", source = "codex-config", requires_openai_auth = "true", region = "eu" }
supported_models = { "gpt-5*" = true, "gpt-4" = false }
model_mapping = { "small" = "vendor/small" }
[[codex.configs.main.upstreams]]
base_url = "https://m2.example/v1"
[codex.configs.off]
enabled = false
[[codex.configs.off.upstreams]]
base_url = "https://o.example/v1"
auth = { auth_token_env = "O" }
[codex.configs.none]
`;

  it('makes a provider of every config and an endpoint of every upstream', () => {
    const draft = run(v1);
    expect(tables(draft)).toEqual({
      off: { base_url: 'https://o.example/v1', level: 1, enabled: false, api_key_env: 'O' },
      backup: { base_url: 'https://b.example/v1', level: 3, api_key_env: 'B_KEY', auth: 'x-api-key' },
      main: {
        label: 'Main relay',
        level: 10,
        pass_client_auth: true,
        endpoints: {
          u1: {
            base_url: 'https://m1.example/v1/',
            secret: 'main-u1',
            tags: { region: 'eu' },
            models: ['gpt-5*'],
            model_map: { small: 'vendor/small' },
          },
          u2: { base_url: 'https://m2.example/v1' },
        },
      },
    });
    expect(draft.secrets).toEqual([{ name: 'main-u1', value: 'sk-inline' }]);
    expect(settings(draft)).toEqual({ 'routing.active': 'main' });
    expect(draft.skipped).toEqual([{ name: 'none', reason: 'it has no usable upstream' }]);
    expect(draft.warnings).toEqual([expect.stringContaining('main: it was active though disabled')]);
  });

  it('reads the JSON form with its camelCase names', () => {
    const draft = importCodexHelper(
      {
        codex: {
          active: 'a',
          configs: {
            a: {
              name: 'a',
              upstreams: [
                {
                  base_url: 'https://a.example',
                  auth: { authTokenEnv: 'A' },
                  supportedModels: { m: true },
                  modelMapping: { m: 'v/m' },
                },
              ],
            },
          },
        },
      },
      [],
    );
    expect(tables(draft)).toEqual({
      a: { base_url: 'https://a.example', level: 1, api_key_env: 'A', models: ['m'], model_map: { m: 'v/m' } },
    });
  });

  it('takes active = true for the first enabled config and anything unknown for none', () => {
    const configs =
      '[codex.configs.a]\nenabled = false\n[[codex.configs.a.upstreams]]\nbase_url = "https://a.example"\n[codex.configs.b]\n[[codex.configs.b.upstreams]]\nbase_url = "https://b.example"\n';
    expect(settings(run(`[codex]\nactive = true\n${configs}`))).toEqual({ 'routing.active': 'b' });
    expect(settings(run(`[codex]\nactive = "gone"\n${configs}`))).toEqual({});
  });

  it('imports the Claude service with its protocol and no clash of names', () => {
    const service = (id: string): string =>
      `[${id}]\nactive = "a"\n[${id}.configs.a]\n[[${id}.configs.a.upstreams]]\nbase_url = "https://${id}.example"\nauth = { api_key_env = "K", auth_token_env = "T" }\n`;
    const draft = run(service('codex') + service('claude'));
    expect(tables(draft)).toEqual({
      a: { base_url: 'https://codex.example', level: 1, api_key_env: 'T' },
      'a-2': { label: 'a', base_url: 'https://claude.example', level: 1, protocol: 'messages', api_key_env: 'T', auth: 'bearer' },
    });
    expect(draft.warnings.filter((line) => line.includes('only the token'))).toHaveLength(2);
    expect(draft.warnings).toContainEqual(expect.stringContaining('claude: its choice'));
  });
});

describe('codex-helper versions 2 and 3', () => {
  it('gives a provider the level of the best station that names it, active stations first', () => {
    const draft = run(`
version = 2
[codex]
active_station = "beta"
${provider('a')}${provider('b')}${provider('c')}${provider('d')}
[codex.providers.split]
[codex.providers.split.endpoints.eu]
base_url = "https://eu.example"
[codex.providers.split.endpoints.us]
base_url = "https://us.example"
[codex.stations.alpha]
level = 2
members = [{ provider = "a" }, { provider = "split", endpoint_names = ["us"] }]
[codex.stations.beta]
level = 2
members = [{ provider = "b" }]
[codex.stations.first]
level = 1
members = [{ provider = "split", endpoints = ["eu"] }, { provider = "c", preferred = true }, { provider = "gone" }]
[codex.stations.off]
enabled = false
members = [{ provider = "d" }]
`);
    expect(levels(draft)).toEqual([
      ['c', 1],
      ['split', 1],
      ['b', 2],
      ['a', 2],
      ['split-us', 2],
      ['d', 10],
    ]);
    expect(tables(draft)['d']).toMatchObject({ enabled: false });
    expect(tables(draft)['split']).toMatchObject({ endpoints: { eu: { base_url: 'https://eu.example' } } });
    expect(settings(draft)).toEqual({ 'routing.active': 'b' });
    expect(draft.warnings).toEqual([expect.stringContaining('"gone"'), expect.stringContaining('d: no route reaches it')]);
  });

  it.each([
    [
      'ordered-failover',
      'policy = "ordered-failover"\norder = ["c", "a"]',
      [
        ['c', 1],
        ['a', 2],
        ['b', 10],
      ],
      {},
    ],
    [
      'manual-sticky',
      'policy = "manual-sticky"\ntarget = "b"',
      [
        ['b', 1],
        ['a', 2],
        ['c', 2],
      ],
      { 'routing.pinned': 'b' },
    ],
    [
      'tag-preferred',
      'policy = "tag-preferred"\norder = ["a", "b", "c"]\nprefer_tags = [{ tier = "x" }]',
      [
        ['b', 1],
        ['a', 2],
        ['c', 3],
      ],
      {},
    ],
    [
      'pool-fallback',
      'policy = "pool-fallback"\nchain = ["p", "q"]\n[codex.routing.pools.p]\nproviders = ["c"]\n[codex.routing.pools.q]\nproviders = ["a", "b"]',
      [
        ['c', 1],
        ['a', 2],
        ['b', 3],
      ],
      {},
    ],
    [
      'pool-fallback that stops',
      'policy = "pool-fallback"\non_exhausted = "stop"\nchain = ["p", "q"]\n[codex.routing.pools.p]\nproviders = ["c"]\n[codex.routing.pools.q]\nproviders = ["a"]',
      [
        ['c', 1],
        ['a', 10],
        ['b', 10],
      ],
      {},
    ],
  ])('turns the flat policy %s into levels', (_policy, routing, expected, chosen) => {
    const draft = run(
      `version = 3\n${provider('a')}${provider('b', 'tags = { tier = "x" }\n')}${provider('c')}[codex.routing]\n${routing}\n`,
    );
    expect(levels(draft)).toEqual(expected);
    expect(settings(draft)).toEqual(chosen);
  });

  it('puts all providers in the order of their names where there is no routing', () => {
    expect(levels(run(`${provider('z')}${provider('a')}`))).toEqual([
      ['a', 1],
      ['z', 2],
    ]);
  });
});

describe('codex-helper version 5', () => {
  it('keeps what providers and endpoints say', () => {
    const draft = run(`
version = 5
[codex.providers.relay]
alias = "Relay"
continuity_domain = "acct-a"
auth_token = "sk-inline"
auth = { auth_token_env = "LOSES" }
tags = { billing = "monthly" }
supported_models = { "gpt-5*" = true }
limits = { max_concurrent_requests = 4, limit_group = "acct a" }
[codex.providers.relay.endpoints.us]
base_url = "https://us.example/v1"
priority = 5
[codex.providers.relay.endpoints.eu]
base_url = "https://eu.example/v1"
enabled = false
tags = { region = "eu" }
limits = { max_concurrent_requests = 0 }
`);
    expect(tables(draft)).toEqual({
      relay: {
        label: 'Relay',
        level: 1,
        secret: 'relay',
        tags: { billing: 'monthly' },
        models: ['gpt-5*'],
        max_concurrent: 4,
        limit_group: 'acct-a',
        continuity_domain: 'acct-a',
        endpoints: {
          eu: { base_url: 'https://eu.example/v1', enabled: false, tags: { region: 'eu' } },
          us: { base_url: 'https://us.example/v1', order: 5 },
        },
      },
    });
    expect(draft.secrets).toEqual([{ name: 'relay', value: 'sk-inline' }]);
    expect(draft.warnings).toEqual([expect.stringContaining('relay.eu: max_concurrent_requests')]);
  });

  const graph = (routes: string): ImportDraft =>
    run(`version = 5\n${provider('a', 'tags = { billing = "monthly" }\n')}${provider('b')}${provider('c')}
[codex.providers.r.endpoints.eu]
base_url = "https://eu.example"
[codex.providers.r.endpoints.us]
base_url = "https://us.example"
[codex.routing]
entry = "main"
affinity_policy = "hard"
${routes}`);

  it('makes levels of the nesting order, and splits a provider whose endpoints stand apart', () => {
    const draft = graph(`
[codex.routing.routes.main]
strategy = "ordered-failover"
children = ["r.us", "inner", "r"]
[codex.routing.routes.inner]
strategy = "ordered-failover"
children = ["c", "a"]
`);
    expect(levels(draft)).toEqual([
      ['r', 1],
      ['c', 2],
      ['a', 3],
      ['r-eu', 4],
      ['b', 10],
    ]);
    expect(tables(draft)['r']).toMatchObject({ endpoints: { us: {} } });
    expect(settings(draft)).toEqual({ 'routing.affinity': 'hard' });
  });

  it('keeps order within the last level when there are more than ten', () => {
    const ids = Array.from({ length: 13 }, (_, index) => `p${String(index).padStart(2, '0')}`);
    const draft = run(ids.map((id) => provider(id)).join(''));
    expect(levels(draft)).toEqual(ids.map((id, index) => [id, Math.min(10, index + 1)]));
  });

  it('pins the target of a manual-sticky entry, a single endpoint included', () => {
    const draft = graph('[codex.routing.routes.main]\nstrategy = "manual-sticky"\ntarget = "r.us"\n');
    expect(settings(draft)).toEqual({ 'routing.pinned': 'r', 'routing.affinity': 'hard' });
    expect(tables(draft)['r']).toMatchObject({ level: 1, endpoints: { us: {} } });
    expect(levels(draft).map(([name]) => name)).toEqual(['r', 'a', 'b', 'c', 'r-eu']);
  });

  it('puts the children with the preferred tags first, and drops the rest when told to stop', () => {
    const route = (rest: string): string =>
      `[codex.routing.routes.main]\nstrategy = "tag-preferred"\nchildren = ["b", "in", "c"]\nprefer_tags = [{ billing = "monthly" }]\n${rest}[codex.routing.routes.in]\nchildren = ["a"]\n`;
    expect(levels(graph(route(''))).slice(0, 3)).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    expect(levels(graph(route('on_exhausted = "stop"\n')))[1]?.[1]).toBe(10);
  });

  it('makes routes of conditions, with a last one for everything else', () => {
    const draft = graph(`
[codex.routing.routes.main]
strategy = "conditional"
when = { model = "gpt-5*", headers = { x-team = "a" } }
then = "a"
default = "rest"
[codex.routing.routes.rest]
children = ["b", "c"]
`);
    expect(draft.routes).toEqual([
      { name: 'main', model: 'gpt-5*', header: { 'x-team': 'a' }, providers: ['a'] },
      { name: 'otherwise', providers: ['b', 'c'] },
    ]);
    expect(levels(draft)).toEqual([
      ['b', 1],
      ['a', 1],
      ['c', 2],
      ['r', 10],
    ]);
  });

  it('resolves conditions below conditions, and names the ones it cannot express', () => {
    const draft = graph(`
[codex.routing.routes.main]
strategy = "conditional"
when = { model = "gpt-5*" }
then = "inner"
default = "c"
[codex.routing.routes.inner]
strategy = "conditional"
when = { path = "/v1/responses/compact" }
then = "a"
default = "tier"
[codex.routing.routes.tier]
strategy = "conditional"
when = { service_tier = "priority" }
then = "r"
default = "b"
`);
    expect(draft.routes).toEqual([
      { name: 'main-inner', model: 'gpt-5*', path: '/v1/responses/compact', providers: ['a'] },
      { name: 'main', model: 'gpt-5*', providers: ['b'] },
      { name: 'otherwise', providers: ['c'] },
    ]);
    expect(draft.warnings).toContainEqual(expect.stringContaining('service_tier'));
  });

  it('survives cycles and unknown references, and names them', () => {
    const draft = graph(
      '[codex.routing.routes.main]\nchildren = ["loop", "nobody", "a"]\n[codex.routing.routes.loop]\nchildren = ["main"]\n',
    );
    expect(levels(draft)[0]).toEqual(['a', 1]);
    expect(draft.warnings).toEqual(
      expect.arrayContaining([expect.stringContaining('"main" contains itself'), expect.stringContaining('"nobody"')]),
    );
  });

  it('names everything that has no counterpart', () => {
    const draft = run(`
version = 5
${provider('a')}
[codex.profiles.daily]
model = "gpt-5.5"
[codex.client_patch]
preset = "official-relay"
responses_websocket = true
[codex.routing]
entry = "main"
fallback_ttl_ms = 5
[codex.routing.routes.main]
children = ["a"]
[relay_targets.nas]
proxy_url = "http://nas:3211"
[ui]
language = "zh"
[ui.usage_forecast]
enabled = true
[notify]
enabled = true
policy = { min_duration_ms = 90000 }
exec = { enabled = true }
`);
    expect(settings(draft)).toEqual({
      'ui.language': 'zh',
      'notify.enabled': true,
      'notify.min_duration_s': 90,
      'clients.codex.responses_websocket': true,
    });
    for (const name of [
      'codex.profiles',
      'codex.client_patch.preset',
      'fallback_ttl_ms',
      'relay_targets',
      'ui.usage_forecast',
      'notify.exec',
    ])
      expect(draft.warnings).toContainEqual(expect.stringContaining(name));
  });
});

describe('retry and filters', () => {
  it('maps layers, classes, status sets, cooldowns and clamps', () => {
    const draft = run(`
[retry]
profile = "cost-primary"
never_on_status = "413,x"
never_on_class = ["client_error_non_retryable"]
cloudflare_challenge_cooldown_secs = 300
transport_cooldown_secs = 30
cooldown_backoff_factor = 99
cooldown_backoff_max_secs = 900
allow_cross_station_before_first_output = false
[retry.upstream]
max_attempts = 20
backoff_ms = 200
on_class = ["upstream_transport_error", "cloudflare_timeout", "upstream_rate_limited", "upstream_overloaded"]
strategy = "failover"
[retry.provider]
on_status = "599-500, 429 ,abc,"
on_class = ["routing_mismatch_capability", "image_generation_missing_result"]
strategy = "failover"
`);
    expect(settings(draft)).toEqual({
      'retry.profile': 'cost-primary',
      'retry.endpoint': {
        max_attempts: 8,
        backoff_ms: 200,
        on_class: ['transport', 'cloudflare_timeout', 'rate_limited', 'overloaded'],
      },
      'retry.failover': { on_status: '500-599,429', on_class: ['capability_mismatch'] },
      'retry.never_on_status': '413',
      'retry.never_on_class': ['client_error'],
      'retry.cloudflare_challenge_cooldown_s': 300,
      'retry.transport_cooldown_s': 30,
      'retry.cooldown_backoff_factor': 16,
      'retry.cooldown_backoff_max_s': 900,
    });
    expect(draft.warnings).toEqual([
      expect.stringContaining('retry.upstream.strategy'),
      expect.stringContaining('image_generation_missing_result'),
      expect.stringContaining('allow_cross_station_before_first_output'),
    ]);
  });

  it('maps the flat keys of the oldest files, unless the table is there', () => {
    expect(settings(run('[retry]\nmax_attempts = 3\non_status = "502"\n'))).toEqual({
      'retry.endpoint': { max_attempts: 3, on_status: '502' },
    });
    expect(settings(run('[retry]\nmax_attempts = 3\n[retry.upstream]\nbackoff_ms = 1\n'))).toEqual({
      'retry.endpoint': { backoff_ms: 1 },
    });
  });

  it('takes filter.json as an array or a single rule, and leaves bad rules out', () => {
    const rule = { op: 'replace', source: 'a.b', target: '$1' };
    expect(run('', [rule, { op: 'remove', source: 'x' }, { op: 'shout', source: 'y' }, 7]).filters).toEqual([
      rule,
      { op: 'remove', source: 'x' },
    ]);
    expect(run('', rule).filters).toEqual([rule]);
    expect(run('', 'nonsense').filters).toEqual([]);
  });

  it.each([
    {},
    [],
    null,
    'text',
    { codex: 7 },
    { codex: { configs: { a: 1 } } },
    { codex: { providers: { a: { endpoints: 3 } } } },
  ])('is an empty result for %j', (config) => {
    expect(importCodexHelper(config, []).providers).toEqual([]);
  });
});
