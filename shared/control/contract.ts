import { z } from 'zod';
import { nameSchema } from '../config/schema.js';
import type { ConfigStatus } from '../domain/config-snapshot.js';
import type { EndpointKey } from '../domain/endpoint.js';
import { protocols } from '../domain/protocol.js';
import type { EndpointState, Plan } from '../domain/routing.js';
import type { TurnRecord } from '../domain/turn-record.js';
import type { LiveTurn } from './events.js';

const none = z.strictObject({});
const revision = z.string().optional();
const tomlValue: z.ZodType<TomlValue> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.array(tomlValue), z.record(z.string(), tomlValue)]),
);

/** A value a program may write into the config file. */
export type TomlValue = string | number | boolean | readonly TomlValue[] | { readonly [key: string]: TomlValue };

/** One programmatic edit: sets or removes the value at a path of keys. */
export const configEditSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('set'), path: z.array(z.string().min(1)).min(1), value: tomlValue }),
  z.strictObject({ op: z.literal('remove'), path: z.array(z.string().min(1)).min(1) }),
]);

/** One programmatic edit of the config file. */
export type ConfigEdit = z.infer<typeof configEditSchema>;

/** Every question and command a face may send to the core, with the shape of its input. */
export const controlInputs = {
  'status.get': none,
  'config.get': none,
  'config.reload': none,
  'config.edit': z.strictObject({ edits: z.array(configEditSchema).min(1), revision }),
  'config.import': z.strictObject({
    source: z.enum(['codex', 'codex-helper']),
    /** File or home to read; the tool's usual place when absent. */
    from: z.string().min(1).optional(),
    dryRun: z.boolean().default(false),
    /** Replace providers that have the same name; without it they are left alone and reported. */
    overwrite: z.boolean().default(false),
  }),
  'provider.add': z.strictObject({
    name: nameSchema,
    base_url: z.string(),
    protocol: z.enum(protocols).optional(),
    api_key_env: z.string().optional(),
    /** Stored as a secret, never in the file. */
    key: z.string().min(1).optional(),
    level: z.int().optional(),
    label: z.string().optional(),
    disabled: z.boolean().optional(),
    pass_client_auth: z.boolean().optional(),
  }),
  'provider.remove': z.strictObject({ name: nameSchema }),
  'provider.setActive': z.strictObject({ name: nameSchema.nullable() }),
  'provider.setLevel': z.strictObject({ name: nameSchema, level: z.int().min(1).max(10) }),
  'provider.setEnabled': z.strictObject({ name: nameSchema, enabled: z.boolean() }),
  'retry.setProfile': z.strictObject({ profile: z.enum(['balanced', 'same-upstream', 'aggressive-failover', 'cost-primary']) }),
  'secret.set': z.strictObject({ name: nameSchema, value: z.string().min(1) }),
  'secret.delete': z.strictObject({ name: nameSchema }),
  'route.explain': z.strictObject({
    model: z.string().optional(),
    path: z.string().default('/v1/responses'),
    session: z.string().optional(),
    project: z.string().optional(),
    headers: z.record(z.string(), z.string()).default({}),
  }),
  /** Without a session: for every session. */
  'pin.set': z.strictObject({ provider: nameSchema, session: z.string().min(1).optional() }),
  'pin.clear': z.strictObject({ session: z.string().min(1).optional() }),
  /** Ends cooldowns now; without an endpoint, of all. */
  'endpoint.resetCooldown': z.strictObject({ endpoint: z.string().optional() }),
  'codex.status': none,
  'codex.on': z.strictObject({ form: z.enum(['auto', 'native', 'provider']).optional(), dryRun: z.boolean().default(false) }),
  'codex.off': z.strictObject({ dryRun: z.boolean().default(false) }),
  'logs.tail': z.strictObject({ limit: z.int().min(1).max(1000).default(20), errorsOnly: z.boolean().default(false) }),
  'doctor.run': none,
  'host.stop': z.strictObject({ keepCodex: z.boolean().default(false) }),
} as const satisfies Record<string, z.ZodType>;

/** Name of a control call. */
export type ControlCall = keyof typeof controlInputs;
/** What a caller passes, defaults optional. */
export type ControlInput<C extends ControlCall> = z.input<(typeof controlInputs)[C]>;
/** What a handler receives, defaults filled in. */
export type ControlParsed<C extends ControlCall> = z.output<(typeof controlInputs)[C]>;

/** One endpoint as faces see it. */
export interface EndpointView {
  readonly key: EndpointKey;
  readonly provider: string;
  readonly label: string;
  readonly level: number;
  readonly protocol: string;
  readonly baseUrl: string;
  readonly enabled: boolean;
  readonly active: boolean;
  readonly pinned: boolean;
  /** `env:NAME`, `secret:NAME`, `inline`, `client` or `none`; `ok` says whether it resolves now. */
  readonly credential: { readonly source: string; readonly ok: boolean };
  readonly usable: boolean;
  /** In words: why it is not usable, empty when it is. */
  readonly why: string;
  readonly state: EndpointState;
}

/** The whole state in one snapshot; every face draws from it. */
export interface CoreStatus {
  readonly version: string;
  readonly host: 'daemon' | 'electron' | 'offline';
  readonly pid: number;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly address: { readonly host: string; readonly port: number; readonly url: string } | null;
  readonly home: string;
  readonly config: ConfigStatus;
  readonly active: string | null;
  readonly pinned: string | null;
  readonly endpoints: readonly EndpointView[];
  readonly liveTurns: readonly LiveTurn[];
  /** Session -> provider, for sessions pinned by themselves. */
  readonly sessionPins?: Readonly<Record<string, string>>;
  readonly lastTurn: TurnRecord | null;
  readonly totals: { readonly turns: number; readonly failovers: number; readonly errors: number };
  readonly codex: CodexPatchStatus;
}

/** Form of the Codex patch. */
export type CodexPatchForm = 'native' | 'provider';

/** Whether Codex is patched, and how. */
export interface CodexPatchStatus {
  readonly codexHome: string;
  readonly configFile: string;
  readonly configExists: boolean;
  /** on: Codex goes through us. off: it does not. broken: half of our edit is there. foreign-edit: patched, then changed by someone else in our keys. */
  readonly state: 'on' | 'off' | 'broken' | 'foreign-edit' | 'unreadable';
  readonly form: CodexPatchForm | null;
  readonly baseUrl: string | null;
  /** In words, with the recovery command where there is one. */
  readonly message: string;
  readonly backups: readonly string[];
  readonly loggedIn: 'chatgpt' | 'api-key' | 'none';
  readonly warnings: readonly EnvironmentWarning[];
}

/** Something outside our files that would make Codex bypass or fail to reach the relay. */
export interface EnvironmentWarning {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

/** What an edit of an agent's config does, before or after it is written. */
export interface CodexPatchResult {
  readonly changed: boolean;
  readonly form: CodexPatchForm | null;
  /** Unified diff without secrets; empty when nothing changes. */
  readonly diff: string;
  readonly message: string;
  readonly status: CodexPatchStatus;
}

/** One check of the doctor. */
export interface DoctorCheck {
  readonly id: string;
  readonly status: 'ok' | 'info' | 'warn' | 'fail';
  readonly message: string;
  /** A command the user can paste; absent when nothing needs repair. */
  readonly repair?: string;
}

/** Answer to `config.import`. */
export interface ImportResult {
  readonly source: string;
  readonly imported: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly warnings: readonly string[];
  /** The config file as it would be or now is. */
  readonly toml: string;
  readonly written: boolean;
}

/** Answer to `route.explain`: the very plan the router would use. */
export interface Explanation {
  readonly plan: Plan;
  /** One line per endpoint in words. */
  readonly lines: readonly string[];
}

/** What each control call answers. */
export interface ControlOutputs {
  'status.get': CoreStatus;
  'config.get': { readonly status: ConfigStatus; readonly toml: string };
  'config.reload': ConfigStatus;
  'config.edit': ConfigStatus;
  'config.import': ImportResult;
  'provider.add': ConfigStatus;
  'provider.remove': ConfigStatus;
  'provider.setActive': ConfigStatus;
  'provider.setLevel': ConfigStatus;
  'provider.setEnabled': ConfigStatus;
  'retry.setProfile': ConfigStatus;
  'secret.set': { readonly backend: 'keyring' | 'file' };
  'secret.delete': { readonly deleted: boolean };
  'route.explain': Explanation;
  'pin.set': ConfigStatus;
  'pin.clear': ConfigStatus;
  'endpoint.resetCooldown': { readonly reset: readonly string[] };
  'codex.status': CodexPatchStatus;
  'codex.on': CodexPatchResult;
  'codex.off': CodexPatchResult;
  'logs.tail': { readonly records: readonly TurnRecord[] };
  'doctor.run': { readonly checks: readonly DoctorCheck[] };
  'host.stop': { readonly stopping: true };
}

/** The core as a face sees it, whichever transport carries it. Throws SwitchyardError. */
export interface Control {
  call<C extends ControlCall>(name: C, input: ControlInput<C>): Promise<ControlOutputs[C]>;
}
