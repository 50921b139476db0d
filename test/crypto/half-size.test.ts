// Half-size scalars (assembly/half-size.ts): v·c = ±u modulo ℓ, with both halves as short as promised; and the sum of
// verification (assembly/edwards-vartime.ts) with challenges that no hash gives.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CoreBuild, hasFusedMultiplyAdd, loadCrypto } from '../../src/crypto/index.js';
import { compileAssembly } from '../support/compile-assembly.js';
import { fromInteger, nobleCrypto, toInteger } from '../support/noble-crypto.js';

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly IN: WebAssembly.Global;
  readonly OUT: WebAssembly.Global;
  readonly init: () => void;
  readonly halve: () => number;
  readonly isIdentity: () => number;
}

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const modulo = (x: bigint, m: bigint): bigint => ((x % m) + m) % m;

const SOURCE = 'assembly/testing/verification.ts';
const baseline = compileAssembly<Exports>(SOURCE);
const { memory, IN, OUT, halve } = baseline;
const bytes = new Uint8Array(memory.buffer);
const out = OUT.value as number;

/** Whether the halves of c are right and short. (`expect` for each would take most of the time.) */
function isHalved(c: bigint): boolean {
  bytes.set(fromInteger(c), IN.value as number);
  const negative = halve();
  const u = toInteger(bytes.subarray(out, out + 32));
  const v = toInteger(bytes.subarray(out + 32, out + 64));
  return (v * c + (negative ? u : -u)) % ORDER === 0n && v > 0n && u >> 127n === 0n && v >> 127n === 0n;
}

/** 1/a modulo m. */
function inverse(a: bigint, m: bigint): bigint {
  let [r, next, s, t] = [modulo(a, m), m, 1n, 0n];
  while (next) {
    const quotient = r / next;
    [r, next, s, t] = [next, r - quotient * next, t, s - quotient * t];
  }
  return modulo(s, m);
}

/**
 * Scalars for which Euclid's algorithm on ℓ and c (or ℓ - c) has these quotients, then others: for q/p = [… a₂; a₁],
 * remainders x and y with q·x + p·y = ℓ and x/y close to `tail`, and c = ±y/q.
 */
function withQuotients(quotients: readonly bigint[], tail: bigint): bigint[] {
  let [p, q] = [0n, 1n];
  for (const quotient of quotients) [p, q] = [q, p + quotient * q];
  if (q === 1n) return [];
  const about = (2n * ORDER) / (q * (2n * tail + 1n) + 2n * p);
  const y = about - (about % q) + modulo(ORDER * inverse(p, q), q);
  const c = modulo(y * inverse(q, ORDER), ORDER);
  return [c, modulo(-c, ORDER)];
}

describe('half-size scalars', () => {
  test('0, 1, ℓ - 1, and what is near powers of two and fractions of ℓ', () => {
    const near = (x: bigint): bigint[] => [-2n, -1n, 0n, 1n, 2n].map((d) => x + d);
    const powers = Array.from({ length: 253 }, (_, i) => 1n << BigInt(i)).flatMap(near);
    const fractions = Array.from({ length: 260 }, (_, i) => ORDER / BigInt(i + 1)).flatMap(near);
    const roots = [ORDER >> 125n, ORDER >> 126n, ORDER >> 127n, 2n ** 127n].flatMap(near);
    const runs = Array.from({ length: 252 }, (_, i) => ((1n << 252n) - 1n) ^ ((1n << BigInt(i)) - 1n));
    const inverses = powers.filter((x) => x > 0n).map((x) => inverse(x, ORDER));
    const scalars = [0n, 1n, 2n, ...powers, ...fractions, ...roots, ...runs, ...inverses];
    const both = scalars.flatMap((c) => [modulo(c, ORDER), modulo(-c, ORDER)]);
    expect(both.filter((c) => !isHalved(c))).toEqual([]);
  });

  test('challenges with which a simulation on 62 bits would carry beyond 63', () => {
    const challenges = [
      '0x8896219fb920bf2a71a264d48e1b05b9b613c7c59d7356bd5f735feaa68df09',
      '0x3faee7949fe53fb66172d70ad85de9a74f96cfb42e84a2c528470258603e2b6',
      '0x48fbba42e058efb3c87f71b9bd17cb213b9c8bddf603a49a3684ccf25e831ec',
      '0x3952851e2e077c4008ae814189ecc2ceab04d8f5954b891e71825acc025badc',
      '0xd460fba5741d3113a3713cd1887fe83133673c8639e936c9e05775092c0063d',
      '0x1210cfebb1639de1cd29a762a7efb78207cf58ede47eb9147711da9d5ba404b',
      '0x7207e284e35f1942d6eccc3f94b68c689d4609cbabba1ec1ab7aab0e8c16ffd',
      '0x441e07bf0c382305099c91770b090a29941132bc898e86c01df67c3de4689e7',
    ];
    expect(challenges.filter((challenge) => !isHalved(BigInt(challenge)))).toEqual([]);
  });

  test('any scalars', () => {
    fc.assert(fc.property(fc.bigInt(0n, ORDER - 1n), isHalved), { numRuns: 5000 });
  });

  test('quotients of every size', () => {
    const quotient = fc.oneof(
      { weight: 6, arbitrary: fc.bigInt(1n, 3n) },
      { weight: 3, arbitrary: fc.bigInt(1n, 1000n) },
      { weight: 1, arbitrary: fc.bigInt(2n ** 26n, 2n ** 34n) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 100 }).map((n) => 1n << BigInt(n)) },
    );
    const prefix = fc.array(quotient, { minLength: 1, maxLength: 80 });
    const tail = fc.oneof(quotient, fc.bigInt(2n ** 27n, 2n ** 31n));
    fc.assert(
      fc.property(prefix, tail, (quotients, last) => withQuotients(quotients, last).every(isHalved)),
      { numRuns: 2000 },
    );
  });

  const relaxedFlags = ['--enable', 'relaxed-simd'];
  test.each<[CoreBuild, () => Exports]>(
    hasFusedMultiplyAdd()
      ? [
          ['simd', () => baseline],
          ['relaxed-simd', () => compileAssembly<Exports>(SOURCE, ...relaxedFlags)],
        ]
      : [['simd', () => baseline]],
  )('%s: whether s·B - c·A - R is the identity, as the discrete logarithms say', (_build, compile) => {
    const core = compile();
    core.init();
    const { ristretto255 } = nobleCrypto();
    const view = new Uint8Array(core.memory.buffer);
    const logarithms = [1n, 2n, ORDER - 1n, ORDER >> 1n, 2n ** 128n, inverse(3n, ORDER), 2n ** 252n - 1n];
    const elements = logarithms.map((n) => [n, ristretto255.multiplyBase(fromInteger(n))] as const);
    const decides = (c: bigint, [a, A]: (typeof elements)[0], [r, R]: (typeof elements)[0], error: bigint): boolean => {
      const s = modulo(r + c * a + error, ORDER);
      view.set([...fromInteger(s), ...fromInteger(c), ...A, ...R], core.IN.value as number);
      return core.isIdentity() === (error === 0n ? 1 : 0);
    };
    const challenge = fc.oneof(
      fc.bigInt(0n, ORDER - 1n),
      fc.bigInt(0n, 2n ** 128n),
      fc.bigInt(0n, 2n ** 64n).map((n) => ORDER - 1n - n),
      fc
        .tuple(fc.bigInt(1n, 2n ** 127n), fc.bigInt(1n, 2n ** 127n))
        .map(([u, v]) => modulo(u * inverse(v, ORDER), ORDER)),
      fc
        .tuple(fc.integer({ min: 0, max: 251 }), fc.integer({ min: -2, max: 2 }))
        .map(([i, d]) => modulo((1n << BigInt(i)) + BigInt(d), ORDER)),
    );
    const element = fc.constantFrom(...elements);
    const error = fc.oneof(fc.constant(0n), fc.constantFrom(1n, ORDER - 1n, 2n ** 128n), fc.bigInt(1n, ORDER - 1n));
    fc.assert(fc.property(challenge, element, element, error, decides), { numRuns: 3000 });
  });

  test.each<CoreBuild>(hasFusedMultiplyAdd() ? ['simd', 'relaxed-simd'] : ['simd'])(
    '%s: a valid signature with such a challenge is valid',
    async (build) => {
      const { schnorr, ristretto255, sha512, scalar } = await loadCrypto({ build });
      const [nonce, key] = [fromInteger(2n), fromInteger(3n)];
      const commitment = ristretto255.multiplyBase(nonce);
      const publicKey = ristretto255.multiplyBase(key);
      const message = fromInteger(4761075n).subarray(0, 8);
      const tag = new TextEncoder().encode('blindsalt.v1-SCHNORR-RISTRETTO255-SHA512');
      const hashed = [0, tag.length, ...tag, 0, 0, ...commitment, ...publicKey, ...message];
      const challenge = scalar.reduce(sha512(Uint8Array.from(hashed)));
      expect(toInteger(challenge)).toBe(0x1926203597ff08d37bb463a6b55aca8730da903e16359c22f3b33bdebd621e9n);
      const response = scalar.add(nonce, scalar.multiply(challenge, key));
      const signature = Uint8Array.from([...commitment, ...response]);
      expect(schnorr.verify(signature, message, publicKey, new Uint8Array())).toBe(true);
      response[0]! ^= 1;
      expect(schnorr.verify(Uint8Array.from([...commitment, ...response]), message, publicKey, new Uint8Array())).toBe(
        false,
      );
    },
  );
});
