import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  closedPort,
  cloudflareHtml,
  cutAfter,
  empty200,
  html200,
  inBandFailed,
  jsonInsteadOfSse,
  resetBeforeHeaders,
  sse,
  startScriptedUpstream,
  status401,
  status429,
  status503,
  type ScriptedUpstream,
  type Step,
} from '../../helpers/scripted-upstream.js';
import type { TurnRecord } from '../../../shared/domain/turn-record.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { startDaemon, type RunningDaemon } from '../start-daemon.js';
import { codexExec, codexResume, writeProviderConfig } from './run-codex.js';

function twoProviders(firstUrl: string, secondUrl: string): string {
  return `[routing]
active = "first"

[providers.first]
base_url = "${firstUrl}"
api_key = "sk-first"

[providers.second]
base_url = "${secondUrl}"
api_key = "sk-second"
level = 2
`;
}

function attemptsAt(records: readonly TurnRecord[], provider: string): number {
  return records.flatMap((record) => record.attempts).filter((attempt) => attempt.provider === provider).length;
}

/** What breaks before the first byte reaches Codex, and the class the log gives it. */
const brokenBeforeCommit: readonly { readonly name: string; readonly step: Step }[] = [
  { name: 'answers 503', step: status503 },
  { name: 'answers 429 with Retry-After', step: status429({ retryAfter: 30 }) },
  { name: 'answers 429 without Retry-After', step: status429() },
  { name: 'answers 401', step: status401 },
  { name: "shows Cloudflare's challenge page", step: cloudflareHtml(403) },
  { name: "shows Cloudflare's timeout page", step: cloudflareHtml(524) },
  { name: 'resets the connection before headers', step: resetBeforeHeaders },
  { name: 'fails inside a 200 after the handshake', step: inBandFailed('server_is_overloaded', { after: 'created' }) },
  { name: 'fails inside a 200 at once', step: inBandFailed('server_error', { after: 'nothing' }) },
  { name: 'answers an empty 200', step: empty200 },
  { name: 'answers a web page with 200', step: html200 },
  { name: 'answers JSON instead of a stream', step: jsonInsteadOfSse },
];

describe.each(Object.entries(inject('codexBinaries')))('codex %s through Switchyard', (_version, binary) => {
  let home: TempHome;
  let first: ScriptedUpstream;
  let second: ScriptedUpstream;
  let daemon: RunningDaemon | undefined;

  beforeEach(async () => {
    home = makeTempHome();
    first = await startScriptedUpstream([]);
    second = await startScriptedUpstream(() => sse({ text: 'Answered by the second.' }));
  });
  afterEach(async () => {
    await daemon?.stop();
    daemon = undefined;
    await Promise.all([first.close(), second.close()]);
    home.cleanup();
  });

  async function relay(firstUrl = first.baseUrl): Promise<RunningDaemon> {
    daemon = await startDaemon(home, twoProviders(firstUrl, second.baseUrl));
    writeProviderConfig(home, `${daemon.url}/v1`);
    return daemon;
  }

  it('completes a plain turn at the active provider with its own key', async () => {
    const { records } = await relay();
    const run = await codexExec({ binary, home }, 'say hi');
    expect(run).toMatchObject({ exitCode: 0, message: 'Hello from the scripted upstream.' });
    expect(first.turns).toHaveLength(1);
    expect(first.turns[0]?.headers['authorization']).toBe('Bearer sk-first');
    expect(second.requests).toHaveLength(0);
    const [record] = await records(1);
    expect(record).toMatchObject({
      provider: 'first',
      status_code: 200,
      end: 'completed',
      session_id: run.threadId,
      service: 'codex',
    });
    expect(record?.usage).toMatchObject({ input_tokens: 11, output_tokens: 7 });
  });

  it('carries a tool call and its output', async () => {
    first.script([sse({ functionCall: { name: 'exec_command', arguments: { cmd: 'echo hi' } } }), sse({ text: 'Done: hi' })]);
    const { records } = await relay();
    const run = await codexExec({ binary, home }, 'run echo hi');
    expect(run).toMatchObject({ exitCode: 0, message: 'Done: hi' });
    expect(run.events.find((event) => event.item?.type === 'command_execution')).toBeDefined();
    expect(first.turns).toHaveLength(2);
    expect(first.turns[1]?.body.toString()).toContain('"type":"function_call_output"');
    expect(second.requests).toHaveLength(0);
    expect(await records(2)).toHaveLength(2);
  });

  it('resumes a thread', async () => {
    await relay();
    const run = await codexExec({ binary, home }, 'remember the word lantern');
    const again = await codexResume({ binary, home }, run.threadId ?? '', 'which word?');
    expect(again).toMatchObject({ exitCode: 0, threadId: run.threadId });
    expect(first.turns).toHaveLength(2);
    expect(first.turns[1]?.body.toString()).toContain('lantern');
  });

  it.each(brokenBeforeCommit)('moves on unseen when the first provider $name', async ({ step }) => {
    first.script(() => step);
    const { records } = await relay();
    const run = await codexExec({ binary, home }, 'say hi');
    expect(run).toMatchObject({ exitCode: 0, message: 'Answered by the second.' });
    expect(run.stdout).not.toContain('Reconnecting');
    const log = await records(1);
    expect(log).toHaveLength(1);
    expect(log[0]).toMatchObject({ provider: 'second', end: 'completed' });
    expect(first.turns).toHaveLength(attemptsAt(log, 'first'));
    expect(first.turns.length).toBeGreaterThan(0);
    expect(second.turns).toHaveLength(1);
    expect(attemptsAt(log, 'second')).toBe(1);
  });

  it('moves on unseen when the first provider refuses connections', async () => {
    const { records } = await relay(`http://127.0.0.1:${await closedPort()}/v1`);
    const run = await codexExec({ binary, home }, 'say hi');
    expect(run).toMatchObject({ exitCode: 0, message: 'Answered by the second.' });
    const [record] = await records(1);
    expect(record?.attempts[0]).toMatchObject({ provider: 'first', outcome: 'failure', class: 'transport' });
    expect(second.turns).toHaveLength(1);
  });

  it.each(['eof', 'rst'] as const)(
    'tells Codex when a stream is cut (%s) after its first byte, and the retried turn completes',
    async (how) => {
      first.script([cutAfter(6, how)]);
      const { records } = await relay();
      const run = await codexExec({ binary, home }, 'say hi');
      expect(run.exitCode).toBe(0);
      const log = await records(2);
      expect(log[0]).toMatchObject({ provider: 'first', end: 'cut' });
      expect(log[0]?.error?.code).toBe('UPSTREAM_STREAM_CUT');
      expect(log.at(-1)).toMatchObject({ end: 'completed' });
      expect(first.turns).toHaveLength(attemptsAt(log, 'first'));
      expect(second.turns).toHaveLength(attemptsAt(log, 'second'));
      expect(log).toHaveLength(2);
    },
  );
});
