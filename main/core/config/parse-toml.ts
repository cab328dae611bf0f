import { parse, TomlError } from 'smol-toml';
import type { SourcePosition } from '../../../shared/errors/switchyard-error.js';

/** A TOML text as plain values, or what is wrong with it and where. */
export type ParsedToml =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly message: string; readonly position: SourcePosition };

/** Parses TOML; the message of a failure never quotes the text, which may hold a key. */
export function parseToml(text: string, file: string): ParsedToml {
  try {
    return { ok: true, value: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split('\n', 1)[0] ?? '').replace(/^Invalid TOML document: /, '');
    return {
      ok: false,
      message: `This is not valid TOML: ${reason}.`,
      position: { file, line: error.line, column: error.column },
    };
  }
}

/** Decodes the bytes of a text file; undefined when they are not UTF-8. Keeps a byte order mark. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
