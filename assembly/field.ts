// The field GF(p), p = 2^255 - 19, two elements at a time.
//
// All arithmetic is on pairs: 80 bytes that hold two independent elements, the first and the second, in the two lanes
// of five vectors. Formulas that need one element put it into both or ignore the second. The contract, which each back
// end fulfils (d, a, b are pointers to pairs; any of them may be the same):
//
//   mul(d, a, b)            d = a·b in each lane; b may be a part of a cached point
//   square(d, a)            d = a²
//   squareTimes(d, a, n)    d = a^(2^n), n ≥ 1
//   add, sub, neg           sums, differences, negatives
//   firsts(d, a, b)         d = (first of a, first of b)
//   seconds(d, a, b)        d = (second of a, second of b)
//   select(d, a, b, bits)   in lane i: d = b when bit i of `bits` is set, else a; constant-time
//   fromBytes(d, s, lane)   reads 32 bytes, little-endian, bit 255 ignored, into one lane
//   toBytes(s, a, lane)     writes the canonical 32 bytes of one lane
//   doubleSecond(d, a)      d = (first, 2·second of a), for cached points: only as the second operand of a product
//   storeNegatable(…)       one vector of a cached point, negated when the mask says so, see edwards-cached.ts
//   …Columns, combine…      products and the point formulas in between, see edwards-stages.ts
//
// Every function is constant-time: no branch and no address depends on an element, an index or a mask.

// The back end is chosen when the core is compiled: `--enable relaxed-simd` takes the one with fused multiply-add.

import * as extmul from './field-extmul';
import * as fma from './field-fma';

@inline
export function mul(d: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.mul(d, a, b);
  else extmul.mul(d, a, b);
}

@inline
export function square(d: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.square(d, a);
  else extmul.square(d, a);
}

@inline
export function squareTimes(d: usize, a: usize, count: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.squareTimes(d, a, count);
  else extmul.squareTimes(d, a, count);
}

@inline
export function add(d: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.add(d, a, b);
  else extmul.add(d, a, b);
}

@inline
export function sub(d: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.sub(d, a, b);
  else extmul.sub(d, a, b);
}

@inline
export function neg(d: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.neg(d, a);
  else extmul.neg(d, a);
}

@inline
export function firsts(d: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.firsts(d, a, b);
  else extmul.firsts(d, a, b);
}

@inline
export function seconds(d: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.seconds(d, a, b);
  else extmul.seconds(d, a, b);
}

@inline
export function doubleSecond(d: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.doubleSecond(d, a);
  else extmul.doubleSecond(d, a);
}

@inline
export function select(d: usize, a: usize, b: usize, bits: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.select(d, a, b, bits);
  else extmul.select(d, a, b, bits);
}

@inline
export function fromBytes(d: usize, s: usize, lane: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.fromBytes(d, s, lane);
  else extmul.fromBytes(d, s, lane);
}

@inline
export function toBytes(s: usize, a: usize, lane: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.toBytes(s, a, lane);
  else extmul.toBytes(s, a, lane);
}

@inline
export function multiplyColumns(columns: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.multiplyColumns(columns, a, b);
  else extmul.multiplyColumns(columns, a, b);
}

@inline
export function multiplyCrossColumns(columns: usize, a: usize, b: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.multiplyCrossColumns(columns, a, b);
  else extmul.multiplyCrossColumns(columns, a, b);
}

@inline
export function squareColumns(columns: usize, a: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.squareColumns(columns, a);
  else extmul.squareColumns(columns, a);
}

@inline
export function combineDouble(d: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.combineDouble(d);
  else extmul.combineDouble(d);
}

@inline
export function combineAdd(d: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.combineAdd(d);
  else extmul.combineAdd(d);
}

@inline
export function combineDoubleForm(d: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.combineDoubleForm(d);
  else extmul.combineDoubleForm(d);
}

@inline
export function combineAddForm(d: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.combineAddForm(d);
  else extmul.combineAddForm(d);
}

export const NEUTRAL_A: usize = ASC_FEATURE_RELAXED_SIMD ? fma.NEUTRAL_A : extmul.NEUTRAL_A;
export const NEUTRAL_B: usize = ASC_FEATURE_RELAXED_SIMD ? fma.NEUTRAL_B : extmul.NEUTRAL_B;

@inline
export function storeNegatable(d: usize, offset: usize, a: v128, b: v128, negate: v128): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.storeNegatable(d, offset, a, b, negate);
  else extmul.storeNegatable(d, offset, a, b, negate);
}
