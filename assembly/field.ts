// The field GF(p), p = 2^255 - 19, two elements at a time.
//
// All arithmetic is on pairs: 80 bytes that hold two independent elements, the first and the second, in the two lanes
// of five vectors. Formulas that need one element put it into both or ignore the second. The contract, which each back
// end fulfils (d, a, b are pointers to pairs; any of them may be the same):
//
//   mul(d, a, b)            d = a·b in each lane; b may be what lookup returned
//   square(d, a)            d = a²
//   squareTimes(d, a, n)    d = a^(2^n), n ≥ 1
//   add, sub, neg           sums, differences, negatives
//   firsts(d, a, b)         d = (first of a, first of b)
//   seconds(d, a, b)        d = (second of a, second of b)
//   select(d, a, b, bits)   in lane i: d = b when bit i of `bits` is set, else a; constant-time
//   fromBytes(d, s, lane)   reads 32 bytes, little-endian, bit 255 ignored, into one lane
//   toBytes(s, a, lane)     writes the canonical 32 bytes of one lane
//   lookup(d, table, i, m)  point i of a table of 8 cached points (1 to 8; 0 is the neutral element), negated when m is
//                           -1 and not when it is 0; reads the whole table; constant-time
//   cachedSigned(d, c, m)   the cached point c, negated when m is -1 and not when it is 0; constant-time
//   doubleStage, addStage, finishDoubleForm, finishAddForm: the halves of the point formulas, see edwards.ts
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
export function lookup(d: usize, table: usize, index: i32, negate: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.lookup(d, table, index, negate);
  else extmul.lookup(d, table, index, negate);
}

@inline
export function cachedSigned(d: usize, c: usize, negate: i32): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.cachedSigned(d, c, negate);
  else extmul.cachedSigned(d, c, negate);
}

@inline
export function doubleStage(t: usize, p: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.doubleStage(t, p);
  else extmul.doubleStage(t, p);
}

@inline
export function addStage(t: usize, p: usize, c: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.addStage(t, p, c);
  else extmul.addStage(t, p, c);
}

@inline
export function finishDoubleForm(d: usize, t: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.finishDoubleForm(d, t);
  else extmul.finishDoubleForm(d, t);
}

@inline
export function finishAddForm(d: usize, t: usize): void {
  if (ASC_FEATURE_RELAXED_SIMD) fma.finishAddForm(d, t);
  else extmul.finishAddForm(d, t);
}
