// Runs inside the page.
import { hasFusedMultiplyAdd, loadCrypto } from 'blindsalt/crypto';
import sodium from 'libsodium-wrappers-sumo';
import * as curves from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { measure } from './measure.js';
import { createOperations } from './operations.js';

globalThis.runBenchmark = async (rounds) => {
  const builds = hasFusedMultiplyAdd() ? ['simd', 'relaxed-simd'] : ['simd'];
  const ours = {};
  const loading = [];
  for (const build of builds) {
    const start = performance.now();
    ours[build] = await loadCrypto({ build });
    loading.push(`${build}: first ${(performance.now() - start).toFixed(1)} ms`);
  }
  await sodium.ready;
  const operations = createOperations({ ours, sodium, noble: { ...curves, sha512 } });
  // The clock of a page is coarse: longer rounds.
  const rows = operations.map(({ name, contenders }) => ({ name, times: measure(contenders, { rounds, roundMs: 8 }) }));
  return { rows, loading };
};
