/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': '<rootDir>/scripts/jest-esbuild.cjs' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist/package.json'],
  coverageProvider: 'v8',
  reporters: ['default', '<rootDir>/scripts/jest-closing-line.cjs'],
  testTimeout: 120_000,
  // One more than the cores that CI has: many tests wait for a server, a timer or a disk.
  maxWorkers: 3,
};
