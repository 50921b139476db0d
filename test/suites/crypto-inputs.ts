// What the suites of the core share: edges, and arbitraries that are weighted towards them.
import fc from 'fast-check';
import type { Crypto } from '../../src/crypto/types.js';
import { fromInteger, toInteger } from '../support/noble-crypto.js';

/** Of the group, and the characteristic of the field. */
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
export const P = 2n ** 255n - 19n;
export const IDENTITY: Uint8Array = new Uint8Array(32);
export const EMPTY: Uint8Array = new Uint8Array(0);

/** Scalars at and around the places where carries, digits and reductions change. */
export const EDGE_SCALARS: bigint[] = [
  0n,
  1n,
  2n,
  7n,
  8n,
  9n,
  15n,
  16n,
  ORDER - 1n,
  ORDER - 2n,
  (ORDER - 1n) / 2n,
  2n ** 252n,
  2n ** 252n - 1n,
  2n ** 251n,
  2n ** 29n - 1n,
  2n ** 232n - 1n,
  2n ** 128n,
  2n ** 128n - 1n,
  BigInt(`0x0${'8'.repeat(63)}`),
  BigInt(`0x0${'7'.repeat(63)}`),
  BigInt(`0x0${'f'.repeat(63)}`),
];

export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

/** Canonical scalars, weighted towards the edges. */
export const scalars: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...EDGE_SCALARS).map((n) => fromInteger(n)) },
  { weight: 3, arbitrary: bytesOf(64).map((b) => fromInteger(toInteger(b) % ORDER)) },
);
export const nonZeroScalars: fc.Arbitrary<Uint8Array> = scalars.filter((k) => k.some((byte) => byte !== 0));

/** The same instance for all tests of a suite. */
export function once(loadNew: () => Promise<Crypto>): () => Promise<Crypto> {
  let loaded: Promise<Crypto> | undefined;
  return () => (loaded ??= loadNew());
}

export const codeOf = (body: () => unknown): unknown => {
  try {
    body();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'no error';
};
