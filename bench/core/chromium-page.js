// Runs inside the page.
import { hasFusedMultiplyAdd, loadCrypto } from 'blindsalt/crypto';
import sodium from 'libsodium-wrappers-sumo';
import * as curves from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { measure } from './measure.js';
import { createOperations } from './operations.js';

/** Throws when a build computes something else than libsodium does, over `count` random inputs. */
function compare(crypto, count) {
  const same = (a, b) => a.every((byte, i) => byte === b[i]) || fail();
  const fail = () => {
    throw new Error('differs from libsodium');
  };
  for (let i = 0; i < count; i++) {
    const [k, l] = [0, 1].map(() => sodium.crypto_core_ristretto255_scalar_random());
    const uniform = sodium.randombytes_buf(64);
    const p = sodium.crypto_scalarmult_ristretto255_base(k);
    const q = sodium.crypto_core_ristretto255_from_hash(uniform);
    same(crypto.ristretto255.multiplyBase(k), p);
    same(crypto.ristretto255.fromUniformBytes(uniform), q);
    same(crypto.ristretto255.multiply(l, q), sodium.crypto_scalarmult_ristretto255(l, q));
    same(crypto.ristretto255.add(p, q), sodium.crypto_core_ristretto255_add(p, q));
    same(crypto.scalar.multiply(k, l), sodium.crypto_core_ristretto255_scalar_mul(k, l));
    same(crypto.scalar.invert(k), sodium.crypto_core_ristretto255_scalar_invert(k));
    same(crypto.sha512(uniform), sodium.crypto_hash_sha512(uniform));
    const keys = sodium.crypto_sign_seed_keypair(k);
    const signature = crypto.ed25519.sign(uniform, k);
    same(signature, sodium.crypto_sign_detached(uniform, keys.privateKey));
    if (!crypto.ed25519.verify(signature, uniform, keys.publicKey)) fail();
    const proof = crypto.schnorr.sign(uniform, k, p);
    if (!crypto.schnorr.verify(proof, uniform, p, p) || crypto.schnorr.verify(proof, uniform, q, p)) fail();
  }
}

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
  for (const crypto of Object.values(ours)) compare(crypto, 500);
  const operations = createOperations({ ours, sodium, noble: { ...curves, sha512 } });
  // The clock of a page is coarse: longer rounds.
  const rows = operations.map(({ name, contenders }) => ({ name, times: measure(contenders, { rounds, roundMs: 8 }) }));
  return { rows, loading };
};
