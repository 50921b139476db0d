// The suites of src/crypto/ inside a page, on both builds of the core; crypto.test.ts calls them from outside.
import { hasFusedMultiplyAdd, loadCrypto } from '../../src/crypto/index.js';
import { contractSuite } from '../suites/crypto-contract.js';
import { differentialSuite } from '../suites/crypto-differential.js';
import { vectorSuite } from '../suites/crypto-vectors.js';
import { tests } from './crypto-globals.js';

for (const build of ['simd', 'relaxed-simd'] as const) {
  if (build === 'relaxed-simd' && !hasFusedMultiplyAdd()) continue;
  for (const suite of [vectorSuite, contractSuite, differentialSuite]) suite(build, () => loadCrypto({ build }));
}

Object.assign(globalThis, {
  pageTests: tests.map(({ name, skipped }) => ({ name, skipped })),
  async runPageTest(index: number): Promise<string> {
    try {
      await tests[index]!.run();
      return 'passed';
    } catch (error) {
      return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    }
  },
});
