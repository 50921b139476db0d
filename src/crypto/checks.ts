import { BlindsaltError } from '../../proto/errors.js';
import type { RandomSource } from './types.js';

/** Throws `crypto-length` unless `bytes` is a Uint8Array of `min` to `max` bytes. */
export function checkLength(name: string, bytes: Uint8Array, min: number, max: number = min): void {
  if (!(bytes instanceof Uint8Array) || bytes.length < min || bytes.length > max) {
    throw new BlindsaltError('crypto-length', `${name} must be ${min === max ? min : `${min} to ${max}`} bytes`);
  }
}

/** Throws `crypto-length` unless `length` is an integer from `min` to `max`. */
export function checkCount(name: string, length: number, min: number, max: number): void {
  if (!Number.isInteger(length) || length < min || length > max) {
    throw new BlindsaltError('crypto-length', `${name} must be ${min} to ${max}`);
  }
}

/** The platform's CSPRNG, failing closed with `crypto-randomness` where there is none. */
export const platformRandom: RandomSource = (length) => {
  const source = globalThis.crypto as { getRandomValues?: (array: Uint8Array) => Uint8Array } | undefined;
  if (typeof source?.getRandomValues !== 'function') throw new BlindsaltError('crypto-randomness');
  const bytes = new Uint8Array(length);
  // getRandomValues refuses more than 65536 bytes in one call.
  for (let offset = 0; offset < length; offset += 65536) {
    source.getRandomValues(bytes.subarray(offset, Math.min(length, offset + 65536)));
  }
  return bytes;
};

/** Draws from `source` and insists on exactly `length` bytes that are not all zero. */
export function drawRandom(source: RandomSource, length: number): Uint8Array {
  checkCount('the number of random bytes', length, 0, 1 << 24);
  let bytes: Uint8Array;
  try {
    bytes = source(length);
  } catch (cause) {
    throw new BlindsaltError('crypto-randomness', undefined, { cause });
  }
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) throw new BlindsaltError('crypto-randomness');
  // A broken source most often gives zeros; 16 of them by chance happen once in 2^128 draws.
  if (length >= 16 && bytes.every((byte) => byte === 0)) throw new BlindsaltError('crypto-randomness');
  // Who draws wipes: only what is its own.
  return source === platformRandom ? bytes : bytes.slice();
}
