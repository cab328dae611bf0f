import type { EndpointKey } from './endpoint.js';
import type { Skip } from './routing.js';

/** Token counts as the upstream reported them; a field is absent when it was not reported, never 0 for unknown. */
export interface Usage {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly total_tokens?: number;
  readonly cached_input_tokens?: number;
  readonly cache_creation_input_tokens?: number;
  readonly reasoning_tokens?: number;
}

/** One dispatch to one endpoint, as logged. */
export interface AttemptRecord {
  readonly endpoint: EndpointKey;
  readonly provider: string;
  readonly level: number;
  readonly url: string;
  readonly model: string | undefined;
  readonly started_ms: number;
  readonly headers_ms?: number;
  readonly first_byte_ms?: number;
  readonly duration_ms: number;
  readonly status?: number;
  readonly outcome: 'success' | 'failure' | 'aborted' | 'busy';
  readonly class?: string;
  readonly message?: string;
  readonly retry_after_ms?: number;
  readonly cooldown_ms?: number;
  /** What happened next: delivered, same endpoint again, next candidate, or the end. */
  readonly next: 'delivered' | 'retry' | 'next' | 'end';
}

/** One line of logs/requests.jsonl. Field names are a contract: only ever added to. */
export interface TurnRecord {
  readonly timestamp_ms: number;
  readonly turn_id: string;
  readonly service: 'codex' | 'claude' | 'other';
  readonly protocol: string;
  readonly method: string;
  readonly path: string;
  readonly status_code: number;
  readonly duration_ms: number;
  readonly ttfb_ms?: number;
  readonly first_byte_ms?: number;
  readonly overhead_ms?: number;
  /** Provider that answered; `-` when none. Same value as `provider`; kept for scripts written for older tools. */
  readonly config_name: string;
  readonly provider?: string;
  readonly endpoint?: EndpointKey;
  readonly level?: number;
  readonly upstream_base_url: string;
  readonly session_id?: string;
  readonly session_source?: string;
  readonly cwd?: string;
  readonly model?: string;
  readonly model_sent?: string;
  readonly reasoning_effort?: string;
  readonly stream: boolean;
  readonly route?: string;
  readonly pinned?: string;
  readonly request_bytes: number;
  readonly response_bytes: number;
  readonly usage?: Usage;
  /** Present when the turn did not end well. */
  readonly error?: { readonly code: string; readonly message: string };
  /** completed, failed, cut, idle, aborted: how the stream or answer ended. */
  readonly end: 'completed' | 'failed' | 'cut' | 'idle' | 'aborted' | 'refused';
  readonly attempts: readonly AttemptRecord[];
  readonly skipped?: readonly Skip[];
  readonly retry?: { readonly attempts: number; readonly upstream_chain: readonly string[] };
  readonly http_debug?: unknown;
}
