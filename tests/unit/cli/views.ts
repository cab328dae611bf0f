import type { CodexPatchStatus, CoreStatus, EndpointView } from '../../../shared/control/contract.js';
import type { EndpointState } from '../../../shared/domain/routing.js';
import type { AttemptRecord, TurnRecord } from '../../../shared/domain/turn-record.js';

/** 2026-01-02 03:04:05 in the zone of the machine. */
export const nowMs = new Date(2026, 0, 2, 3, 4, 5).getTime();

const state: EndpointState = {
  consecutiveFailures: 0,
  streak: 0,
  cooldown: undefined,
  modelCooldowns: {},
  exhausted: undefined,
  leases: 0,
  halfOpen: false,
  healthySinceMs: undefined,
  lastSuccessAtMs: undefined,
  lastFailureAtMs: undefined,
  lastError: undefined,
  firstByteMs: undefined,
};

export function endpointView(
  provider: string,
  over: Partial<Omit<EndpointView, 'state'>> & { readonly state?: Partial<EndpointState> } = {},
): EndpointView {
  return {
    key: `${provider}/default`,
    provider,
    label: provider,
    level: 1,
    protocol: 'responses',
    baseUrl: `https://${provider}.example/v1`,
    enabled: true,
    active: false,
    pinned: false,
    credential: { source: 'env:KEY', ok: true },
    usable: true,
    why: '',
    ...over,
    state: { ...state, ...over.state },
  };
}

export function resting(provider: string, forMs: number, over: Partial<EndpointView> = {}): EndpointView {
  const cooldown = { untilMs: nowMs + forMs, sinceMs: nowMs, class: 'rate_limited', reason: '429', named: true } as const;
  return endpointView(provider, {
    usable: false,
    why: `${provider}/default: rests, 429`,
    ...over,
    state: { ...state, cooldown },
  });
}

const codex: CodexPatchStatus = {
  codexHome: '/u/.codex',
  configFile: '/u/.codex/config.toml',
  configExists: true,
  state: 'off',
  form: null,
  baseUrl: null,
  message: 'Codex does not go through Switchyard.',
  backups: [],
  loggedIn: 'none',
  warnings: [],
};

export function coreStatus(over: Partial<CoreStatus> = {}): CoreStatus {
  return {
    version: '1.2.3',
    host: 'daemon',
    pid: 42,
    startedAtMs: nowMs - 3_600_000,
    nowMs,
    address: { host: '127.0.0.1', port: 3211, url: 'http://127.0.0.1:3211' },
    home: '/u/.switchyard',
    config: { file: '/u/.switchyard/config.toml', revision: 'r', loadedAtMs: nowMs, exists: true, readOnly: false, problems: [] },
    active: null,
    pinned: null,
    endpoints: [],
    liveTurns: [],
    lastTurn: null,
    totals: { turns: 0, failovers: 0, errors: 0 },
    codex,
    ...over,
  };
}

export function attempt(provider: string, over: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    endpoint: `${provider}/default`,
    provider,
    level: 1,
    url: `https://${provider}.example/v1/responses`,
    model: 'gpt-5',
    started_ms: 0,
    duration_ms: 10,
    status: 200,
    outcome: 'success',
    next: 'delivered',
    ...over,
  };
}

export function turn(over: Partial<TurnRecord> = {}): TurnRecord {
  return {
    timestamp_ms: nowMs,
    turn_id: 't1',
    service: 'codex',
    protocol: 'responses',
    method: 'POST',
    path: '/v1/responses',
    status_code: 200,
    duration_ms: 1234,
    config_name: 'relay-a',
    provider: 'relay-a',
    upstream_base_url: 'https://relay-a.example/v1',
    model: 'gpt-5',
    stream: true,
    request_bytes: 1,
    response_bytes: 1,
    end: 'completed',
    attempts: [attempt('relay-a')],
    ...over,
  };
}
