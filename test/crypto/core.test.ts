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

test('elements are decoded by decode alone: neither their class nor what looks like them makes others', async () => {
  const { opaque, ristretto255 } = await baseline();
  const decoded = ristretto255.decode(ristretto255.fromUniformBytes(new Uint8Array(64).fill(1)));
  const Made = decoded.constructor as new (...args: unknown[]) => never;
  expect(() => new Made(Symbol('another'), new Uint8Array(64))).toThrow(TypeError);
  for (const alike of [Object.create(decoded), new Proxy(decoded, {})] as (typeof decoded)[]) {
    expect(() => opaque.evaluate(new Uint8Array(64), new Uint8Array(0), alike)).toThrow(/blindedElement/);
  }
});

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
