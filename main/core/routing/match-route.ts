import type { RouteConfig } from '../../../shared/config/schema.js';
import type { TurnFacts } from '../../../shared/domain/routing.js';
import { matchesPattern } from './model-map.js';

const WINDOWS_PATH = /^(?:[A-Za-z]:(?:[\\/]|$)|\\\\)/;

/** Path segments of a folder; Windows folders compare without case and with either slash. */
function segments(folder: string): readonly string[] {
  const text = folder.trim().normalize('NFC');
  if (!WINDOWS_PATH.test(text)) return [...(text.startsWith('/') ? ['/'] : []), ...text.split('/').filter(isNamed)];
  const plain = text.replace(/^\\\\\?\\(?:UNC\\)?/, (prefix) => (prefix.endsWith('UNC\\') ? '\\\\' : ''));
  return plain.toLowerCase().split(/[\\/]/).filter(isNamed);
}

function isNamed(segment: string): boolean {
  return segment !== '' && segment !== '.';
}

/** True when both are the same folder or `ancestor` lies above `folder`; never by a shared beginning of a name. */
export function isFolderWithin(ancestor: string, folder: string): boolean {
  const above = segments(ancestor);
  const below = segments(folder);
  return above.length > 0 && above.length <= below.length && above.every((segment, index) => segment === below[index]);
}

function fits(pattern: string | undefined, value: string | undefined): boolean {
  return pattern === undefined || (value !== undefined && matchesPattern(pattern, value));
}

function headersFit(route: RouteConfig, facts: TurnFacts): boolean {
  return Object.entries(route.header ?? {}).every(([name, pattern]) => fits(pattern, facts.headers[name.toLowerCase()]));
}

function projectFits(route: RouteConfig, facts: TurnFacts): boolean {
  if (route.project === undefined) return true;
  return facts.project !== undefined && isFolderWithin(route.project, facts.project);
}

/** The first route all of whose conditions hold; a condition on something the turn does not have does not hold. */
export function matchRoute(facts: TurnFacts, routes: readonly RouteConfig[]): RouteConfig | undefined {
  return routes.find(
    (route) =>
      fits(route.model, facts.model) &&
      fits(route.path, facts.path) &&
      headersFit(route, facts) &&
      projectFits(route, facts) &&
      (route.client_key === undefined || route.client_key === facts.clientKey),
  );
}
