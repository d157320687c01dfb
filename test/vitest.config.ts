import {defineConfig} from 'vitest/config';

/**
 * `unit` needs no root and no network; `integration` runs real parts, one file at a time; `vm` whole machines with
 * systemd, emulated.
 */
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
      {
        test: {
          name: 'vm',
          root: '.',
          include: ['test/vm/**/*.test.ts'],
          fileParallelism: false,
          // An emulated processor is ten to thirty times slower.
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
