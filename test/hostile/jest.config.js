// The long part of the tests: `npm run test:hostile`. Files are *.hostile.ts; each is to take its time from time-box.ts.
import base from '../../jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/test/hostile'],
  testMatch: ['**/*.hostile.ts'],
  reporters: ['default', '<rootDir>/test/hostile/summary.cjs', '<rootDir>/scripts/jest-closing-line.cjs'],
  // What ran is to be seen test by test.
  verbose: true,
  testTimeout: 20 * 60_000,
  // Searches take a core each; more of them at once would find less in their time.
  maxWorkers: 2,
};
