import { InvalidArgumentError, Option } from 'commander';

/** `--port N`, checked. */
export function portOption(): Option {
  return new Option('--port <number>', 'listen on this port instead of [server] port (0 = any free one)').argParser(
    wholeNumber(0, 65_535),
  );
}

/** Parses a whole number in a range for commander. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,9}$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Collects `--header Name=Value` options into one object. */
export function collectHeader(text: string, headers: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*[=:]\s*(.*)$/.exec(text);
  if (!match?.[1]) throw new InvalidArgumentError('It must look like Name=Value.');
  return { ...headers, [match[1].toLowerCase()]: match[2] ?? '' };
}
