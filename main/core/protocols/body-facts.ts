import { isTrue, stringIn, topLevelValues, type ByteRange } from './json-walk.js';

/** What a request body says about itself, read without parsing the rest of it. */
export interface BodyFacts {
  readonly model: string | undefined;
  /** Where the model stands in the bytes, for splicing another one in. */
  readonly modelRange: ByteRange | undefined;
  readonly stream: boolean;
  readonly promptCacheKey: string | undefined;
  readonly sessionId: string | undefined;
  readonly conversationId: string | undefined;
  readonly metadataSessionId: string | undefined;
  readonly reasoningEffort: string | undefined;
  /** The body carries state that only its issuer understands. */
  readonly stateBound: boolean;
}

const wanted = [
  'model',
  'stream',
  'prompt_cache_key',
  'previous_response_id',
  'session_id',
  'conversation_id',
  'metadata',
  'reasoning',
  'input',
] as const;

/** A byte search the runtime does natively where the bytes are a Buffer. */
interface Searchable extends Uint8Array {
  indexOf(needle: number | Uint8Array | string, from?: number): number;
}

const boundMarkers = [
  '"encrypted_content":"',
  '"encrypted_content": "',
  '"compaction_trigger"',
  '"compaction_summary"',
  '"type":"compaction"',
  '"type": "compaction"',
];

/** Reads the facts of a JSON body; undefined when it is not a JSON object. */
export function readBodyFacts(body: Searchable): BodyFacts | undefined {
  const at = topLevelValues(body, wanted);
  if (at === undefined) return undefined;
  return {
    model: stringIn(body, at.model),
    modelRange: at.model,
    stream: isTrue(body, at.stream),
    promptCacheKey: stringIn(body, at.prompt_cache_key),
    sessionId: stringIn(body, at.session_id),
    conversationId: stringIn(body, at.conversation_id),
    metadataSessionId: stringInside(body, at.metadata, 'session_id'),
    reasoningEffort: stringInside(body, at.reasoning, 'effort'),
    stateBound: stringIn(body, at.previous_response_id) !== undefined || (at.input !== undefined && holdsBoundState(body)),
  };
}

function holdsBoundState(body: Searchable): boolean {
  return boundMarkers.some((marker) => body.indexOf(marker) >= 0);
}

const OPEN_CWD = '<cwd>';
const CLOSE_CWD = '</cwd>';
const MAX_FOLDER_BYTES = 4096;

/** The folder the session works in, as Codex writes it into its environment context; undefined when it does not. */
export function readWorkingFolder(body: Searchable): string | undefined {
  const open = body.indexOf(OPEN_CWD);
  if (open < 0) return undefined;
  const close = body.indexOf(CLOSE_CWD, open);
  const start = open + OPEN_CWD.length;
  if (close < 0 || close - start > MAX_FOLDER_BYTES) return undefined;
  try {
    const folder: unknown = JSON.parse(`"${new TextDecoder().decode(body.subarray(start, close))}"`);
    return text(folder);
  } catch {
    return undefined;
  }
}

/** A string of an object one level down. */
function stringInside(body: Searchable, range: ByteRange | undefined, key: string): string | undefined {
  if (range === undefined) return undefined;
  const inner = body.subarray(range[0], range[1]);
  return stringIn(inner, topLevelValues(inner, [key])?.[key]);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
