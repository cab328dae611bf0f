import type { Strategy } from '../../../shared/config/schema.js';
import type { Endpoint, EndpointKey } from '../../../shared/domain/endpoint.js';
import type { EndpointState } from '../../../shared/domain/routing.js';
import { assertNever } from '../../../shared/assert.js';

/** What ordering the members of a level depends on. */
export interface OrderingContext {
  readonly strategy: Strategy;
  readonly active: string | undefined;
  readonly states: ReadonlyMap<EndpointKey, EndpointState>;
  /** Turn counter; only round-robin looks at it. */
  readonly rotation: number;
  /** In [0, 1); only weighted looks at it. */
  readonly random: () => number;
}

/** Endpoints that move as one: a provider's, or those of one provider with the same order. */
interface Unit {
  readonly members: readonly Endpoint[];
}

function groupBy(endpoints: readonly Endpoint[], keyOf: (endpoint: Endpoint) => string | number): readonly Unit[] {
  const groups = new Map<string | number, Endpoint[]>();
  for (const endpoint of endpoints) {
    const group = groups.get(keyOf(endpoint));
    if (group === undefined) groups.set(keyOf(endpoint), [endpoint]);
    else group.push(endpoint);
  }
  return [...groups.values()].map((members) => ({ members }));
}

/** Requests in flight per unit of weight. */
function load(unit: Unit, states: OrderingContext['states']): number {
  const leases = unit.members.reduce((sum, endpoint) => sum + (states.get(endpoint.key)?.leases ?? 0), 0);
  const weight = unit.members.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  return leases / weight;
}

/** A provider hands its weight down to its endpoints, so the sum would count it once per endpoint. */
function weightOf(unit: Unit): number {
  return Math.max(...unit.members.map((endpoint) => endpoint.weight));
}

function rotate(units: readonly Unit[], by: number): readonly Unit[] {
  const start = units.length === 0 ? 0 : ((Math.trunc(by) % units.length) + units.length) % units.length;
  return [...units.slice(start), ...units.slice(0, start)];
}

function drawByWeight(units: readonly Unit[], random: () => number): readonly Unit[] {
  const left = [...units];
  const drawn: Unit[] = [];
  while (left.length > 0) {
    let rest = random() * left.reduce((sum, unit) => sum + weightOf(unit), 0);
    const found = left.findIndex((unit) => (rest -= weightOf(unit)) < 0);
    drawn.push(...left.splice(found < 0 ? left.length - 1 : found, 1));
  }
  return drawn;
}

function applyStrategy(units: readonly Unit[], context: OrderingContext, rotation: number): readonly Unit[] {
  switch (context.strategy) {
    case 'ordered':
      return units;
    case 'round-robin':
      return rotate(units, rotation);
    case 'least-busy':
      return [...units].sort((a, b) => load(a, context.states) - load(b, context.states));
    case 'weighted':
      return drawByWeight(units, context.random);
    default:
      return assertNever(context.strategy);
  }
}

/** Endpoints of one provider: by `order`; those of the same order are peers to the strategy. */
function orderProvider(unit: Unit, context: OrderingContext, rotation: number): readonly Endpoint[] {
  if (unit.members.length === 1) return unit.members;
  const byOrder = [...unit.members].sort((a, b) => a.order - b.order);
  return groupBy(byOrder, (endpoint) => endpoint.order).flatMap((peers) => {
    const singles = peers.members.map((endpoint) => ({ members: [endpoint] }));
    return applyStrategy(singles, context, rotation).flatMap((single) => single.members);
  });
}

/** The members of one level: the active provider first, the other providers as the strategy says, each provider's endpoints together. */
export function orderLevel(members: readonly Endpoint[], context: OrderingContext): readonly Endpoint[] {
  if (members.length < 2) return members;
  const providers = groupBy(members, (endpoint) => endpoint.provider);
  const isActive = (unit: Unit): boolean => unit.members[0]?.provider === context.active;
  const active = providers.filter(isActive);
  const others = providers.filter((unit) => !isActive(unit));
  // After a full round of providers the peers inside each move on by one.
  const innerRotation = Math.trunc(context.rotation / Math.max(1, others.length));
  return [
    ...active.flatMap((unit) => orderProvider(unit, context, context.rotation)),
    ...applyStrategy(others, context, context.rotation).flatMap((unit) => orderProvider(unit, context, innerRotation)),
  ];
}
