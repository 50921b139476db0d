import type { Prng } from './prng.js';

const INTERESTING = [0x00, 0x01, 0x1f, 0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc5, 0xc6];
const MORE_INTERESTING = [0xcc, 0xcd, 0xce, 0xcf, 0xd9, 0xda, 0xdb, 0xdc, 0xef, 0xed, 0xf4, 0xfe, 0xff];
const BYTES = [...INTERESTING, ...MORE_INTERESTING];

function splice(input: Uint8Array, at: number, removed: number, put: Uint8Array | readonly number[]): Uint8Array {
  return Uint8Array.from([...input.subarray(0, at), ...put, ...input.subarray(at + removed)]);
}

/** One to four small changes, of which none knows what the bytes mean. `other`: an input to take pieces from. */
export function mutateBytes(input: Uint8Array, other: Uint8Array, prng: Prng, maxBytes: number): Uint8Array {
  let bytes = Uint8Array.from(input);
  for (let n = 1 + prng.below(4); n > 0; n--) {
    const at = prng.below(bytes.length + 1);
    const from = prng.below(other.length + 1);
    const size = 1 + prng.below(prng.oneIn(4) ? 64 : 4);
    switch (prng.below(8)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << prng.below(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = prng.pick(BYTES);
        break;
      case 2:
        if (at < bytes.length) bytes[at] = bytes[at]! + prng.pick([1, -1, 2, -2]);
        break;
      case 3:
        bytes = new Uint8Array(splice(bytes, at, size, []));
        break;
      case 4:
        bytes = new Uint8Array(splice(bytes, at, 0, prng.bytes(size)));
        break;
      case 5:
        bytes = new Uint8Array(splice(bytes, at, 0, [prng.pick(BYTES)]));
        break;
      case 6:
        bytes = new Uint8Array(splice(bytes, at, prng.below(size), other.subarray(from, from + size)));
        break;
      case 7:
        bytes = new Uint8Array(splice(bytes, at, 0, bytes.subarray(at, at + size)));
        break;
    }
  }
  return bytes.subarray(0, maxBytes);
}

/** A smaller input that breaks the same rule: pieces left out, bytes made zero, until nothing more can go. */
export async function minimise(
  input: Uint8Array,
  isStillOne: (candidate: Uint8Array) => Promise<boolean>,
  maxRuns = 2_000,
): Promise<Uint8Array> {
  let best = input;
  let runs = 0;
  const tryOne = async (candidate: Uint8Array): Promise<boolean> => {
    runs += 1;
    if (runs > maxRuns || !(await isStillOne(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.max(1, best.length >> 1); size >= 1 && runs <= maxRuns; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < best.length && runs <= maxRuns;) {
      if (!(await tryOne(splice(best, at, size, [])))) at += size;
    }
  }
  for (let at = 0; at < best.length && runs <= maxRuns; at++) {
    if (best[at] !== 0) await tryOne(splice(best, at, 1, [0]));
  }
  return best;
}
