import { maskSecrets } from './mask-secrets.js';

/** What an error body of any of the usual shapes says. */
export interface ErrorBody {
  /** At most 500 characters, secrets masked; empty when the body says nothing. */
  readonly message: string;
  readonly code: string | undefined;
  readonly type: string | undefined;
  /** A status the body itself names. */
  readonly status: number | undefined;
  readonly format: 'json' | 'html' | 'text' | 'empty';
}

const MAX_MESSAGE = 500;
const MAX_DEPTH = 4;

/** True for a plain JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  return typeof value === 'number' ? String(value) : undefined;
}

function clean(text: string): string {
  const line = maskSecrets(text).replace(/\s+/g, ' ').trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE - 1)}…` : line;
}

/** A status between 400 and 599, also when written as text. */
function statusOf(...values: readonly unknown[]): number | undefined {
  for (const value of values) {
    const number = Number(textOf(value));
    if (Number.isInteger(number) && number >= 400 && number <= 599) return number;
  }
  return undefined;
}

function messageOf(value: unknown, depth = 0): string | undefined {
  if (typeof value === 'string') return textOf(value);
  if (depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return value.map((item) => messageOf(item, depth + 1)).find((text) => text !== undefined);
  if (!isRecord(value)) return undefined;
  for (const key of ['message', 'msg', 'detail', 'error', 'error_description', 'errors', 'reason', 'title']) {
    const text = messageOf(value[key], depth + 1);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Reads an error value already parsed: `{error:{message,code,type}}`, `{error:"…"}`, `{message}`, `{detail}` and their kin. */
export function readErrorValue(value: unknown): ErrorBody {
  const root = Array.isArray(value) ? (value as readonly unknown[])[0] : value;
  const outer = isRecord(root) ? root : {};
  const holder = [outer['error'], outer['detail'], root].find(isRecord) ?? {};
  const inner = isRecord(holder['error']) ? holder['error'] : holder;
  const code = textOf(inner['code']) ?? textOf(outer['code']);
  const type = textOf(inner['type']) ?? textOf(inner['status']) ?? (outer === inner ? undefined : textOf(outer['type']));
  return {
    message: clean(messageOf(root) ?? ''),
    code,
    type,
    status: statusOf(outer['status'], outer['status_code'], inner['status'], inner['status_code'], inner['code'], outer['code']),
    format: 'json',
  };
}

/** Strings of a JSON text that was cut off before its end. */
function readCutJson(text: string): ErrorBody {
  const field = (name: string): string | undefined => new RegExp(`"${name}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)`).exec(text)?.[1];
  const message = field('message') ?? field('error') ?? field('detail') ?? text;
  return { message: clean(unescapeJson(message)), code: field('code'), type: field('type'), status: undefined, format: 'json' };
}

function unescapeJson(text: string): string {
  return text
    .replace(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    .replace(/\\(["\\/])/g, '$1');
}

function readHtml(text: string): ErrorBody {
  const title = /<title[^>]{0,200}>([^<]*)/i.exec(text)?.[1] ?? /<h1[^>]{0,200}>([^<]*)/i.exec(text)?.[1] ?? '';
  return { message: clean(title), code: undefined, type: undefined, status: undefined, format: 'html' };
}

/** True when the text begins as a web page does. */
export function looksLikeHtml(text: string): boolean {
  return /^\uFEFF?\s*<(?:!doctype|html|head|body|\?xml|!--|title|center|h1)/i.test(text);
}

/** Reads the beginning of an error body; the body's own look decides its format, not its content type. */
export function readErrorBody(bodyHead: string): ErrorBody {
  const text = bodyHead.replace(/^\uFEFF/, '').trim();
  if (text === '') return { message: '', code: undefined, type: undefined, status: undefined, format: 'empty' };
  if (looksLikeHtml(text)) return readHtml(text);
  if (/^[[{]/.test(text)) {
    try {
      return readErrorValue(JSON.parse(text));
    } catch {
      return readCutJson(text);
    }
  }
  return { message: clean(text), code: undefined, type: undefined, status: undefined, format: 'text' };
}
