// The long part of the tests: `npm run test:hostile`. Files are *.hostile.ts; each is to take its time from time-box.ts.
import base from '../../jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...base,
  rootDir: '../..',
  roots: ['<rootDir>/test/hostile'],
  testMatch: ['**/*.hostile.ts'],
  // What ran is to be seen test by test.
  verbose: true,
  testTimeout: 20 * 60_000,
};
