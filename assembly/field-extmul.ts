// Pairs of elements of the field GF(2^255 - 19), on baseline SIMD (i64x2.extmul). See field.ts for the contract. Products,
// carrying, and the sums of columns in the point formulas are in files of their own beside this one.
//
// An element has ten limbs of 26, 25, 26, 25 … bits: x = Σ x[2i]·2^(51i) + x[2i+1]·2^(51i+26), limbs unsigned. Vector i
// of a pair (i = 0 to 4) has four 32-bit lanes:
//
//     first.x[2i], second.x[2i], first.x[2i+1], second.x[2i+1]
//
// so that extmul_low multiplies the even limbs of both elements, and extmul_high the odd ones.
//
// Invariants (checked by scripts/check-limb-bounds.js, which runs these formulas on intervals):
//   tight: x[even] ≤ 2^26 + 2^6, x[odd] ≤ 2^25 + 2^14. What every function here returns, but for cached points.
//   loose: at most twice that. What products take as their second operand; parts of cached points are loose.
//   columns: the ten sums of products before carrying, each below 2^61 (even) or 2^60 (odd).

import { FIELD_SCRATCH } from './memory';
import { storeCarriedOnce } from './field-extmul-carry';
import { multiplyInto, squareInto } from './field-extmul-products';

export { combineAdd, combineAddForm, combineDouble, combineDoubleForm } from './field-extmul-combine';
export { multiplyColumns, multiplyCrossColumns, squareColumns } from './field-extmul-products';

/** 2p: limbs 0 and 1 … */
const TWO_P_LOW: usize = memory.data<u32>([0x7ffffda, 0x7ffffda, 0x3fffffe, 0x3fffffe], 16);
/** … and all others. */
const TWO_P: usize = memory.data<u32>([0x7fffffe, 0x7fffffe, 0x3fffffe, 0x3fffffe], 16);

// --- the contract: arithmetic ------------------------------------------------------------------------------------

export function mul(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, false, true);
}

export function square(d: usize, a: usize): void {
  squareInto(d, a, 1, true);
}

export function squareTimes(d: usize, a: usize, count: i32): void {
  squareInto(d, a, count, true);
}

@inline
function addVector(a: usize, b: usize, offset: usize): v128 {
  return i32x4.add(v128.load(a + offset), v128.load(b + offset));
}

export function add(d: usize, a: usize, b: usize): void {
  storeCarriedOnce(
    d,
    addVector(a, b, 0),
    addVector(a, b, 16),
    addVector(a, b, 32),
    addVector(a, b, 48),
    addVector(a, b, 64),
  );
}

@inline
function subVector(a: usize, b: usize, offset: usize): v128 {
  return i32x4.sub(i32x4.add(v128.load(a + offset), v128.load(TWO_P)), v128.load(b + offset));
}

export function sub(d: usize, a: usize, b: usize): void {
  storeCarriedOnce(
    d,
    i32x4.sub(i32x4.add(v128.load(a), v128.load(TWO_P_LOW)), v128.load(b)),
    subVector(a, b, 16),
    subVector(a, b, 32),
    subVector(a, b, 48),
    subVector(a, b, 64),
  );
}

@inline
function negVector(a: usize, offset: usize): v128 {
  return i32x4.sub(v128.load(TWO_P), v128.load(a + offset));
}

export function neg(d: usize, a: usize): void {
  storeCarriedOnce(
    d,
    i32x4.sub(v128.load(TWO_P_LOW), v128.load(a)),
    negVector(a, 16),
    negVector(a, 32),
    negVector(a, 48),
    negVector(a, 64),
  );
}

// --- the contract: moving elements between lanes -----------------------------------------------------------------

export function firsts(d: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < 80; i += 16) {
    v128.store(d + i, v128.shuffle<i32>(v128.load(a + i), v128.load(b + i), 0, 4, 2, 6));
  }
}

export function seconds(d: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < 80; i += 16) {
    v128.store(d + i, v128.shuffle<i32>(v128.load(a + i), v128.load(b + i), 1, 5, 3, 7));
  }
}

export function doubleSecond(d: usize, a: usize): void {
  const mask = v128.load(SECOND_LANES);
  for (let i: usize = 0; i < 80; i += 16) {
    const x = v128.load(a + i);
    v128.store(d + i, i32x4.add(x, v128.and(x, mask)));
  }
}

/** All ones in the lanes of the elements whose bit is set in `bits`. */
@inline
function laneMask(bits: i32): v128 {
  const mask: u64 = (<u64>(<u32>(0 - (bits & 1)))) | ((<u64>(0 - (bits >> 1))) << 32);
  return i64x2.splat(mask);
}

export function select(d: usize, a: usize, b: usize, bits: i32): void {
  const mask = laneMask(bits);
  for (let i: usize = 0; i < 80; i += 16) {
    v128.store(d + i, v128.bitselect(v128.load(b + i), v128.load(a + i), mask));
  }
}

// --- the contract: bytes -----------------------------------------------------------------------------------------

export function fromBytes(d: usize, s: usize, lane: i32): void {
  const w0 = load<u64>(s);
  const w1 = load<u64>(s, 8);
  const w2 = load<u64>(s, 16);
  const w3 = load<u64>(s, 24);
  d += <usize>(lane << 2);
  store<u32>(d, <u32>(w0 & 0x3ffffff));
  store<u32>(d, <u32>((w0 >> 26) & 0x1ffffff), 8);
  store<u32>(d, <u32>(((w0 >> 51) | (w1 << 13)) & 0x3ffffff), 16);
  store<u32>(d, <u32>((w1 >> 13) & 0x1ffffff), 24);
  store<u32>(d, <u32>((w1 >> 38) & 0x3ffffff), 32);
  store<u32>(d, <u32>(w2 & 0x1ffffff), 40);
  store<u32>(d, <u32>((w2 >> 25) & 0x3ffffff), 48);
  store<u32>(d, <u32>(((w2 >> 51) | (w3 << 13)) & 0x1ffffff), 56);
  store<u32>(d, <u32>((w3 >> 12) & 0x3ffffff), 64);
  store<u32>(d, <u32>((w3 >> 38) & 0x1ffffff), 72);
}

const MASK_51: u64 = 0x7ffffffffffff;

/** Two limbs as one of 51 bits (and a little more). */
@inline
function joined(a: usize): u64 {
  return <u64>load<u32>(a) + ((<u64>load<u32>(a, 8)) << 26);
}

export function toBytes(s: usize, a: usize, lane: i32): void {
  a += <usize>(lane << 2);
  let x0 = joined(a);
  let x1 = joined(a + 16) + (x0 >> 51);
  let x2 = joined(a + 32) + (x1 >> 51);
  let x3 = joined(a + 48) + (x2 >> 51);
  let x4 = joined(a + 64) + (x3 >> 51);
  x0 = (x0 & MASK_51) + 19 * (x4 >> 51);
  x1 &= MASK_51;
  x2 &= MASK_51;
  x3 &= MASK_51;
  x4 &= MASK_51;
  // Now the value is below 2^255 + 2^7·19, at most twice p: is it p or more?
  let q = (x0 + 19) >> 51;
  q = (x1 + q) >> 51;
  q = (x2 + q) >> 51;
  q = (x3 + q) >> 51;
  q = (x4 + q) >> 51;
  x0 += 19 * q;
  x1 += x0 >> 51;
  x2 += x1 >> 51;
  x3 += x2 >> 51;
  x4 += x3 >> 51;
  x0 &= MASK_51;
  x1 &= MASK_51;
  x2 &= MASK_51;
  x3 &= MASK_51;
  x4 &= MASK_51;
  store<u64>(s, x0 | (x1 << 51));
  store<u64>(s, (x1 >> 13) | (x2 << 38), 8);
  store<u64>(s, (x2 >> 26) | (x3 << 25), 16);
  store<u64>(s, (x3 >> 39) | (x4 << 12), 24);
}

// --- the contract: cached points ---------------------------------------------------------------------------------

/** The neutral element in cached form: its vectors 0 and 5, all others are zero. */
export const NEUTRAL_A: usize = memory.data<u32>([1, 2, 0, 0], 16);
export const NEUTRAL_B: usize = memory.data<u32>([1, 0, 0, 0], 16);
const FIRST_LANES: usize = memory.data<u32>([0xffffffff, 0, 0xffffffff, 0], 16);
const SECOND_LANES: usize = memory.data<u32>([0, 0xffffffff, 0, 0xffffffff], 16);

/** Negates one vector of a cached point: exchanges Y-X and Y+X (first lanes), negates 2dT (second lane of `b`). */
@inline
export function storeNegatable(d: usize, offset: usize, a: v128, b: v128, negate: v128): void {
  const exchanged = v128.and(v128.and(negate, v128.load(FIRST_LANES)), v128.xor(a, b));
  v128.store(d + offset, v128.xor(a, exchanged));
  b = v128.xor(b, exchanged);
  const minus = i32x4.sub(v128.load(offset ? TWO_P : TWO_P_LOW), b);
  v128.store(d + 80 + offset, v128.bitselect(minus, b, v128.and(negate, v128.load(SECOND_LANES))));
}
