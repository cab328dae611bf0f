import { describe, expect, it } from 'vitest';
import { parseConfig, type ParsedConfig } from '../../../main/core/config/parse-config.js';
import { ownAddressOf } from '../../../main/core/config/own-address.js';

function read(text: string, listening?: { host: string; port: number }): ParsedConfig {
  return parseConfig(text, { file: 'config.toml', ownAddress: (server) => ownAddressOf(server, listening) });
}

function lines(text: string): string[] {
  return read(text).problems.map(
    ({ severity, code, key, position }) => `${severity} ${code} ${key} ${position?.line ?? '-'}:${position?.column ?? '-'}`,
  );
}

describe('what is wrong with a file, and where', () => {
  it('takes an empty text as the default config without a problem', () => {
    const parsed = read('');
    expect(parsed.problems).toEqual([]);
    expect(parsed.config?.server).toMatchObject({ host: '127.0.0.1', port: 3211 });
    expect(parsed.endpoints).toEqual([]);
  });

  it.each([
    ['a value that is missing', 'version = 1\n[server]\nport = \n', 3, 8],
    ['a key given twice', 'version = 1\nversion = 1\n', 2, 1],
    ['a table that is not closed', '[server\nport = 1\n', 1, 8],
    ['a string that is not closed, after CRLF lines', 'version = 1\r\n\r\n[ui]\r\nlanguage = "en\r\n', 4, 15],
  ])('names line and column of %s', (_what, text, line, column) => {
    const [problem, ...others] = read(text).problems;
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ severity: 'error', code: 'CONFIG_SYNTAX', position: { file: 'config.toml', line, column } });
  });

  it('never quotes the text of a broken file, which may hold a key', () => {
    const [problem] = read('[providers.a]\nbase_url = "https://a.example"\napi_key = "sk-very-secret\n').problems;
    expect(problem?.code).toBe('CONFIG_SYNTAX');
    expect(JSON.stringify(problem)).not.toContain('sk-very-secret');
  });

  it.each([
    ['in a table', '[providers.a]\nbase_url = "https://a.example"\n  level = 11\n', 'providers.a.level', 3, 3],
    ['in an inline table', 'providers.a = { base_url = "https://a.example", level = 11 }\n', 'providers.a.level', 1, 49],
    ['behind dotted keys', '[providers]\na.base_url = "https://a.example"\na.level = "x"\n', 'providers.a.level', 3, 3],
    ['in an endpoint', '[providers.a.endpoints.eu]\nbase_url = "ftp://x"\n', 'providers.a.endpoints.eu.base_url', 2, 1],
    [
      'in an array of tables',
      '[[filters]]\nop = "remove"\nsource = "a"\n[[filters]]\nop = "gone"\nsource = "b"\n',
      'filters[1].op',
      5,
      1,
    ],
    ['in an array', '[retry]\nnever_on_class = [\n  "auth",\n  "authh",\n]\n', 'retry.never_on_class[1]', 4, 3],
    ['under a quoted key', '[routing.levels]\n"1" = "ordered"\n"11" = "ordered"\n', 'routing.levels.11', 3, 1],
    ['that is missing, at its table', '\n[providers.a.endpoints.eu]\nweight = 2\n', 'providers.a.endpoints.eu.base_url', 2, 24],
    ['after a byte order mark', '\uFEFFversion = "one"\n', 'version', 1, 1],
  ])('names the key and the place of a wrong value %s', (_where, text, key, line, column) => {
    const errors = read(text).problems.filter(({ severity }) => severity === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'CONFIG_INVALID', key, position: { line, column } });
    expect(read(text).config).toBeUndefined();
  });

  it('reports every wrong value, not only the first', () => {
    expect(lines('[server]\nport = 99999\nhost = 1\n[log]\nlevel = "loud"\n')).toEqual([
      'error CONFIG_INVALID server.host 3:1',
      'error CONFIG_INVALID server.port 2:1',
      'error CONFIG_INVALID log.level 5:1',
    ]);
  });

  it('suggests the option that was meant', () => {
    const [problem] = read('[retry]\nprofile = "agressive-failover"\n').problems;
    expect(problem?.message).toContain('Did you mean "aggressive-failover"?');
  });

  it('refuses a provider name that is not safe', () => {
    expect(lines('[providers."my relay"]\nbase_url = "https://a.example"\n')).toEqual([
      'error CONFIG_INVALID providers."my relay" 1:12',
    ]);
  });

  it('warns of unknown keys at every depth, keeps the reading, and says what was meant', () => {
    const text =
      'routting = 1\n[providers.a]\nbase_url = "https://a.example"\napi_key_evn = "X"\n[providers.a.balance]\nkind = "x"\n';
    const parsed = read(text);
    expect(parsed.config).toBeDefined();
    expect(parsed.problems.map(({ severity, key, position }) => [severity, key, position?.line])).toEqual([
      ['warning', 'routting', 1],
      ['warning', 'providers.a.api_key_evn', 4],
      ['warning', 'providers.a.balance', 5],
    ]);
    expect(parsed.problems[0]?.message).toContain('"routing"');
    expect(parsed.problems[1]?.message).toContain('"api_key_env"');
  });
});

describe('references and contradictions', () => {
  const a = '[providers.alpha]\nbase_url = "https://a.example/v1"\n';

  it.each([
    ['an active provider that is not there', `${a}[routing]\nactive = "alhpa"\n`, 'routing.active', 4],
    ['a pinned provider that is not there', `${a}[routing]\npinned = "toString"\n`, 'routing.pinned', 4],
    ['a route to a provider that is not there', `${a}[[routes]]\nproviders = ["alpha", "beta"]\n`, 'routes[0].providers[1]', 4],
    [
      'a route for a client key that is not there',
      `${a}[[routes]]\nclient_key = "me"\nproviders = ["alpha"]\n`,
      'routes[0].client_key',
      4,
    ],
    [
      'a rule for a provider that is not there',
      `${a}[[retry.rules]]\nstatus = "500"\nprovider = "x"\naction = "stop"\n`,
      'retry.rules[0].provider',
      5,
    ],
    [
      'a rule whose expression does not compile',
      `${a}[[retry.rules]]\nmatches = "("\naction = "stop"\n`,
      'retry.rules[0].matches',
      4,
    ],
    ['a rule without a condition', `${a}[[retry.rules]]\naction = "stop"\n`, 'retry.rules[0]', 3],
    ['two credentials', `${a}api_key_env = "A"\nsecret = "b"\n`, 'providers.alpha.secret', 4],
    [
      'two credentials of an endpoint',
      `[providers.b.endpoints.x]\nbase_url = "https://b.example"\nsecret = "s"\napi_key = "k"\n`,
      'providers.b.endpoints.x.api_key',
      4,
    ],
    ['a provider without an endpoint', '[providers.b]\nlevel = 2\n', 'providers.b', 1],
    [
      'base_url beside endpoints.default',
      `${a}[providers.alpha.endpoints.default]\nbase_url = "https://b.example"\n`,
      'providers.alpha.base_url',
      2,
    ],
    ['a password in a URL', '[providers.b]\nbase_url = "https://me:pw@b.example"\n', 'providers.b.base_url', 2],
    ['a fragment in a URL', '[providers.b]\nbase_url = "https://b.example/v1#x"\n', 'providers.b.base_url', 2],
    ['a query in a URL', '[providers.b]\nbase_url = "https://b.example/v1?x=1"\n', 'providers.b.base_url', 2],
    ['a client key without a value', '[[server.client_keys]]\nname = "phone"\n', 'server.client_keys[0]', 1],
  ])('refuses %s', (_what, text, key, line) => {
    const parsed = read(text);
    expect(parsed.config).toBeUndefined();
    expect(parsed.problems.filter(({ severity }) => severity === 'error')).toEqual([
      expect.objectContaining({ code: 'CONFIG_INVALID', key, position: expect.objectContaining({ line }) as unknown }),
    ]);
  });

  it('says which provider was meant', () => {
    expect(read(`${a}[routing]\nactive = "alhpa"\n`).problems[0]?.message).toContain('Did you mean "alpha"?');
  });

  it('takes a filter that does not compile literally, with a warning that does not repeat it', () => {
    const parsed = read('[[filters]]\nop = "remove"\nsource = "secret-text("\n');
    expect(parsed.config?.filters).toHaveLength(1);
    expect(parsed.problems).toEqual([expect.objectContaining({ severity: 'warning', key: 'filters[0].source' })]);
    expect(parsed.problems[0]?.message).not.toContain('secret-text');
  });

  it('warns when other devices can reach the relay without a key', () => {
    expect(lines('[server]\nhost = "0.0.0.0"\n')).toEqual(['warning CONFIG_INVALID server.host 2:1']);
    expect(lines('[server]\nhost = "0.0.0.0"\nclient_keys = [{ name = "phone", key_env = "PHONE" }]\n')).toEqual([]);
  });

  it.each([
    'http://127.0.0.1:3211/v1',
    'http://localhost:3211',
    'http://LOCALHOST.:3211/v1',
    'http://[::1]:3211/v1',
    'http://127.9.9.9:3211',
    'http://0.0.0.0:3211/v1',
    'http://[::ffff:127.0.0.1]:3211',
  ])('refuses the relay itself as an upstream: %s', (url) => {
    const parsed = read(`[providers.me]\nbase_url = "${url}"\n`);
    expect(parsed.config).toBeUndefined();
    expect(parsed.problems[0]).toMatchObject({ code: 'CONFIG_SELF_LOOP', key: 'providers.me.base_url', position: { line: 2 } });
  });

  it('knows the port it really listens on and the host it is configured with', () => {
    expect(
      read('[providers.me]\nbase_url = "http://127.0.0.1:4000"\n', { host: '127.0.0.1', port: 4000 }).problems[0]?.code,
    ).toBe('CONFIG_SELF_LOOP');
    const lan =
      '[server]\nhost = "192.168.7.7"\nclient_keys = [{ name = "a", key_env = "A" }]\n[providers.me]\nbase_url = "http://192.168.7.7:3211"\n';
    expect(read(lan).problems[0]?.code).toBe('CONFIG_SELF_LOOP');
  });

  it('allows another local program as an upstream', () => {
    expect(read('[providers.ollama]\nbase_url = "http://127.0.0.1:11434"\nprotocol = "ollama"\n').problems).toEqual([]);
  });
});

describe('endpoints', () => {
  it('fills in every default', () => {
    const [resolved] = read('[providers.relay]\nbase_url = "https://r.example/v1//"\n').endpoints;
    expect(resolved?.endpoint).toEqual({
      key: 'relay/default',
      provider: 'relay',
      endpoint: 'default',
      label: 'relay',
      level: 1,
      protocol: 'responses',
      baseUrl: 'https://r.example/v1',
      credential: { kind: 'none' },
      auth: 'bearer',
      enabled: true,
      tags: {},
      models: [],
      modelMap: {},
      headers: {},
      weight: 1,
      maxConcurrent: undefined,
      limitGroup: 'relay/default',
      continuityDomain: 'relay/default',
      proxy: 'environment',
      connectTimeoutMs: 10_000,
      headersTimeoutMs: 600_000,
      order: 0,
    });
  });

  it('inherits from the provider what an endpoint leaves out', () => {
    const parsed = read(`
[providers.relay]
label = "Relay"
level = 3
protocol = "messages"
api_key_env = "RELAY_KEY"
tags = { billing = "monthly", region = "us" }
headers = { X-Team = "a", X-Org = "o" }
models = ["gpt-*"]
max_concurrent = 4
limit_group = "acct"
proxy = "direct"
connect_timeout_s = 2.5
[providers.relay.endpoints.eu]
base_url = "https://eu.example/v1"
order = 2
tags = { region = "eu" }
headers = { x-team = "b" }
secret = "eu-key"
enabled = false
[providers.relay.endpoints.us]
base_url = "https://us.example/v1"
order = 1
auth = "bearer"
`);
    expect(parsed.problems).toEqual([]);
    const [us, eu] = parsed.endpoints.map(({ endpoint }) => endpoint);
    expect(us).toMatchObject({
      key: 'relay/us',
      label: 'Relay (us)',
      level: 3,
      auth: 'bearer',
      order: 1,
      limitGroup: 'acct',
      maxConcurrent: 4,
    });
    expect(us).toMatchObject({
      credential: { kind: 'env', name: 'RELAY_KEY' },
      tags: { billing: 'monthly', region: 'us' },
      connectTimeoutMs: 2500,
    });
    expect(eu).toMatchObject({
      key: 'relay/eu',
      auth: 'x-api-key',
      order: 2,
      enabled: false,
      models: ['gpt-*'],
      proxy: 'direct',
    });
    expect(eu).toMatchObject({ credential: { kind: 'secret', name: 'eu-key' }, tags: { billing: 'monthly', region: 'eu' } });
    expect(eu?.headers).toEqual({ 'X-Org': 'o', 'x-team': 'b' });
  });

  it('keeps the order of the file, also for names that are numbers', () => {
    const text = ['zeta', '10', 'alpha', '2']
      .map((name) => `[providers.${name}]\nbase_url = "https://x${name}.example"\n`)
      .join('');
    expect(read(text).endpoints.map(({ endpoint }) => endpoint.provider)).toEqual(['zeta', '10', 'alpha', '2']);
  });

  it("sends the client's own credential only when none is configured", () => {
    const text = (line: string): string => `[providers.a]\nbase_url = "https://a.example"\npass_client_auth = true\n${line}\n`;
    expect(read(text('')).endpoints[0]?.endpoint.credential).toEqual({ kind: 'client' });
    expect(read(text('api_key_env = "A"')).endpoints[0]?.endpoint.credential).toEqual({ kind: 'env', name: 'A' });
  });
});

describe('a file of a newer version', () => {
  it('is read-only, and what is understood of it is used', () => {
    const parsed = read(`version = 9
[routing]
active = "gone"
affinity = "telepathic"
[providers.good]
base_url = "https://good.example"
[providers.strange]
base_url = 7
[[routes]]
providers = ["good", "strange"]
`);
    expect(parsed.readOnly).toBe(true);
    expect(parsed.problems.every(({ severity }) => severity === 'warning')).toBe(true);
    expect(parsed.problems[0]).toMatchObject({ code: 'CONFIG_READ_ONLY', key: 'version', position: { line: 1 } });
    expect(parsed.endpoints.map(({ endpoint }) => endpoint.key)).toEqual(['good/default']);
    expect(parsed.config?.routes).toEqual([{ providers: ['good'] }]);
  });

  it('says so when it is really a codex-helper file', () => {
    expect(read('version = 5\n[codex.providers.a]\nbase_url = "https://a.example"\n').problems[0]?.message).toContain(
      'codex-helper',
    );
  });
});
