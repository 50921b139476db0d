// Pairs of elements of the field GF(2^255 - 19), on relaxed SIMD with fused multiply-add. See field.ts for the contract.
// Products, carrying, and the sums of columns in the point formulas are in files of their own beside this one.
// Only for engines in which `relaxed_madd` rounds once (probe.ts): where it rounds twice, results are wrong.
//
// An element has five limbs of 51 bits, balanced around zero, as 64-bit floats: x = Σ x[i]·2^(51i). Vector i of a pair
// (i = 0 to 4) holds limb i of the first and of the second element.
//
// A product of limbs, up to 2^102 in size, is split exactly at 2^51. With C = 1.5·2^103, whose unit in the last place is
// 2^51,
//
//     high = fma(a, b, C)                      rounds a·b to a multiple of 2^51: C + H·2^51
//     low  = fma(a, b, (C + 1.5·2^52) - high)  the rest, exact: 1.5·2^52 + L, with a·b = H·2^51 + L
//
// and as 64-bit integers the two are constants (the bits of C and of 1.5·2^52) plus H and L. So columns are sums of integers
// from which known constants are taken away.
//
// Invariants (checked by scripts/check-limb-bounds.js, which runs these formulas on intervals):
//   tight: |x[i]| ≤ 2^50 + 2^10. What every function here returns, but doubleSecond.
//   products: |a[i]·b[j]| < 2^102, so one of two tight factors may be doubled, not both.
//   columns: below 2^60 in size before carrying.

import { storeCarriedOnce } from './field-fma-carry';
import { multiplyInto, squareInto } from './field-fma-products';

export { combineAdd, combineAddForm, combineDouble, combineDoubleForm } from './field-fma-combine';
export { multiplyColumns, multiplyCrossColumns, squareColumns } from './field-fma-products';

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

export function add(d: usize, a: usize, b: usize): void {
  storeCarriedOnce(
    d,
    f64x2.add(v128.load(a), v128.load(b)),
    f64x2.add(v128.load(a, 16), v128.load(b, 16)),
    f64x2.add(v128.load(a, 32), v128.load(b, 32)),
    f64x2.add(v128.load(a, 48), v128.load(b, 48)),
    f64x2.add(v128.load(a, 64), v128.load(b, 64)),
  );
}

export function sub(d: usize, a: usize, b: usize): void {
  storeCarriedOnce(
    d,
    f64x2.sub(v128.load(a), v128.load(b)),
    f64x2.sub(v128.load(a, 16), v128.load(b, 16)),
    f64x2.sub(v128.load(a, 32), v128.load(b, 32)),
    f64x2.sub(v128.load(a, 48), v128.load(b, 48)),
    f64x2.sub(v128.load(a, 64), v128.load(b, 64)),
  );
}

export function neg(d: usize, a: usize): void {
  for (let i: usize = 0; i < 80; i += 16) v128.store(d + i, f64x2.neg(v128.load(a + i)));
}

const ONE_AND_TWO: usize = memory.data<f64>([1, 2], 16);

// --- the contract: moving elements between lanes -----------------------------------------------------------------

export function firsts(d: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < 80; i += 16) {
    v128.store(d + i, v128.shuffle<i64>(v128.load(a + i), v128.load(b + i), 0, 2));
  }
}

export function seconds(d: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < 80; i += 16) {
    v128.store(d + i, v128.shuffle<i64>(v128.load(a + i), v128.load(b + i), 1, 3));
  }
}

export function doubleSecond(d: usize, a: usize): void {
  for (let i: usize = 0; i < 80; i += 16) v128.store(d + i, f64x2.mul(v128.load(a + i), v128.load(ONE_AND_TWO)));
}

export function select(d: usize, a: usize, b: usize, bits: i32): void {
  const mask = i64x2.replace_lane(i64x2.splat(-((<i64>bits) & 1)), 1, -((<i64>bits) >> 1));
  for (let i: usize = 0; i < 80; i += 16) {
    v128.store(d + i, v128.bitselect(v128.load(b + i), v128.load(a + i), mask));
  }
}

// --- the contract: bytes -----------------------------------------------------------------------------------------

const LOW_51: i64 = 0x7ffffffffffff;
const HALF: i64 = 0x4000000000000;

export function fromBytes(d: usize, s: usize, lane: i32): void {
  const w0 = load<u64>(s);
  const w1 = load<u64>(s, 8);
  const w2 = load<u64>(s, 16);
  const w3 = load<u64>(s, 24);
  let x0 = (<i64>w0) & LOW_51;
  let x1 = (<i64>((w0 >> 51) | (w1 << 13))) & LOW_51;
  let x2 = (<i64>((w1 >> 38) | (w2 << 26))) & LOW_51;
  let x3 = (<i64>((w2 >> 25) | (w3 << 39))) & LOW_51;
  let x4 = (<i64>(w3 >> 12)) & LOW_51;
  // balanced: from 2^50 on, a limb gives 2^51 to the next
  let carry = (x0 + HALF) >> 51;
  x0 -= carry << 51;
  x1 += carry;
  carry = (x1 + HALF) >> 51;
  x1 -= carry << 51;
  x2 += carry;
  carry = (x2 + HALF) >> 51;
  x2 -= carry << 51;
  x3 += carry;
  carry = (x3 + HALF) >> 51;
  x3 -= carry << 51;
  x4 += carry;
  carry = (x4 + HALF) >> 51;
  x4 -= carry << 51;
  x0 += 19 * carry;
  d += <usize>(lane << 3);
  store<f64>(d, <f64>x0);
  store<f64>(d, <f64>x1, 16);
  store<f64>(d, <f64>x2, 32);
  store<f64>(d, <f64>x3, 48);
  store<f64>(d, <f64>x4, 64);
}

/** A limb as an integer: adding 1.5·2^52 puts it into the low bits. */
@inline
function integer(a: usize): i64 {
  return reinterpret<i64>(load<f64>(a) + 6755399441055744.0) - 0x4338000000000000;
}

export function toBytes(s: usize, a: usize, lane: i32): void {
  a += <usize>(lane << 3);
  // plus p: positive, and below 2p
  let x0 = integer(a) + 0x7ffffffffffed;
  let x1 = integer(a + 16) + LOW_51;
  let x2 = integer(a + 32) + LOW_51;
  let x3 = integer(a + 48) + LOW_51;
  let x4 = integer(a + 64) + LOW_51;
  x1 += x0 >> 51;
  x0 &= LOW_51;
  x2 += x1 >> 51;
  x1 &= LOW_51;
  x3 += x2 >> 51;
  x2 &= LOW_51;
  x4 += x3 >> 51;
  x3 &= LOW_51;
  x0 += 19 * (x4 >> 51);
  x4 &= LOW_51;
  // Below 2^255 + 19: is it p or more?
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
  x0 &= LOW_51;
  x1 &= LOW_51;
  x2 &= LOW_51;
  x3 &= LOW_51;
  x4 &= LOW_51;
  store<u64>(s, x0 | (x1 << 51));
  store<u64>(s, (x1 >> 13) | (x2 << 38), 8);
  store<u64>(s, (x2 >> 26) | (x3 << 25), 16);
  store<u64>(s, (x3 >> 39) | (x4 << 12), 24);
}

// --- the contract: cached points ---------------------------------------------------------------------------------

/** The neutral element in cached form: its vectors 0 and 5, all others are zero. */
export const NEUTRAL_A: usize = memory.data<f64>([1, 2], 16);
export const NEUTRAL_B: usize = memory.data<f64>([1, 0], 16);
const SIGN_SECOND: usize = memory.data<u64>([0, 0x8000000000000000], 16);
const LANE_FIRST: usize = memory.data<u64>([0xffffffffffffffff, 0], 16);

/** Negates one vector of a cached point: exchanges Y-X and Y+X (first lanes), negates 2dT (second lane of `b`). */
@inline
export function storeNegatable(d: usize, offset: usize, a: v128, b: v128, negate: v128): void {
  const exchanged = v128.and(v128.and(negate, v128.load(LANE_FIRST)), v128.xor(a, b));
  v128.store(d + offset, v128.xor(a, exchanged));
  const sign = v128.and(negate, v128.load(SIGN_SECOND));
  v128.store(d + 80 + offset, v128.xor(v128.xor(b, exchanged), sign));
}
