import { open } from 'node:fs/promises';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 0x0a;

/** How much of the logs one question may read. */
export interface ReadBackBounds {
  readonly limit: number;
  readonly maxBytes: number;
}

/**
 * Reads turn records from the end of the files, newest file first, until `limit` records are accepted or `maxBytes` are read.
 * Newest last. Lines that are torn or not records are skipped; missing files count as empty.
 */
export async function readBack(
  files: readonly string[],
  bounds: ReadBackBounds,
  accept: (record: TurnRecord) => boolean,
): Promise<readonly TurnRecord[]> {
  const found: TurnRecord[] = [];
  let budget = bounds.maxBytes;
  for (const file of files) {
    if (found.length >= bounds.limit || budget <= 0) break;
    budget -= await readFileBack(file, budget, (line) => {
      const record = parseRecord(line);
      if (record && accept(record)) found.push(record);
      return found.length < bounds.limit;
    });
  }
  return found.reverse();
}

/** Gives lines from the end of a file until told to stop; answers how many bytes were read. */
async function readFileBack(file: string, maxBytes: number, onLine: (line: string) => boolean): Promise<number> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return 0;
  try {
    let position = (await handle.stat()).size;
    let read = 0;
    let rest: Buffer = Buffer.alloc(0);
    while (position > 0 && read < maxBytes) {
      const length = Math.min(CHUNK_BYTES, position, maxBytes - read);
      position -= length;
      read += length;
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
      let block = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
      for (let at = block.lastIndexOf(NEWLINE); at !== -1; at = block.lastIndexOf(NEWLINE)) {
        const line = block.subarray(at + 1);
        block = block.subarray(0, at);
        if (line.length > 0 && !onLine(line.toString('utf8'))) return read;
      }
      rest = block;
    }
    if (position === 0 && rest.length > 0) onLine(rest.toString('utf8'));
    return read;
  } finally {
    await handle.close();
  }
}

function parseRecord(line: string): TurnRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isTurnRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isTurnRecord(value: unknown): value is TurnRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'timestamp_ms' in value &&
    typeof value.timestamp_ms === 'number' &&
    'turn_id' in value &&
    typeof value.turn_id === 'string' &&
    'status_code' in value &&
    'attempts' in value &&
    Array.isArray(value.attempts)
  );
}
