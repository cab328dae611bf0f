import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { startScriptedUpstream, sse, type ScriptedUpstream } from '../../helpers/scripted-upstream.js';
import { makeTempHome, type TempHome } from '../../helpers/temp-home.js';
import { codexExec, codexResume, writeProviderConfig } from './run-codex.js';

// Proves that the scripted upstream is a server the real client accepts, so that a failing suite points at the relay.
describe.each(Object.entries(inject('codexBinaries')))('codex %s without a relay', (_version, binary) => {
  let home: TempHome;
  let upstream: ScriptedUpstream;
  beforeEach(async () => {
    home = makeTempHome();
    upstream = await startScriptedUpstream();
    writeProviderConfig(home, upstream.baseUrl);
  });
  afterEach(async () => {
    await upstream.close();
    home.cleanup();
  });

  it('completes a turn and resumes it', async () => {
    const first = await codexExec({ binary, home }, 'say hi');
    expect(first).toMatchObject({ exitCode: 0, message: 'Hello from the scripted upstream.' });
    expect(upstream.turns).toHaveLength(1);
    const second = await codexResume({ binary, home }, first.threadId ?? '', 'again');
    expect(second).toMatchObject({ exitCode: 0, threadId: first.threadId });
    expect(upstream.turns).toHaveLength(2);
  });

  it('runs a tool the scripted model calls and sends its output back', async () => {
    upstream.script([sse({ functionCall: { name: 'exec_command', arguments: { cmd: 'echo hi' } } }), sse({ text: 'Done: hi' })]);
    const run = await codexExec({ binary, home }, 'run echo hi');
    expect(run).toMatchObject({ exitCode: 0, message: 'Done: hi' });
    expect(upstream.turns).toHaveLength(2);
    expect(upstream.turns[1]?.body.toString()).toContain('"type":"function_call_output"');
  });
});
