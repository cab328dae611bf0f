import { afterEach } from 'vitest';
import { startRelay, type RelayOptions, type TestRelay } from './relay.js';
import { startScriptedUpstream, type ScriptedUpstream, type UpstreamScript } from './scripted-upstream.js';
import { makeTempHome, type TempHome } from './temp-home.js';

/** Makes what a relay test needs and ends all of it, last one first, after each test. */
export interface RelaySuite {
  upstream(script?: UpstreamScript): Promise<ScriptedUpstream>;
  relay(config: string, options?: RelayOptions): Promise<TestRelay>;
  /** A home that outlives the relays started in it. */
  home(): TempHome;
  /** Closes anything else at the end of the test. */
  track<T extends { close(): Promise<void> | void }>(opened: T): T;
}

/** The suite of one test file. */
export function relaySuite(): RelaySuite {
  const open: { close(): Promise<void> | void }[] = [];
  const track = <T extends { close(): Promise<void> | void }>(opened: T): T => {
    open.push(opened);
    return opened;
  };
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });
  return {
    track,
    upstream: async (script = []) => track(await startScriptedUpstream(script)),
    relay: async (config, options) => track(await startRelay(config, options)),
    home() {
      const made = makeTempHome();
      track({ close: () => made.cleanup() });
      return made;
    },
  };
}

/** One attempt per endpoint: a failure moves on at once. */
export const oneAttempt = '[retry.endpoint]\nmax_attempts = 1\n';

/** Which provider each turn was sent to, attempt by attempt: `a`, `a>b`. */
export function journeys(relay: TestRelay): readonly string[] {
  return relay.records().map((record) => record.attempts.map((attempt) => attempt.provider).join('>') || record.end);
}

/** Resolves once the condition holds; the test's own time limit ends it otherwise. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
