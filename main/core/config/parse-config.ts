import type { z } from 'zod';
import { configSchema, type Config } from '../../../shared/config/schema.js';
import type { ConfigProblem } from '../../../shared/domain/config-snapshot.js';
import { checkConfig } from './check-config.js';
import { invalid, showPath, type KeyPath, type ProblemDraft } from './config-problem.js';
import { createKeyLocator, type KeyLocator } from './locate-key.js';
import { readVersion } from './migrate.js';
import { parseToml } from './parse-toml.js';
import { resolveEndpoints, type NameOrder, type ResolvedEndpoint } from './resolve-endpoints.js';
import type { OwnAddress } from './self-loop.js';
import { didYouMean } from './similar-name.js';
import { findUnknownKeys } from './unknown-keys.js';

/** What {@link parseConfig} needs to know besides the text. */
export interface ParseOptions {
  /** Named in positions. */
  readonly file: string;
  /** Where the relay listens, given the port and host of the config. */
  readonly ownAddress: (server: Config['server']) => OwnAddress;
}

/** A reading of the text: with `config` when it can be used, and everything wrong or doubtful either way. */
export interface ParsedConfig {
  /** Undefined when there is an error. Holds the inline keys: mask before showing. */
  readonly config: Config | undefined;
  readonly endpoints: readonly ResolvedEndpoint[];
  readonly readOnly: boolean;
  readonly problems: readonly ConfigProblem[];
}

/** Reads a config text: TOML, version, schema, references. Pure; everything or nothing, except for newer versions. */
export function parseConfig(text: string, options: ParseOptions): ParsedConfig {
  const parsed = parseToml(text, options.file);
  if (!parsed.ok) {
    const { message, position } = parsed;
    const problem: ConfigProblem = { severity: 'error', code: 'CONFIG_SYNTAX', key: '', message, position };
    return { config: undefined, endpoints: [], readOnly: false, problems: [problem] };
  }
  const locate = createKeyLocator(text);
  const version = readVersion(parsed.value);
  const reading = version.readOnly ? readWhatFits(parsed.value, options) : readStrictly(parsed.value, options);
  const drafts = [...version.problems, ...reading.drafts];
  return {
    config: reading.config,
    endpoints: reading.config ? resolveEndpoints(reading.config, fileOrder(locate)) : [],
    readOnly: version.readOnly,
    problems: drafts.map((draft) => placeProblem(draft, locate, options.file)),
  };
}

interface Reading {
  readonly config: Config | undefined;
  readonly drafts: readonly ProblemDraft[];
}

function readStrictly(raw: unknown, options: ParseOptions): Reading {
  const unknownKeys = findUnknownKeys(configSchema, raw);
  const result = configSchema.safeParse(raw);
  if (!result.success)
    return { config: undefined, drafts: [...result.error.issues.flatMap((issue) => draftsOf(issue, raw)), ...unknownKeys] };
  const found = checkConfig(result.data, options.ownAddress(result.data.server));
  const usable = found.every((draft) => draft.severity !== 'error');
  return { config: usable ? result.data : undefined, drafts: [...found, ...unknownKeys] };
}

/** For a file of a newer program: takes out what is not understood, one error after the other, and reads the rest. */
function readWhatFits(raw: Readonly<Record<string, unknown>>, options: ParseOptions): Reading {
  const rest: unknown = structuredClone(raw);
  const leftOut: ProblemDraft[] = [];
  for (let round = 0; round < 100; round += 1) {
    const reading = readStrictly(rest, options);
    const error = reading.drafts.find((draft) => draft.severity === 'error');
    if (reading.config || !error) return { config: reading.config, drafts: [...leftOut, ...reading.drafts] };
    leftOut.push({ ...error, severity: 'warning', message: `Left out: ${error.message}` });
    if (!removeAt(rest, error.path)) break;
  }
  return { config: configSchema.parse({}), drafts: leftOut };
}

function removeAt(root: unknown, path: KeyPath): boolean {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = path.slice(0, length - 1).reduce<unknown>(childOf, root);
    const key = path[length - 1];
    if (Array.isArray(parent) && typeof key === 'number' && key < parent.length) return parent.splice(key, 1).length > 0;
    if (isObject(parent) && key !== undefined && Object.hasOwn(parent, key)) return Reflect.deleteProperty(parent, key);
  }
  return false;
}

function draftsOf(issue: z.core.$ZodIssue, raw: unknown): readonly ProblemDraft[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'invalid_key')
    return issue.issues.map((inner) => invalid(path, `This name cannot be used: ${inner.message}.`));
  const value = path.reduce<unknown>(childOf, raw);
  if (issue.code === 'invalid_type' && value === undefined) return [invalid(path, 'This key is required and missing.')];
  if (issue.code !== 'invalid_value') return [invalid(path, `${issue.message}.`)];
  const options = issue.values.map(String);
  const meant = typeof value === 'string' ? didYouMean(value, options) : '';
  return [invalid(path, `Must be one of ${options.map((option) => `"${option}"`).join(', ')}.${meant}`)];
}

function childOf(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? (value[key] as unknown) : undefined;
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function placeProblem(draft: ProblemDraft, locate: KeyLocator, file: string): ConfigProblem {
  const place = locate(draft.path);
  const { severity, code, message } = draft;
  return { severity, code, key: showPath(draft.path), message, ...(place && { position: { file, ...place } }) };
}

function fileOrder(locate: KeyLocator): NameOrder {
  return (path, names) => {
    // Only names that look like array indexes are put out of order; the text needs no second look otherwise.
    if (!names.some((name) => /^\d+$/.test(name))) return names;
    const placed = names.map((name) => ({ name, place: locate([...path, name]) }));
    placed.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0));
    return placed.map(({ name }) => name);
  };
}
