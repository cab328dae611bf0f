import { parse } from 'smol-toml';
import { ParseError, parseTOML, type AST } from 'toml-eslint-parser';
import { SwitchyardError } from '../../../shared/errors/switchyard-error.js';

/** A table as read: null-prototype-free, integers as bigint so that nothing is rounded. */
export interface TomlTable {
  readonly [key: string]: unknown;
}

/** A valid TOML 1.0 text (without BOM) with its syntax tree and its value. */
export interface TomlDocument {
  readonly text: string;
  readonly ast: AST.TOMLProgram;
  readonly value: TomlTable;
}

/** The byte order mark that starts some files, or an empty string. */
export function byteOrderMark(text: string): string {
  return text.startsWith('\ufeff') ? '\ufeff' : '';
}

/** The line ending most lines use; LF when there is none. */
export function lineEnding(text: string): '\n' | '\r\n' {
  const crlf = text.split('\r\n').length - 1;
  const all = text.split('\n').length - 1;
  return crlf * 2 > all ? '\r\n' : '\n';
}

/**
 * Parses TOML 1.0; a BOM must be stripped before. `file` only names the file in the error.
 * @throws SwitchyardError CONFIG_SYNTAX with the position
 */
export function parseTomlDocument(text: string, file = ''): TomlDocument {
  try {
    // Two parsers must agree: the first says what it means (and names errors better), the second where everything stands.
    const value = plainTable(parse(text, { integersAsBigInt: true }));
    return { text, ast: parseTOML(text, { tomlVersion: '1.0' }), value };
  } catch (error) {
    const { line, column, reason } = describe(error);
    const where = file === '' ? 'The TOML' : file;
    const message = `${where} is not valid TOML: line ${String(line)}, column ${String(column)}: ${reason}`;
    throw new SwitchyardError('CONFIG_SYNTAX', message, { position: { file, line, column } }, { cause: error });
  }
}

function describe(error: unknown): { readonly line: number; readonly column: number; readonly reason: string } {
  if (error instanceof ParseError) return { line: error.lineNumber, column: error.column + 1, reason: error.message };
  if (error instanceof Error && 'line' in error && 'column' in error) {
    const reason = (error.message.split('\n')[0] ?? '').replace('Invalid TOML document: ', '');
    return { line: Number(error.line), column: Number(error.column), reason };
  }
  throw error;
}

function plainTable(table: Readonly<Record<string, unknown>>): TomlTable {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return plainTable(Object.fromEntries(Object.entries(value)));
}
