import type { CodexPatchForm } from '../../../shared/control/contract.js';
import type { ApplyPlan, UndoPlan } from './codex-plan.js';

/** What happened to an edit. */
export interface EditOutcome {
  readonly changed: boolean;
  readonly dryRun: boolean;
}

/** Says what `on` did or would do. */
export function describeApply(plan: ApplyPlan, { changed, dryRun }: EditOutcome): string {
  const target = `Switchyard at ${plan.baseUrl} (${plan.form} form)`;
  if (!changed) return `Codex already goes through ${target}.`;
  if (dryRun) return `Codex would go through ${target}; nothing was written.`;
  return `Codex now goes through ${target}; threads already open keep their provider. To undo: switchyard codex off`;
}

/** Says what `off` did or would do, and what it leaves. */
export function describeUndo(plan: UndoPlan, form: CodexPatchForm | null, { changed, dryRun }: EditOutcome): string {
  if (!changed) return 'The Codex config is not patched; nothing to undo.';
  const sentences = [
    plan.isExact
      ? `The Codex config ${dryRun ? 'would get back' : 'has'} the very bytes it had before the patch.`
      : `Our keys ${dryRun ? 'would be' : 'were'} taken out of the Codex config; everybody else's edits stay.`,
  ];
  if (plan.keptKeys.length > 0) {
    sentences.push(`[model_providers.switchyard] stays because others set ${plan.keptKeys.join(', ')} in it.`);
  }
  if (form === 'provider') {
    sentences.push(
      'Codex resumes threads that were started in the provider form only while it is on: switchyard codex on --form provider',
    );
  }
  return sentences.join(' ');
}
