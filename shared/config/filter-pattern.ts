/**
 * The regular expression of a filter's source: global, Unicode where it allows that, with a leading `(?i)`, `(?s)` or `(?m)` taken as
 * flags, as other tools write them. Undefined when it is none; the source then stands for itself.
 */
export function filterPattern(source: string): RegExp | undefined {
  const inline = /^\(\?([ims]+)\)/.exec(source);
  const flags = [...new Set(inline?.[1] ?? '')].join('');
  const body = inline === null ? source : source.slice(inline[0].length);
  return compile(body, `gu${flags}`) ?? compile(body, `g${flags}`);
}

function compile(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}
