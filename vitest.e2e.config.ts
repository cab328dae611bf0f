import { defineConfig } from 'vitest/config';

/** The real Codex CLI through the built daemon: one file at a time, because each turn starts programs of its own. */
export default defineConfig({
  test: {
    include: ['tests/e2e/codex/**/*.test.ts'],
    globalSetup: ['tests/e2e/codex/setup-codex.ts'],
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
