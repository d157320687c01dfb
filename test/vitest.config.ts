import {defineConfig} from 'vitest/config';

/** Two projects: `unit` needs no root and no network; `integration` runs real parts, one file at a time. */
export default defineConfig({
  test: {
    projects: [
      {test: {name: 'unit', root: '.', include: ['test/unit/**/*.test.ts'], testTimeout: 10_000}},
      {
        test: {
          name: 'integration',
          root: '.',
          include: ['test/integration/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
