import { stripVTControlCharacters } from 'node:util';

/** Colours text for a terminal, or leaves it alone. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** ANSI colours when wanted, plain text otherwise. */
export function createStyle(color: boolean): Style {
  const escape = String.fromCharCode(27);
  const wrap = (open: number, close: number) => (text: string) =>
    color && text !== '' ? `${escape}[${open}m${text}${escape}[${close}m` : text;
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  };
}

/** How many columns a text takes: colours take none, East Asian and emoji characters two. */
export function displayWidth(text: string): number {
  const plain = stripVTControlCharacters(text);
  let width = 0;
  for (const character of plain) width += isWide(character) ? 2 : isCombining(character) ? 0 : 1;
  return width;
}

/** Rows with columns padded to the same width, two spaces apart; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, displayWidth(cell))));
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - displayWidth(cell))))
      .join('  ')
      .trimEnd(),
  );
}

function isWide(character: string): boolean {
  return /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
    character,
  );
}

function isCombining(character: string): boolean {
  return /[\p{Mn}\p{Me}\p{Cf}]/u.test(character);
}
