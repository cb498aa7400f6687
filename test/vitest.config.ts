import { defineConfig } from 'vitest/config';

// The scripts' ports are fixed, so two test files that use the same port never run at the same time:
// first the files that use one port or none, side by side, then those that use both, one by one.
export default defineConfig({
  test: {
    testTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'side by side',
          include: ['test/{udp,tcp,slow}.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'one by one',
          include: ['test/{copies,readme}.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
