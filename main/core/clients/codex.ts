import type { CodexPatchForm, CodexPatchResult, CodexPatchStatus } from '../../../shared/control/contract.js';

/** Edits Codex's own config so that it talks to us, and undoes that edit. Works without a running relay. */
export interface CodexPatcher {
  status(): Promise<CodexPatchStatus>;
  /** Patches; `auto` means native when Codex is logged in, else provider. @throws SwitchyardError CLIENT_* */
  on(options: { readonly form: CodexPatchForm | 'auto'; readonly baseUrl: string; readonly dryRun?: boolean }): Promise<CodexPatchResult>;
  /** Gives the file back: the same bytes when nobody else edited it, everybody else's edits otherwise. @throws SwitchyardError CLIENT_* */
  off(options?: { readonly dryRun?: boolean }): Promise<CodexPatchResult>;
  /** Finishes or rolls back what a crash left half done; called at every start. */
  repair(): Promise<void>;
}
