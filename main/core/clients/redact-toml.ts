import type { AST } from 'toml-eslint-parser';
import { isSwitchyardError } from '../../../shared/errors/switchyard-error.js';
import { byteOrderMark, parseTomlDocument } from '../io/toml-document.js';
import { indexToml } from '../io/toml-index.js';

const secretName = /key|token|secret|passw|auth|cookie|bearer|credential|header|(^|[._-])env$/i;
/** Keys whose value is only the name of a secret, or a file. */
const harmlessName = /^(env_key|bearer_token_env_var|requires_openai_auth|cli_auth_credentials_store|auth_mode)$/;
const tokenLike =
  /\b(?:sk|gh[pousr]|xox[abp]|glpat|AKIA)[-_A-Za-z0-9]{8,}|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?|\b(?=[\w-]*[A-Za-z])(?=[\w-]*\d)[\w-]{32,}\b/g;
const urlUser = /(:\/\/)[^/\s"'@]+@/g;

/** Replaces secrets in a TOML text by `***` and keeps its lines: whatever has the name or the look of a secret. */
export function redactToml(text: string): string {
  const bom = byteOrderMark(text);
  let result = text.slice(bom.length);
  for (const [start, end] of secretRanges(result).toSorted((left, right) => right[0] - left[0])) {
    const newlines = result.slice(start, end).replaceAll(/[^\n]/g, '');
    result = `${result.slice(0, start)}"***"${newlines}${result.slice(end)}`;
  }
  return bom + result.replaceAll(urlUser, '$1***@').replaceAll(tokenLike, '***');
}

function secretRanges(text: string): readonly (readonly [number, number])[] {
  try {
    return indexToml(parseTomlDocument(text).ast).keys.flatMap(({ path, node }) => {
      if (harmlessName.test(path.at(-1) ?? '')) return [];
      // Inline members have entries of their own, with their whole path.
      return node.value.type === 'TOMLInlineTable'
        ? []
        : stringRanges(
            node.value,
            path.some((segment) => secretName.test(segment)),
          );
    });
  } catch (error) {
    if (isSwitchyardError(error)) return [];
    throw error;
  }
}

/** Strings below a secret name, and all strings of a list in which one looks like the flag of a secret. */
function stringRanges(node: AST.TOMLContentNode, isSecret: boolean): readonly (readonly [number, number])[] {
  if (node.type === 'TOMLValue') return isSecret && node.kind === 'string' ? [node.range] : [];
  if (node.type === 'TOMLInlineTable') return [];
  const hasFlag = node.elements.some(
    (element) => element.type === 'TOMLValue' && element.kind === 'string' && secretName.test(element.value),
  );
  return node.elements.flatMap((element) => stringRanges(element, isSecret || hasFlag));
}
