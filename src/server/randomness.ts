import { BlindsaltError } from '../../proto/index.js';
import { drawRandom, platformRandom } from '../crypto/checks.js';
import type { RandomSource } from '../crypto/types.js';

/** Shorter outputs may repeat by chance. */
const COMPARED_BYTES = 16;
/** Drawn from the platform at once: a draw costs as much for a few bytes. */
const POOL_BYTES = 4096;
/** Longer draws are made as they come. */
const MAX_POOLED_BYTES = 64;

/**
 * Wraps a source of randomness so that it fails closed, and stays so: when it throws, gives too few bytes or zeros, or
 * gives the same bytes (16 or more) twice in a row. The platform's is asked for many bytes at a time.
 */
export function guardRandom(source: RandomSource): RandomSource {
  const guarded = guard(source);
  return source === platformRandom ? pooled(guarded) : guarded;
}

/** Gives each byte out once, and keeps none that was given out. */
function pooled(source: RandomSource): RandomSource {
  let pool = new Uint8Array(0);
  let at = 0;
  return (length) => {
    if (length > MAX_POOLED_BYTES) return source(length);
    if (length > pool.length - at) {
      // Before the draw: when it fails, nothing is left to be given out.
      at = pool.fill(0).length;
      pool = source(POOL_BYTES).slice();
      at = 0;
    }
    const bytes = pool.slice(at, at + length);
    pool.fill(0, at, at + length);
    at += length;
    return bytes;
  };
}

function guard(source: RandomSource): RandomSource {
  let last: Uint8Array | undefined;
  let failed = false;
  return (length) => {
    if (failed) throw new BlindsaltError('crypto-randomness');
    // Until this draw has passed.
    failed = true;
    const bytes = drawRandom(source, length);
    if (length >= COMPARED_BYTES) {
      const head = bytes.slice(0, COMPARED_BYTES);
      if (last?.every((byte, i) => byte === head[i])) throw new BlindsaltError('crypto-randomness');
      last?.fill(0);
      last = head;
    }
    failed = false;
    return bytes;
  };
}
