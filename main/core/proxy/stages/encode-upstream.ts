import type { FilterConfig } from '../../../../shared/config/schema.js';
import type { Candidate } from '../../../../shared/domain/routing.js';
import { compileFilters, type BodyFilter } from '../../protocols/filters.js';
import type { Turn } from '../turn.js';

/** What one candidate is sent. */
export interface EncodedBody {
  readonly bytes: Buffer;
  /** True when the client's content-encoding no longer describes the bytes. */
  readonly decoded: boolean;
}

const compiled = new WeakMap<readonly FilterConfig[], { readonly filter: BodyFilter | undefined }>();

function filterFor(filters: readonly FilterConfig[]): BodyFilter | undefined {
  let entry = compiled.get(filters);
  if (entry === undefined) {
    entry = { filter: compileFilters(filters) };
    compiled.set(filters, entry);
  }
  return entry.filter;
}

/** The body for one candidate: untouched unless the model is mapped (spliced in) or a redaction rule changes it. */
export function encodeUpstream(turn: Turn, candidate: Candidate): EncodedBody {
  const { body, bodyFacts } = turn;
  const filter = filterFor(turn.snapshot.filters);
  const range = bodyFacts?.modelRange;
  const mapped = candidate.model !== undefined && candidate.model !== bodyFacts?.model && range !== undefined;
  if (!mapped && filter === undefined) return { bytes: body.wire, decoded: body.decoded };
  let bytes = body.bytes;
  if (mapped) {
    const model = Buffer.from(JSON.stringify(candidate.model));
    bytes = Buffer.concat([bytes.subarray(0, range[0]), model, bytes.subarray(range[1])]);
  }
  if (filter !== undefined) {
    const text = bytes.toString('utf8');
    const redacted = filter.apply(text);
    if (redacted !== text) bytes = Buffer.from(redacted);
  }
  const changed = bytes !== body.bytes;
  return changed ? { bytes, decoded: true } : { bytes: body.wire, decoded: body.decoded };
}
