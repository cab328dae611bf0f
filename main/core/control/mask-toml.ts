import { parseTOML } from 'toml-eslint-parser';
import { byteOrderMark } from '../io/toml-document.js';
import { indexToml, type KeyEntry } from '../io/toml-index.js';
import { isSecretHeader, REDACTED, redactText } from '../ledger/redact.js';

/** Keys of our own file that end like a secret but hold the name of one. */
const references: ReadonlySet<string> = new Set(['secret', 'client_key']);
const secretAssignment = /((?:api_?key|auth_token|access_token|refresh_token|token|password|\bkey)["']?\s*=\s*)[^\r\n]*/gi;
const comment = /^[^\S\r\n]*#[^\r\n]*/gm;

/**
 * The text of a config file as faces may see it: inline keys, header values, passwords in URLs and the given values replaced,
 * everything else as it is. Still valid TOML where it was; where it was not, whole lines that look like keys are replaced.
 */
export function maskToml(toml: string, secrets: readonly string[] = []): string {
  const bom = byteOrderMark(toml);
  const text = toml.slice(bom.length);
  const masked = maskValues(text)?.replace(comment, maskAssignments) ?? maskAssignments(text);
  return bom + redactText(masked, secrets);
}

/** Undefined when the text is no TOML. */
function maskValues(text: string): string | undefined {
  try {
    const { keys } = indexToml(parseTOML(text, { tomlVersion: '1.0' }));
    const ranges = keys.filter(holdsSecret).map(({ node }) => node.value.range);
    const outermost = ranges.filter(
      ([start, end]) => !ranges.some(([from, to]) => from <= start && end <= to && to - from > end - start),
    );
    return outermost
      .sort((left, right) => right[0] - left[0])
      .reduce((masked, [start, end]) => `${masked.slice(0, start)}"${REDACTED}"${masked.slice(end)}`, text);
  } catch {
    return undefined;
  }
}

function maskAssignments(text: string): string {
  return text.replace(secretAssignment, `$1"${REDACTED}"`);
}

function holdsSecret({ path, node }: KeyEntry): boolean {
  const name = (path.at(-1) ?? '').toLowerCase();
  // Custom headers exist to carry what the seller wants, which is mostly a key under a name nobody can guess.
  if (path.at(-2)?.toLowerCase() === 'headers' && path[0] === 'providers') return true;
  if (node.value.type === 'TOMLInlineTable' || references.has(name)) return false;
  return name === 'key' || isSecretHeader(name);
}
