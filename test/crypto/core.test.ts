// The contract of src/crypto/ on both builds of the WebAssembly core.
import { describe, expect, test } from '@jest/globals';
import { hasFusedMultiplyAdd, loadCrypto } from '../../src/crypto/index.js';
import { contractSuite } from '../suites/crypto-contract.js';
import { differentialSuite } from '../suites/crypto-differential.js';
import { vectorSuite } from '../suites/crypto-vectors.js';

const baseline = () => loadCrypto({ build: 'simd' });
vectorSuite('simd', baseline);
contractSuite('simd', baseline);
differentialSuite('simd', baseline);

if (hasFusedMultiplyAdd()) {
  const relaxed = () => loadCrypto({ build: 'relaxed-simd' });
  vectorSuite('relaxed-simd', relaxed);
  contractSuite('relaxed-simd', relaxed);
  differentialSuite('relaxed-simd', relaxed);
} else {
  describe('relaxed-simd', () => {
    test.skip('needs relaxed SIMD with fused multiply-add, which this engine does not have', () => undefined);
    test('is refused here', async () => {
      await expect(loadCrypto({ build: 'relaxed-simd' })).rejects.toHaveProperty('code', 'environment-unsupported');
    });
  });
}
