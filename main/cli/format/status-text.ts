import type { CoreStatus, EndpointView } from '../../../shared/control/contract.js';
import type { LiveTurn } from '../../../shared/control/events.js';
import { hasErrors, problemLines } from './problem-text.js';
import { columns, type Style } from './style.js';
import { clockText, durationText } from './time.js';
import { turnLine } from './turn-text.js';

/** The whole state for a person: what happens to the next turn, where everything is, and what needs attention. */
export function statusText(status: CoreStatus, style: Style): string {
  const sections = [
    [style.bold(stateSentence(status)), ...problemLines(status.config, style)],
    columns([
      ['Address', addressText(status, style)],
      ['Config', `${status.config.file}${configRemark(status, style)}`],
      ['Codex', codexText(status, style)],
    ]),
    ...levelSections(status, style),
    turnSection(status, style),
  ];
  return sections
    .filter((section) => section.length > 0)
    .map((section) => section.join('\n'))
    .join('\n\n');
}

/** The state in one line, for status bars. */
export function statusShort(status: CoreStatus, style: Style): string {
  if (status.address === null) return `${style.dim('○')} stopped`;
  const next = nextEndpoint(status);
  const live = status.liveTurns.length === 0 ? '' : ` · ${status.liveTurns.length} live`;
  const usable = status.endpoints.filter((endpoint) => endpoint.usable).length;
  const dot = next === undefined ? style.red('○') : usable === enabledCount(status) ? style.green('●') : style.yellow('●');
  return `${dot} ${next?.provider ?? 'nothing usable'} · ${usable}/${enabledCount(status)} usable${live}${hasErrors(status.config) ? ' · config error' : ''}`;
}

/** What happens to the next turn, in one sentence. */
export function stateSentence(status: CoreStatus): string {
  if (status.address === null) return stoppedSentence(status);
  if (status.endpoints.length === 0) return 'Running, but there is no provider yet. Add one with `switchyard config add`.';
  const next = nextEndpoint(status);
  if (next === undefined) return `Running, but no provider can be used now${backAgain(status)}.`;
  if (status.pinned !== null) return `Running. Every turn goes to ${status.pinned} (pinned, no failover).`;
  const active = status.endpoints.filter((endpoint) => endpoint.active);
  if (active.length === 0 || next.active) return `Running. Turns go to ${next.provider}.`;
  const stronger = active.some((endpoint) => endpoint.usable);
  return stronger
    ? `Running. Turns go to ${next.provider}; ${active[0]?.provider ?? ''} is active at level ${active[0]?.level ?? ''}.`
    : `Running. Turns go to ${next.provider}, because ${active[0]?.provider ?? ''} ${active[0] ? endpointWhy(active[0]) : ''}.`;
}

/** Why an endpoint cannot be used, without its name in front: a table names it already. */
export function endpointWhy(endpoint: EndpointView): string {
  return endpoint.why.startsWith(`${endpoint.key}: `) ? endpoint.why.slice(endpoint.key.length + 2) : endpoint.why;
}

/** The endpoints in the order of the levels, one group per level. */
export function byLevel(
  endpoints: readonly EndpointView[],
): readonly (readonly [level: number, endpoints: readonly EndpointView[]])[] {
  const levels = [...new Set(endpoints.map((endpoint) => endpoint.level))].sort((a, b) => a - b);
  return levels.map((level) => [level, endpoints.filter((endpoint) => endpoint.level === level)]);
}

/** One row of columns about an endpoint: mark, name, remarks, address, health. */
export function endpointRow(endpoint: EndpointView, style: Style): readonly string[] {
  const [, id = 'default'] = endpoint.key.split('/');
  const name = id === 'default' ? endpoint.provider : `${endpoint.provider}/${id}`;
  const remarks = [
    endpoint.pinned ? 'pinned' : '',
    endpoint.active ? 'active' : '',
    endpoint.label === endpoint.provider ? '' : endpoint.label,
  ];
  return [
    `  ${endpointDot(endpoint, style)} ${endpoint.active ? style.bold(name) : name}`,
    style.cyan(remarks.filter((remark) => remark !== '').join(', ')),
    endpoint.protocol,
    style.dim(endpoint.baseUrl),
    endpoint.usable ? healthText(endpoint, style) : style.yellow(endpointWhy(endpoint)),
  ];
}

function stoppedSentence(status: CoreStatus): string {
  return status.codex.state === 'on'
    ? 'Switchyard is not running, but Codex is sent to it. Start it with `switchyard start`, or undo that with `switchyard codex off`.'
    : 'Switchyard is not running. Start it with `switchyard start`.';
}

function levelSections(status: CoreStatus, style: Style): readonly (readonly string[])[] {
  const groups = byLevel(status.endpoints);
  const rows = columns(groups.flatMap(([, endpoints]) => endpoints.map((endpoint) => endpointRow(endpoint, style))));
  let used = 0;
  return groups.map(([level, endpoints]) => {
    const lines = rows.slice(used, used + endpoints.length);
    used += endpoints.length;
    return [`Level ${level}`, ...lines];
  });
}

function endpointDot(endpoint: EndpointView, style: Style): string {
  if (endpoint.usable) return style.green('●');
  if (!endpoint.enabled) return style.dim('○');
  return endpoint.state.cooldown === undefined ? style.red('○') : style.yellow('○');
}

function healthText(endpoint: EndpointView, style: Style): string {
  const { state } = endpoint;
  const parts = [
    state.halfOpen ? 'on probation' : '',
    state.leases > 0 ? `${state.leases} in flight` : '',
    state.firstByteMs === undefined ? '' : `first byte ${durationText(state.firstByteMs)}`,
  ].filter((part) => part !== '');
  return style.dim(parts.join(', '));
}

function addressText(status: CoreStatus, style: Style): string {
  if (status.address === null) return style.dim('not listening');
  const up = durationText(status.nowMs - status.startedAtMs);
  return `${status.address.url}  ${style.dim(`pid ${status.pid}, up ${up}, version ${status.version}`)}`;
}

function configRemark(status: CoreStatus, style: Style): string {
  if (!status.config.exists) return style.dim('  (not there yet)');
  if (status.config.readOnly) return style.yellow('  read-only: written by a newer version');
  return hasErrors(status.config) ? style.red('  has an error; the last good one is running') : '';
}

function codexText(status: CoreStatus, style: Style): string {
  const { codex } = status;
  const warnings = codex.warnings.map((warning) => style.yellow(`  warning: ${warning.message}`)).join('');
  switch (codex.state) {
    case 'on':
      return `on${codex.form ? ` (${codex.form})` : ''} → ${codex.baseUrl ?? '?'}${warnings}`;
    case 'off':
      return `off${style.dim('  (switch on with `switchyard codex on`)')}${warnings}`;
    default:
      return `${style.red(codex.state)}: ${codex.message}${warnings}`;
  }
}

function turnSection(status: CoreStatus, style: Style): readonly string[] {
  if (status.address === null && status.lastTurn === null) return [];
  const { turns, failovers, errors } = status.totals;
  return [
    ...(status.liveTurns.length === 0
      ? []
      : [`Live turns: ${status.liveTurns.length}`, ...status.liveTurns.map((turn) => liveLine(turn, status.nowMs))]),
    status.lastTurn === null ? 'No turn yet.' : `Last turn  ${turnLine(status.lastTurn, status.nowMs, style)}`,
    style.dim(`Since the start: ${counted(turns, 'turn')}, ${counted(failovers, 'failover')}, ${counted(errors, 'error')}`),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function liveLine(turn: LiveTurn, nowMs: number): string {
  const attempt = turn.attempts > 1 ? `, attempt ${turn.attempts}` : '';
  const where = turn.endpoint === undefined ? '' : ` at ${turn.endpoint.replace(/\/default$/, '')}`;
  return `  ${turn.model ?? turn.path} ${turn.stage}${where} for ${durationText(nowMs - turn.startedAtMs)}${attempt}`;
}

function nextEndpoint(status: CoreStatus): EndpointView | undefined {
  const usable = status.endpoints.filter((endpoint) => endpoint.usable);
  if (status.pinned !== null) return usable.find((endpoint) => endpoint.provider === status.pinned);
  return [...usable].sort((a, b) => a.level - b.level || Number(b.active) - Number(a.active))[0];
}

function backAgain(status: CoreStatus): string {
  const times = status.endpoints.flatMap((endpoint) => (endpoint.state.cooldown ? [endpoint.state.cooldown.untilMs] : []));
  if (times.length === 0) return '';
  const soonest = Math.min(...times);
  return `; the next one is back at ${clockText(soonest, status.nowMs)} (in ${durationText(soonest - status.nowMs)})`;
}

function enabledCount(status: CoreStatus): number {
  return status.endpoints.filter((endpoint) => endpoint.enabled).length;
}
