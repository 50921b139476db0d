// Half-size scalars for verification: for a challenge c, integers u and v of about half the length of ℓ with
// v·c = ±u (mod ℓ), by Euclid's algorithm on ℓ and c, stopped half-way (Lagrange's lattice reduction in two dimensions;
// for signatures see Antipa et al., SAC 2005). Variable-time: signatures and their challenges are public.
//
// Steps are simulated on the leading 60 bits for as long as Collins's condition says that the quotients are those of the
// whole numbers (Lehmer), and then made at once. x ≥ y are consecutive remainders; p and q are what c was multiplied by to
// get them, up to signs, which alternate. All are integers of 32-bit limbs, little-endian, with zeros above them.
//
// Why 60: before its last step a simulation has a ≥ b + v1 + v2, b ≥ v2 and a·v2 + b·v1 < 2^60, so 2·v2² < 2^60, and v2
// becomes the larger factor of `combineVartime`. Two factors and two limbs then give a sum below 2^63, as it must be. With
// 62 bits, one challenge in two million went beyond. That nothing overflows here, and that these hold, is proved by
// scripts/check-half-size-bounds.js: of the loop, x > y, 2^127 ≤ y, x·q + y·p = ℓ; of a simulation, u ≤ v for each pair of
// factors, a·v2 + b·v1 is the a that it began with, and u1·v2 - u2·v1 = ±1. That the loop ends where it should, and that
// the results are copied whole and with their sign, is for the tests.

import { scalarAt } from './memory';
import { ORDER_BYTES } from './tables';

/** Limbs of x and y, and of p and q. */
const LONG: i32 = 8;
const SHORT: i32 = 4;
/** How many leading bits are simulated. */
const SIMULATED: i32 = 60;

function bitLengthVartime(a: usize): i32 {
  for (let i: i32 = 24; i >= 0; i -= 8) {
    const word = load<u64>(a + <usize>i);
    if (word) return 8 * i + 64 - <i32>clz<u64>(word);
  }
  return 0;
}

/** a / 2^shift, its low 64 bits; the shift is from 0 to 255. */
@inline
function shifted(a: usize, shift: i32): u64 {
  const at = a + <usize>((shift >> 6) << 3);
  const left = <u64>(shift & 63);
  return (load<u64>(at) >> left) | ((load<u64>(at, 8) << 1) << (63 - left));
}

/**
 * d = f·a + g·b, which is not negative and fits. |f| and |g| are below 2^31, and where both have the same sign, their sum
 * is at most 2^31: so sums of two products of limbs, and what is carried, stay within 64 bits with a sign.
 */
function combineVartime(d: usize, f: i64, a: usize, g: i64, b: usize, limbs: i32): void {
  let carry: i64 = 0;
  for (let i: usize = 0; i < <usize>(4 * limbs); i += 4) {
    carry += f * <i64>load<u32>(a + i) + g * <i64>load<u32>(b + i);
    store<u32>(d + i, <u32>carry);
    carry >>= 32;
  }
}

/** x = x mod y and p = p + (x / y)·q, for y of 128 bits or more: the one step that is too large to simulate. */
function stepVartime(x: usize, y: usize, p: usize, q: usize): void {
  const length = bitLengthVartime(y);
  for (;;) {
    const extra = bitLengthVartime(x) - length;
    if (extra < 0) return;
    // a quotient that is not too large, of up to 31 bits, in whole limbs
    const skipped = extra ? (extra - 1) >> 5 : 0;
    const top = length - 31;
    let quotient = <i64>(shifted(x, top + 32 * skipped) / (shifted(y, top) + 1));
    quotient = min<i64>(quotient, 0x7fffffff);
    if (!quotient) {
      if (isBelowVartime(x, y)) return;
      quotient = 1;
    }
    const offset = <usize>(4 * skipped);
    combineVartime(x + offset, 1, x + offset, -quotient, y, LONG - skipped);
    combineVartime(p + offset, 1, p + offset, quotient, q, SHORT - skipped);
  }
}

function isBelowVartime(a: usize, b: usize): bool {
  for (let i: i32 = 24; i >= 0; i -= 8) {
    const x = load<u64>(a + <usize>i);
    const y = load<u64>(b + <usize>i);
    if (x != y) return x < y;
  }
  return false;
}

/**
 * Writes u (below 2^127) and v (1 to 2^127), 32 bytes each, for the scalar c (32 bytes, canonical). Returns 0 when
 * v·c = u, and 1 when v·c = -u, modulo ℓ. Uses scalars 0 to 5.
 */
export function halveVartime(u: usize, v: usize, c: usize): i32 {
  let x = scalarAt(0);
  let y = scalarAt(1);
  let p = scalarAt(2);
  let q = scalarAt(3);
  const s = scalarAt(4);
  const t = scalarAt(5);
  memory.fill(x, 0, 6 * 72);
  memory.copy(x, ORDER_BYTES, 32);
  memory.copy(y, c, 32);
  store<u64>(q, 1);
  let negative = 0;
  while (bitLengthVartime(y) > 127) {
    const shift = bitLengthVartime(x) - SIMULATED;
    let a = shifted(x, shift);
    let b = shifted(y, shift);
    // what comes below 2^127 is the end
    const end: u64 = shift <= 127 ? (<u64>1) << (127 - shift) : 0;
    let u0: u64 = 0;
    let u1: u64 = 1;
    let u2: u64 = 0;
    let v0: u64 = 0;
    let v1: u64 = 0;
    let v2: u64 = 1;
    let even = false;
    while (b >= v2 && a - b >= v1 + v2 && a >= end) {
      const quotient = a / b;
      const rest = a - quotient * b;
      a = b;
      b = rest;
      const u3 = u1 + quotient * u2;
      u0 = u1;
      u1 = u2;
      u2 = u3;
      const v3 = v1 + quotient * v2;
      v0 = v1;
      v1 = v2;
      v2 = v3;
      even = !even;
    }
    if (v0) {
      const sign: i64 = even ? 1 : -1;
      combineVartime(s, sign * <i64>u0, x, -sign * <i64>v0, y, LONG);
      combineVartime(t, -sign * <i64>u1, x, sign * <i64>v1, y, LONG);
      memory.copy(x, s, 32);
      memory.copy(y, t, 32);
      combineVartime(s, <i64>u0, p, <i64>v0, q, SHORT);
      combineVartime(t, <i64>u1, p, <i64>v1, q, SHORT);
      memory.copy(p, s, 16);
      memory.copy(q, t, 16);
      negative ^= i32(!even);
    } else {
      stepVartime(x, y, p, q);
      const lower = x;
      x = y;
      y = lower;
      const other = p;
      p = q;
      q = other;
      negative ^= 1;
    }
  }
  memory.copy(u, y, 32);
  memory.copy(v, q, 32);
  return negative;
}
