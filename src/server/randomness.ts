import { BlindsaltError } from '../../proto/index.js';
import { drawRandom } from '../crypto/checks.js';
import type { RandomSource } from '../crypto/types.js';

/** Shorter outputs may repeat by chance. */
const COMPARED_BYTES = 16;

/**
 * Wraps a source of randomness so that it fails closed, and stays so: when it throws, gives too few bytes or zeros, or
 * gives the same bytes (16 or more) twice in a row.
 */
export function guardRandom(source: RandomSource): RandomSource {
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
