import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/{unit,protocols,integration,renderer,regressions}/**/*.test.ts'],
    testTimeout: 15_000,
    pool: 'threads',
  },
});
