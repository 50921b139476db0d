// Integers modulo the group order ℓ = 2^252 + 27742317777372353535851937790883648493.
//
// A scalar has nine limbs of 29 bits in 64-bit words (72 bytes). Products are reduced by Montgomery's method with
// R = 2^261: nine products of limbs below 2^29 and nine steps of reduction stay below 2^63, so nothing carries in between.
// Constant-time throughout; only the exponent of `invertScalar`, which is public, is branched on.
//
// Invariant: limbs are below 2^29 and the value is below ℓ, unless a function says otherwise. That it holds, and that no sum
// or product leaves its 64 bits, is proved by scripts/check-scalar-bounds.js, which runs these functions on ranges and
// polynomials.

import { bytes, SCALAR, scalarAt, WIDE_SCALAR } from './memory';
import {
  ORDER,
  ORDER_0,
  ORDER_1,
  ORDER_2,
  ORDER_3,
  ORDER_4,
  ORDER_INVERSE,
  ORDER_MINUS_TWO,
  R_SQUARED,
} from './tables';

const MASK_29: u64 = 0x1fffffff;

/** Splits `count` limbs out of little-endian bytes; reads up to 8 bytes past the last limb's first. */
@inline
function limb(s: usize, index: i32): u64 {
  const bit = 29 * index;
  return (load<u64>(s + <usize>(bit >> 3)) >> (<u64>(bit & 7))) & MASK_29;
}

/** Reads 32 bytes; the value is below 2^256 and not reduced. Uses bytes 61. */
export function scalarFromBytes(d: usize, s: usize): void {
  const padded = bytes(61);
  memory.copy(padded, s, 32);
  memory.fill(padded + 32, 0, 16);
  for (let i = 0; i < 9; i++) store<u64>(d + <usize>(8 * i), limb(padded, i));
}

/** Writes 32 bytes; the value is below 2^256. */
export function scalarToBytes(s: usize, a: usize): void {
  const a0 = load<u64>(a);
  const a1 = load<u64>(a, 8);
  const a2 = load<u64>(a, 16);
  const a3 = load<u64>(a, 24);
  const a4 = load<u64>(a, 32);
  const a5 = load<u64>(a, 40);
  const a6 = load<u64>(a, 48);
  const a7 = load<u64>(a, 56);
  const a8 = load<u64>(a, 64);
  store<u64>(s, a0 | (a1 << 29) | (a2 << 58));
  store<u64>(s, (a2 >> 6) | (a3 << 23) | (a4 << 52), 8);
  store<u64>(s, (a4 >> 12) | (a5 << 17) | (a6 << 46), 16);
  store<u64>(s, (a6 >> 18) | (a7 << 11) | (a8 << 40), 24);
}

/** d = t / R modulo ℓ, for 18 limbs at WIDE_SCALAR, each below 2^62, of value below R·ℓ. (Sums stay below 2^63.) */
function reduceMontgomery(d: usize): void {
  const t = WIDE_SCALAR;
  let carry: u64 = 0;
  for (let i: usize = 0; i < 72; i += 8) {
    const p = t + i;
    const low = load<u64>(p) + carry;
    const m = (low * ORDER_INVERSE) & MASK_29;
    // low + m·ℓ[0] is a multiple of 2^29; what is above goes to the next limb.
    carry = (low + m * ORDER_0) >> 29;
    store<u64>(p, load<u64>(p, 8) + m * ORDER_1, 8);
    store<u64>(p, load<u64>(p, 16) + m * ORDER_2, 16);
    store<u64>(p, load<u64>(p, 24) + m * ORDER_3, 24);
    store<u64>(p, load<u64>(p, 32) + m * ORDER_4, 32);
    store<u64>(p, load<u64>(p, 64) + (m << 20), 64);
  }
  for (let i: usize = 0; i < 72; i += 8) {
    const sum = load<u64>(t + 72 + i) + carry;
    store<u64>(d + i, i < 64 ? sum & MASK_29 : sum);
    carry = sum >> 29;
  }
  subtractOrder(d);
}

/** d = d - ℓ when d is at least ℓ. Limbs are below 2^29, d is below 2ℓ. */
function subtractOrder(d: usize): void {
  const reduced = scalarAt(23);
  let borrow: i64 = 0;
  for (let i: usize = 0; i < 72; i += 8) {
    const difference = load<i64>(d + i) - load<i64>(ORDER + i) + borrow;
    store<u64>(reduced + i, i < 64 ? (<u64>difference) & MASK_29 : <u64>difference);
    borrow = difference >> 29;
  }
  // borrow is -1 when d was below ℓ, else 0
  for (let i: usize = 0; i < 72; i += 8) {
    const kept = load<u64>(d + i);
    const other = load<u64>(reduced + i);
    store<u64>(d + i, other ^ ((kept ^ other) & (<u64>borrow)));
  }
}

/**
 * d = a·b / R, below 2ℓ, or reduced. One row of products for each limb of a, and a multiple of ℓ that makes the lowest
 * limb of the sum zero, whereupon it leaves: all in registers. Limbs are below 2^29, a·b is below R·ℓ.
 */
@inline
function multiplyMontgomeryInto(d: usize, a: usize, b: usize, reduced: bool): void {
  const b0 = load<u64>(b);
  const b1 = load<u64>(b, 8);
  const b2 = load<u64>(b, 16);
  const b3 = load<u64>(b, 24);
  const b4 = load<u64>(b, 32);
  const b5 = load<u64>(b, 40);
  const b6 = load<u64>(b, 48);
  const b7 = load<u64>(b, 56);
  const b8 = load<u64>(b, 64);
  let t0: u64 = 0;
  let t1: u64 = 0;
  let t2: u64 = 0;
  let t3: u64 = 0;
  let t4: u64 = 0;
  let t5: u64 = 0;
  let t6: u64 = 0;
  let t7: u64 = 0;
  for (let i: usize = 0; i < 72; i += 8) {
    const x = load<u64>(a + i);
    const low = t0 + x * b0;
    const m = (low * ORDER_INVERSE) & MASK_29;
    t0 = t1 + x * b1 + m * ORDER_1 + ((low + m * ORDER_0) >> 29);
    t1 = t2 + x * b2 + m * ORDER_2;
    t2 = t3 + x * b3 + m * ORDER_3;
    t3 = t4 + x * b4 + m * ORDER_4;
    t4 = t5 + x * b5;
    t5 = t6 + x * b6;
    t6 = t7 + x * b7;
    t7 = x * b8 + (m << 20);
  }
  t1 += t0 >> 29;
  t2 += t1 >> 29;
  t3 += t2 >> 29;
  t4 += t3 >> 29;
  t5 += t4 >> 29;
  t6 += t5 >> 29;
  t7 += t6 >> 29;
  store<u64>(d, t0 & MASK_29);
  store<u64>(d, t1 & MASK_29, 8);
  store<u64>(d, t2 & MASK_29, 16);
  store<u64>(d, t3 & MASK_29, 24);
  store<u64>(d, t4 & MASK_29, 32);
  store<u64>(d, t5 & MASK_29, 40);
  store<u64>(d, t6 & MASK_29, 48);
  store<u64>(d, t7 & MASK_29, 56);
  store<u64>(d, t7 >> 29, 64);
  if (reduced) subtractOrder(d);
}

/** d = a·b / R, for factors of which the product is below R·ℓ. */
function multiplyMontgomery(d: usize, a: usize, b: usize): void {
  multiplyMontgomeryInto(d, a, b, true);
}

/** d = a·b / R, below 2ℓ, for factors of which the product is below R·ℓ: two such ones again, for example. */
function multiplyMontgomeryLazily(d: usize, a: usize, b: usize): void {
  multiplyMontgomeryInto(d, a, b, false);
}

/** d = a·b; the factors may be as large as 2^256. Uses scalar 22. */
export function multiplyScalars(d: usize, a: usize, b: usize): void {
  multiplyMontgomeryLazily(scalarAt(22), a, b);
  multiplyMontgomery(d, scalarAt(22), R_SQUARED);
}

/** d = the 64 bytes at `s` modulo ℓ. Uses scalar 22 and bytes 60 and 61. */
export function scalarFromWide(d: usize, s: usize): void {
  const padded = bytes(60);
  memory.copy(padded, s, 64);
  memory.fill(padded + 64, 0, 16);
  for (let i = 0; i < 18; i++) store<u64>(WIDE_SCALAR + <usize>(8 * i), limb(padded, i));
  reduceMontgomery(scalarAt(22));
  multiplyMontgomery(d, scalarAt(22), R_SQUARED);
}

/** d = a + b. */
export function addScalars(d: usize, a: usize, b: usize): void {
  let carry: u64 = 0;
  for (let i: usize = 0; i < 72; i += 8) {
    const sum = load<u64>(a + i) + load<u64>(b + i) + carry;
    store<u64>(d + i, i < 64 ? sum & MASK_29 : sum);
    carry = sum >> 29;
  }
  subtractOrder(d);
}

/** d = -a. Uses scalar 22. */
export function negateScalar(d: usize, a: usize): void {
  const difference = scalarAt(22);
  let borrow: i64 = 0;
  for (let i: usize = 0; i < 72; i += 8) {
    const limb = load<i64>(ORDER + i) - load<i64>(a + i) + borrow;
    store<u64>(difference + i, i < 64 ? (<u64>limb) & MASK_29 : <u64>limb);
    borrow = limb >> 29;
  }
  memory.copy(d, difference, SCALAR);
  subtractOrder(d); // ℓ - 0 is ℓ
}

/** d = a - b. Uses scalars 21 and 22. */
export function subtractScalars(d: usize, a: usize, b: usize): void {
  negateScalar(scalarAt(21), b);
  addScalars(d, a, scalarAt(21));
}

/** d = 1/a = a^(ℓ-2), or 0 for 0; four bits of the public exponent at a time. Uses scalars 4 to 22. */
export function invertScalar(d: usize, a: usize): void {
  // powers[i] = a^i, in Montgomery form
  const powers = scalarAt(4);
  multiplyMontgomeryLazily(powers + SCALAR, a, R_SQUARED);
  for (let i: usize = 2; i < 16; i++) {
    multiplyMontgomeryLazily(powers + i * SCALAR, powers + (i - 1) * SCALAR, powers + SCALAR);
  }
  const result = scalarAt(20);
  memory.copy(result, powers + SCALAR, SCALAR); // the top four bits of ℓ - 2 are 0001
  for (let i = 62; i >= 0; i--) {
    for (let j = 0; j < 4; j++) multiplyMontgomeryLazily(result, result, result);
    const byte = load<u8>(ORDER_MINUS_TWO + <usize>(i >> 1));
    const digit = <usize>(i & 1 ? byte >> 4 : byte & 15);
    if (digit) multiplyMontgomeryLazily(result, result, powers + digit * SCALAR);
  }
  const one = scalarAt(21);
  memory.fill(one, 0, SCALAR);
  store<u64>(one, 1);
  multiplyMontgomery(d, result, one);
}

/** 1 when the 32 bytes at `s` are an integer below ℓ, else 0. Uses scalars 20, 22 and bytes 61. */
export function isCanonicalScalar(s: usize): i32 {
  const value = scalarAt(20);
  scalarFromBytes(value, s);
  let borrow: i64 = 0;
  for (let i: usize = 0; i < 72; i += 8) {
    borrow = (load<i64>(value + i) - load<i64>(ORDER + i) + borrow) >> 29;
  }
  return <i32>-borrow;
}
