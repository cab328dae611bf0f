import { filterPattern } from '../../../shared/config/filter-pattern.js';
import type { Config, EndpointConfig, ProviderConfig } from '../../../shared/config/schema.js';
import { doubtful, invalid, type KeyPath, type ProblemDraft } from './config-problem.js';
import { credentialKeys, shorthandEndpoint } from './resolve-endpoints.js';
import { isOwnAddress, isLoopback, type OwnAddress } from './self-loop.js';
import { didYouMean } from './similar-name.js';

/** What a schema cannot see: references, contradictions, loops and patterns that do not compile. */
export function checkConfig(config: Config, own: OwnAddress): readonly ProblemDraft[] {
  return [
    ...Object.entries(config.providers).flatMap(([name, provider]) => checkProvider(name, provider, own)),
    ...checkRouting(config),
    ...checkRoutes(config),
    ...checkPatterns(config),
    ...checkServer(config),
  ];
}

function checkProvider(name: string, provider: ProviderConfig, own: OwnAddress): readonly ProblemDraft[] {
  const path = ['providers', name];
  const endpoints = Object.entries(provider.endpoints ?? {});
  const problems: ProblemDraft[] = [...checkTarget(provider, path, own)];
  if (provider.base_url === undefined && endpoints.length === 0)
    problems.push(invalid(path, 'A provider needs a base_url or at least one endpoint.'));
  if (provider.base_url !== undefined && provider.endpoints && Object.hasOwn(provider.endpoints, shorthandEndpoint))
    problems.push(invalid([...path, 'base_url'], 'base_url stands for the endpoint "default", which is also given; remove one.'));
  for (const [id, endpoint] of endpoints) problems.push(...checkTarget(endpoint, [...path, 'endpoints', id], own));
  return problems;
}

function checkTarget(target: ProviderConfig | EndpointConfig, path: KeyPath, own: OwnAddress): readonly ProblemDraft[] {
  return [...checkBaseUrl(target.base_url, path, own), ...checkCredentials(target, path), ...checkModelMap(target, path)];
}

function checkBaseUrl(baseUrl: string | undefined, path: KeyPath, own: OwnAddress): readonly ProblemDraft[] {
  if (baseUrl === undefined || !URL.canParse(baseUrl)) return [];
  const url = new URL(baseUrl);
  const at = [...path, 'base_url'];
  if (isOwnAddress(url, own)) {
    const message = `This is the address of Switchyard itself (${url.host}); name the real upstream.`;
    return [{ severity: 'error', code: 'CONFIG_SELF_LOOP', path: at, message }];
  }
  const problems: ProblemDraft[] = [];
  if (url.username !== '' || url.password !== '')
    problems.push(invalid(at, 'A URL must not hold a user name or password; use api_key_env, secret or headers.'));
  if (url.hash !== '' || baseUrl.includes('#')) problems.push(invalid(at, 'A URL must not have a fragment (#).'));
  return problems;
}

function checkCredentials(target: ProviderConfig | EndpointConfig, path: KeyPath): readonly ProblemDraft[] {
  const given = credentialKeys.filter((key) => target[key] !== undefined);
  const last = given.at(-1);
  if (given.length < 2 || last === undefined) return [];
  return [invalid([...path, last], `Only one credential may be given, and here are ${given.join(' and ')}; remove all but one.`)];
}

function checkModelMap(target: ProviderConfig | EndpointConfig, path: KeyPath): readonly ProblemDraft[] {
  return Object.entries(target.model_map ?? {})
    .filter(([from, to]) => to.includes('*') && !from.includes('*'))
    .map(([from]) =>
      doubtful(
        [...path, 'model_map', from],
        'The target has a * but the name has none, so there is nothing to put in its place.',
      ),
    );
}

function checkRouting(config: Config): readonly ProblemDraft[] {
  const problems: ProblemDraft[] = [];
  for (const key of ['active', 'pinned'] as const) {
    const name = config.routing[key];
    if (name === undefined) continue;
    problems.push(...checkReference(config, name, ['routing', key]));
    const provider = Object.hasOwn(config.providers, name) ? config.providers[name] : undefined;
    if (provider?.enabled === false)
      problems.push(doubtful(['routing', key], `The provider "${name}" is disabled and will not be used.`));
  }
  return problems;
}

function checkReference(config: Config, name: string, path: KeyPath): readonly ProblemDraft[] {
  if (Object.hasOwn(config.providers, name)) return [];
  return [invalid(path, `There is no provider "${name}".${didYouMean(name, Object.keys(config.providers))}`)];
}

function checkRoutes(config: Config): readonly ProblemDraft[] {
  const keyNames = config.server.client_keys.map((entry) => entry.name);
  const seen = new Set<string>();
  return config.routes.flatMap((route, index) => {
    const problems = route.providers.flatMap((name, position) =>
      checkReference(config, name, ['routes', index, 'providers', position]),
    );
    if (route.client_key !== undefined && !keyNames.includes(route.client_key)) {
      const message = `There is no client key "${route.client_key}" in [server] client_keys.${didYouMean(route.client_key, keyNames)}`;
      problems.push(invalid(['routes', index, 'client_key'], message));
    }
    if (route.name !== undefined && seen.has(route.name))
      problems.push(doubtful(['routes', index, 'name'], `Another route is called "${route.name}" too.`));
    if (route.name !== undefined) seen.add(route.name);
    return problems;
  });
}

function checkPatterns(config: Config): readonly ProblemDraft[] {
  const rules = config.retry.rules.flatMap((rule, index) => {
    const path = ['retry', 'rules', index];
    const reason = rule.matches === undefined ? undefined : regexProblem(rule.matches, 'i');
    return [
      ...(rule.provider === undefined ? [] : checkReference(config, rule.provider, [...path, 'provider'])),
      ...(reason === undefined ? [] : [invalid([...path, 'matches'], `This is not a valid regular expression: ${reason}.`)]),
    ];
  });
  const filters = config.filters.flatMap((filter, index) => {
    if (filterPattern(filter.source) !== undefined) return [];
    const reason = regexProblem(filter.source, 'g') ?? 'it does not compile';
    return [doubtful(['filters', index, 'source'], `This is not a valid regular expression and is taken literally: ${reason}.`)];
  });
  return [...rules, ...filters];
}

/** With the flags of the place that runs it. */
function regexProblem(source: string, flags: string): string | undefined {
  try {
    new RegExp(source, flags);
    return undefined;
  } catch (error) {
    // The engine's message repeats the pattern, and a filter's pattern may be the very thing to hide.
    return error instanceof Error ? (error.message.split(': ').at(-1) ?? 'it does not compile') : 'it does not compile';
  }
}

function checkServer(config: Config): readonly ProblemDraft[] {
  const problems: ProblemDraft[] = [];
  const { client_keys: keys, host } = config.server;
  keys.forEach((entry, index) => {
    const path = ['server', 'client_keys', index];
    const given = (['key', 'key_env', 'secret'] as const).filter((key) => entry[key] !== undefined);
    if (given.length !== 1) problems.push(invalid(path, 'A client key needs exactly one of key, key_env and secret.'));
    if (keys.findIndex((other) => other.name === entry.name) !== index)
      problems.push(invalid([...path, 'name'], `Another client key is called "${entry.name}" too.`));
  });
  if (!isLoopback(host) && keys.length === 0)
    problems.push(
      doubtful(
        ['server', 'host'],
        'Other devices can reach this address, and no client key is set: everybody who reaches it can use your providers.',
      ),
    );
  return problems;
}
