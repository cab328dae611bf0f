import { createStyle, type Style } from './format/style.js';

/** Where a command writes: text for people, JSON for programs, errors beside them. */
export interface Terminal {
  readonly isTty: boolean;
  readonly style: Style;
  /** Style of what goes to stderr. */
  readonly errorStyle: Style;
  out(text: string): void;
  err(text: string): void;
  json(value: unknown): void;
  /** One value on one line, for streams of records. */
  jsonLine(value: unknown): void;
}

/** What a terminal needs to know of the process. */
export interface TerminalOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly noColor: boolean;
}

/** A terminal over the process's streams; control characters in what upstreams said never reach the screen. */
export function createTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr } = options;
  return {
    isTty: stdout.isTTY,
    style: createStyle(wantsColor(options, stdout.isTTY)),
    errorStyle: createStyle(wantsColor(options, stderr.isTTY)),
    out: (text) => void stdout.write(`${withoutControls(text)}\n`),
    err: (text) => void stderr.write(`${withoutControls(text)}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    jsonLine: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
  };
}

/** Drops control characters except line ends, tabs and our own colours. */
export function withoutControls(text: string): string {
  const escape = String.fromCharCode(27);
  let clean = '';
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (character === escape && /^\[(?:1|2|22|31|32|33|36|39)m/.test(text.slice(index + 1, index + 5))) clean += character;
    else if (!/\p{Cc}/u.test(character) || character === '\n' || character === '\t') clean += character;
  }
  return clean;
}

// https://no-color.org, and FORCE_COLOR as in most tools.
function wantsColor(options: TerminalOptions, isTty: boolean): boolean {
  if (options.noColor || (options.env['NO_COLOR'] ?? '') !== '' || options.env['TERM'] === 'dumb') return false;
  const forced = options.env['FORCE_COLOR'];
  return forced === undefined ? isTty : forced !== '0' && forced !== 'false';
}
