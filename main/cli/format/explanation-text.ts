import type { Explanation } from '../../../shared/control/contract.js';
import type { Style } from './style.js';
import { clockText, durationText } from './time.js';

/** What was asked, for the heading. */
export interface ExplainedTurn {
  readonly model?: string | undefined;
  readonly path?: string | undefined;
  readonly session?: string | undefined;
}

/** The plan for a person: what is tried in which order, what is left out and why. */
export function explanationText(explanation: Explanation, turn: ExplainedTurn, nowMs: number, style: Style): string {
  const { plan, lines } = explanation;
  const what = `A turn${turn.model ? ` for ${turn.model}` : ''} on ${turn.path ?? '/v1/responses'}${turn.session ? ` in session ${turn.session}` : ''}`;
  const count = plan.candidates.length;
  const heading =
    count === 0
      ? style.red(`${what} could not be served now.`)
      : `${what} ${plan.pinned ? `is pinned to ${plan.pinned} and ` : ''}would try ${count === 1 ? 'one endpoint' : `up to ${count} endpoints, in this order`}:`;
  const route = plan.route === undefined ? [] : [style.dim(`  (route ${plan.route})`)];
  const body = lines.map((line, index) => (index < count ? `  ${style.green('●')} ${line}` : `  ${style.dim('○')} ${line}`));
  const next =
    count > 0 || plan.nextEligibleAtMs === undefined
      ? []
      : [
          `The next endpoint is back at ${clockText(plan.nextEligibleAtMs, nowMs)} (in ${durationText(plan.nextEligibleAtMs - nowMs)}).`,
        ];
  return [heading, ...route, ...body, ...next].join('\n');
}
