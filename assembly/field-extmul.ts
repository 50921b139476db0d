// Pairs of elements of the field GF(2^255 - 19), on baseline SIMD (i64x2.extmul). See field.ts for the contract.
//
// An element has ten limbs of 26, 25, 26, 25 … bits: x = Σ x[2i]·2^(51i) + x[2i+1]·2^(51i+26), limbs unsigned. Vector i
// of a pair (i = 0 to 4) has four 32-bit lanes:
//
//     first.x[2i], second.x[2i], first.x[2i+1], second.x[2i+1]
//
// so that extmul_low multiplies the even limbs of both elements, and extmul_high the odd ones.
//
// Invariants (checked by scripts/check-limb-bounds.js, which runs these formulas on intervals):
//   tight: x[even] ≤ 2^26 + 2^6, x[odd] ≤ 2^25 + 2^14. What every function here returns, but lookup.
//   loose: at most twice 2^26, 2^25. What `mul` takes as its second operand (lookup returns it).
//   columns: the ten sums of products before carrying, each below 2^61 (even) or 2^60 (odd).

import { FIELD_SCRATCH } from './memory';

/** Inside a product: columns 0, 2, 4, 6 and 8, and the sums of even and odd products. */
const EVEN: usize = FIELD_SCRATCH;
const BOTH: usize = FIELD_SCRATCH + 80;
/** Columns of two products, for the formulas that combine them before carrying. */
const FIRST: usize = FIELD_SCRATCH + 240;
const SECOND: usize = FIELD_SCRATCH + 400;

// Constants are loaded from memory: some versions of V8 would rebuild a literal at each use.
const NINETEEN: usize = memory.data<u32>([19, 19, 19, 19], 16);
const NINETEEN_FIRST: usize = memory.data<u32>([19, 19, 1, 1], 16);
const MASK_26: usize = memory.data<u64>([0x3ffffff, 0x3ffffff], 16);
const MASK_25: usize = memory.data<u64>([0x1ffffff, 0x1ffffff], 16);
const LIMB_MASK: usize = memory.data<u32>([0x3ffffff, 0x3ffffff, 0x1ffffff, 0x1ffffff], 16);
const EVEN_LANES: usize = memory.data<u32>([0xffffffff, 0xffffffff, 0, 0], 16);
/** 2p: limbs 0 and 1 … */
const TWO_P_LOW: usize = memory.data<u32>([0x7ffffda, 0x7ffffda, 0x3fffffe, 0x3fffffe], 16);
/** … and all others. */
const TWO_P: usize = memory.data<u32>([0x7fffffe, 0x7fffffe, 0x3fffffe, 0x3fffffe], 16);
// 2^35·p, added to columns that a subtraction could make negative.
const BIAS_0: usize = memory.data<u64>([0x3ffffed << 35, 0x3ffffed << 35], 16);
const BIAS_EVEN: usize = memory.data<u64>([0x3ffffff << 35, 0x3ffffff << 35], 16);
const BIAS_ODD: usize = memory.data<u64>([0x1ffffff << 35, 0x1ffffff << 35], 16);

// --- products ----------------------------------------------------------------------------------------------------

@inline
function low(a: v128, b: v128): v128 {
  return i64x2.extmul_low_i32x4_u(a, b);
}

@inline
function add5(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return i64x2.add(i64x2.add(i64x2.add(a, b), i64x2.add(c, d)), e);
}

@inline
function swapHalves(x: v128): v128 {
  return v128.shuffle<i64>(x, x, 1, 0);
}

/**
 * The columns of a·b (with b's elements exchanged for `cross`), stored as they are or carried.
 *
 * With E, O and S the products of even limbs, of odd limbs and of their sums, each of five limbs by five modulo
 * 2^255 = 19: column 2i is E[i] + 2·O[i-1] (since 2^26·2^26 = 2·2^51), where O[-1] is 19·O[4], and column 2i+1 is
 * S[i] - E[i] - O[i].
 */
@inline
function multiplyInto(d: usize, a: usize, b: usize, cross: bool, carry: bool): void {
  const n19 = v128.load(NINETEEN);
  const a0 = v128.load(a);
  const a1 = v128.load(a, 16);
  const a2 = v128.load(a, 32);
  const a3 = v128.load(a, 48);
  const a4 = v128.load(a, 64);
  const b0 = operand(b, cross);
  const b1 = operand(b + 16, cross);
  const b2 = operand(b + 32, cross);
  const b3 = operand(b + 48, cross);
  const b4 = operand(b + 64, cross);
  const c1 = i32x4.mul(b1, n19);
  const c2 = i32x4.mul(b2, n19);
  const c3 = i32x4.mul(b3, n19);
  const c4 = i32x4.mul(b4, n19);
  const e0 = add5(low(a0, b0), low(a1, c4), low(a2, c3), low(a3, c2), low(a4, c1));
  const e1 = add5(low(a0, b1), low(a1, b0), low(a2, c4), low(a3, c3), low(a4, c2));
  const e2 = add5(low(a0, b2), low(a1, b1), low(a2, b0), low(a3, c4), low(a4, c3));
  const e3 = add5(low(a0, b3), low(a1, b2), low(a2, b1), low(a3, b0), low(a4, c4));
  const e4 = add5(low(a0, b4), low(a1, b3), low(a2, b2), low(a3, b1), low(a4, b0));
  const o0 = add5(high(a0, b0), high(a1, c4), high(a2, c3), high(a3, c2), high(a4, c1));
  v128.store(EVEN, i64x2.add(e1, i64x2.add(o0, o0)), 16);
  v128.store(BOTH, i64x2.add(e0, o0));
  const o1 = add5(high(a0, b1), high(a1, b0), high(a2, c4), high(a3, c3), high(a4, c2));
  v128.store(EVEN, i64x2.add(e2, i64x2.add(o1, o1)), 32);
  v128.store(BOTH, i64x2.add(e1, o1), 16);
  const o2 = add5(high(a0, b2), high(a1, b1), high(a2, b0), high(a3, c4), high(a4, c3));
  v128.store(EVEN, i64x2.add(e3, i64x2.add(o2, o2)), 48);
  v128.store(BOTH, i64x2.add(e2, o2), 32);
  const o3 = add5(high(a0, b3), high(a1, b2), high(a2, b1), high(a3, b0), high(a4, c4));
  v128.store(EVEN, i64x2.add(e4, i64x2.add(o3, o3)), 64);
  v128.store(BOTH, i64x2.add(e3, o3), 48);
  const o4 = add5(high(a0, b4), high(a1, b3), high(a2, b2), high(a3, b1), high(a4, b0));
  v128.store(EVEN, i64x2.add(e0, times38(o4)));
  v128.store(BOTH, i64x2.add(e4, o4), 64);
  const s0 = withSwapped(a0);
  const s1 = withSwapped(a1);
  const s2 = withSwapped(a2);
  const s3 = withSwapped(a3);
  const s4 = withSwapped(a4);
  const t0 = withSwapped(b0);
  const t1 = withSwapped(b1);
  const t2 = withSwapped(b2);
  const t3 = withSwapped(b3);
  const t4 = withSwapped(b4);
  const u1 = withSwapped(c1);
  const u2 = withSwapped(c2);
  const u3 = withSwapped(c3);
  const u4 = withSwapped(c4);
  const m0 = add5(low(s0, t0), low(s1, u4), low(s2, u3), low(s3, u2), low(s4, u1));
  const h1 = i64x2.sub(m0, v128.load(BOTH));
  const m1 = add5(low(s0, t1), low(s1, t0), low(s2, u4), low(s3, u3), low(s4, u2));
  const h3 = i64x2.sub(m1, v128.load(BOTH, 16));
  const m2 = add5(low(s0, t2), low(s1, t1), low(s2, t0), low(s3, u4), low(s4, u3));
  const h5 = i64x2.sub(m2, v128.load(BOTH, 32));
  const m3 = add5(low(s0, t3), low(s1, t2), low(s2, t1), low(s3, t0), low(s4, u4));
  const h7 = i64x2.sub(m3, v128.load(BOTH, 48));
  const m4 = add5(low(s0, t4), low(s1, t3), low(s2, t2), low(s3, t1), low(s4, t0));
  const h9 = i64x2.sub(m4, v128.load(BOTH, 64));
  const h0 = v128.load(EVEN);
  const h2 = v128.load(EVEN, 16);
  const h4 = v128.load(EVEN, 32);
  const h6 = v128.load(EVEN, 48);
  const h8 = v128.load(EVEN, 64);
  if (carry) storeCarried(d, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9);
  else storeColumns(d, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9);
}

@inline
function operand(p: usize, cross: bool): v128 {
  const x = v128.load(p);
  return cross ? swapLanes(x) : x;
}

@inline
function high(a: v128, b: v128): v128 {
  return i64x2.extmul_high_i32x4_u(a, b);
}

@inline
function add3(a: v128, b: v128, c: v128): v128 {
  return i64x2.add(a, i64x2.add(b, c));
}

@inline
function withSwapped(x: v128): v128 {
  return i32x4.add(x, swapHalves(x));
}

/**
 * The columns of a², stored as they are; or, for `carry`, a^(2^count), with the limbs in registers all the while. Equal
 * products are taken once.
 */
@inline
function squareInto(d: usize, a: usize, count: i32, carry: bool): void {
  const n19 = v128.load(NINETEEN);
  const m26 = v128.load(MASK_26);
  const m25 = v128.load(MASK_25);
  let a0 = v128.load(a);
  let a1 = v128.load(a, 16);
  let a2 = v128.load(a, 32);
  let a3 = v128.load(a, 48);
  let a4 = v128.load(a, 64);
  do {
    const b0 = i32x4.add(a0, a0);
    const b1 = i32x4.add(a1, a1);
    const b2 = i32x4.add(a2, a2);
    const b3 = i32x4.add(a3, a3);
    const c3 = i32x4.mul(a3, n19);
    const c4 = i32x4.mul(a4, n19);
    const e0 = add3(low(a0, a0), low(b1, c4), low(b2, c3));
    const e1 = add3(low(b0, a1), low(b2, c4), low(a3, c3));
    const e2 = add3(low(b0, a2), low(a1, a1), low(b3, c4));
    const e3 = add3(low(b0, a3), low(b1, a2), low(a4, c4));
    const e4 = add3(low(b0, a4), low(b1, a3), low(a2, a2));
    const o0 = add3(high(a0, a0), high(b1, c4), high(b2, c3));
    const o1 = add3(high(b0, a1), high(b2, c4), high(a3, c3));
    const o2 = add3(high(b0, a2), high(a1, a1), high(b3, c4));
    const o3 = add3(high(b0, a3), high(b1, a2), high(a4, c4));
    const o4 = add3(high(b0, a4), high(b1, a3), high(a2, a2));
    const s0 = withSwapped(a0);
    const s1 = withSwapped(a1);
    const s2 = withSwapped(a2);
    const s3 = withSwapped(a3);
    const s4 = withSwapped(a4);
    const t0 = i32x4.add(s0, s0);
    const t1 = i32x4.add(s1, s1);
    const t2 = i32x4.add(s2, s2);
    const t3 = i32x4.add(s3, s3);
    const u3 = withSwapped(c3);
    const u4 = withSwapped(c4);
    const m0 = add3(low(s0, s0), low(t1, u4), low(t2, u3));
    const m1 = add3(low(t0, s1), low(t2, u4), low(s3, u3));
    const m2 = add3(low(t0, s2), low(s1, s1), low(t3, u4));
    const m3 = add3(low(t0, s3), low(t1, s2), low(s4, u4));
    const m4 = add3(low(t0, s4), low(t1, s3), low(s2, s2));
    let h0 = i64x2.add(e0, times38(o4));
    let h1 = i64x2.sub(i64x2.sub(m0, e0), o0);
    let h2 = i64x2.add(e1, i64x2.add(o0, o0));
    let h3 = i64x2.sub(i64x2.sub(m1, e1), o1);
    let h4 = i64x2.add(e2, i64x2.add(o1, o1));
    let h5 = i64x2.sub(i64x2.sub(m2, e2), o2);
    let h6 = i64x2.add(e3, i64x2.add(o2, o2));
    let h7 = i64x2.sub(i64x2.sub(m3, e3), o3);
    let h8 = i64x2.add(e4, i64x2.add(o3, o3));
    let h9 = i64x2.sub(i64x2.sub(m4, e4), o4);
    if (!carry) {
      storeColumns(d, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9);
      return;
    }
    // the same chains as in storeCarried
    h1 = i64x2.add(h1, i64x2.shr_u(h0, 26));
    h0 = v128.and(h0, m26);
    h5 = i64x2.add(h5, i64x2.shr_u(h4, 26));
    h4 = v128.and(h4, m26);
    h2 = i64x2.add(h2, i64x2.shr_u(h1, 25));
    h1 = v128.and(h1, m25);
    h6 = i64x2.add(h6, i64x2.shr_u(h5, 25));
    h5 = v128.and(h5, m25);
    h3 = i64x2.add(h3, i64x2.shr_u(h2, 26));
    h2 = v128.and(h2, m26);
    h7 = i64x2.add(h7, i64x2.shr_u(h6, 26));
    h6 = v128.and(h6, m26);
    h4 = i64x2.add(h4, i64x2.shr_u(h3, 25));
    h3 = v128.and(h3, m25);
    h8 = i64x2.add(h8, i64x2.shr_u(h7, 25));
    h7 = v128.and(h7, m25);
    h5 = i64x2.add(h5, i64x2.shr_u(h4, 26));
    h4 = v128.and(h4, m26);
    h9 = i64x2.add(h9, i64x2.shr_u(h8, 26));
    h8 = v128.and(h8, m26);
    h0 = i64x2.add(h0, times19(i64x2.shr_u(h9, 25)));
    h9 = v128.and(h9, m25);
    h1 = i64x2.add(h1, i64x2.shr_u(h0, 26));
    h0 = v128.and(h0, m26);
    a0 = joinLimbs(h0, h1);
    a1 = joinLimbs(h2, h3);
    a2 = joinLimbs(h4, h5);
    a3 = joinLimbs(h6, h7);
    a4 = joinLimbs(h8, h9);
  } while (--count > 0);
  v128.store(d, a0);
  v128.store(d, a1, 16);
  v128.store(d, a2, 32);
  v128.store(d, a3, 48);
  v128.store(d, a4, 64);
}

@inline
function storeColumns(
  d: usize,
  h0: v128,
  h1: v128,
  h2: v128,
  h3: v128,
  h4: v128,
  h5: v128,
  h6: v128,
  h7: v128,
  h8: v128,
  h9: v128,
): void {
  v128.store(d, h0);
  v128.store(d, h1, 16);
  v128.store(d, h2, 32);
  v128.store(d, h3, 48);
  v128.store(d, h4, 64);
  v128.store(d, h5, 80);
  v128.store(d, h6, 96);
  v128.store(d, h7, 112);
  v128.store(d, h8, 128);
  v128.store(d, h9, 144);
}

@inline
function times38(x: v128): v128 {
  return i64x2.add(i64x2.add(i64x2.shl(x, 5), i64x2.shl(x, 2)), i64x2.shl(x, 1));
}

/** The columns of a·b. */
function multiplyColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, false, false);
}

/** The columns of a·b with the two elements of b exchanged. */
function multiplyCrossColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, true, false);
}

/** The columns of a². */
function squareColumns(d: usize, a: usize): void {
  squareInto(d, a, 1, false);
}

@inline
function swapLanes(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 1, 0, 3, 2);
}

// --- carrying ----------------------------------------------------------------------------------------------------

@inline
function times19(x: v128): v128 {
  return i64x2.add(i64x2.add(x, i64x2.shl(x, 1)), i64x2.shl(x, 4));
}

@inline
function joinLimbs(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 0, 2, 4, 6);
}

/**
 * Carries ten columns (below 2^62) and stores the pair, tight. Two chains run side by side, 0 to 5 and 4 to 0, and meet:
 * each limb is reduced once, limbs 0 and 4 twice.
 */
@inline
function storeCarried(
  d: usize,
  h0: v128,
  h1: v128,
  h2: v128,
  h3: v128,
  h4: v128,
  h5: v128,
  h6: v128,
  h7: v128,
  h8: v128,
  h9: v128,
): void {
  const m26 = v128.load(MASK_26);
  const m25 = v128.load(MASK_25);
  h1 = i64x2.add(h1, i64x2.shr_u(h0, 26));
  h0 = v128.and(h0, m26);
  h5 = i64x2.add(h5, i64x2.shr_u(h4, 26));
  h4 = v128.and(h4, m26);
  h2 = i64x2.add(h2, i64x2.shr_u(h1, 25));
  h1 = v128.and(h1, m25);
  h6 = i64x2.add(h6, i64x2.shr_u(h5, 25));
  h5 = v128.and(h5, m25);
  h3 = i64x2.add(h3, i64x2.shr_u(h2, 26));
  h2 = v128.and(h2, m26);
  h7 = i64x2.add(h7, i64x2.shr_u(h6, 26));
  h6 = v128.and(h6, m26);
  h4 = i64x2.add(h4, i64x2.shr_u(h3, 25));
  h3 = v128.and(h3, m25);
  h8 = i64x2.add(h8, i64x2.shr_u(h7, 25));
  h7 = v128.and(h7, m25);
  h5 = i64x2.add(h5, i64x2.shr_u(h4, 26));
  h4 = v128.and(h4, m26);
  h9 = i64x2.add(h9, i64x2.shr_u(h8, 26));
  h8 = v128.and(h8, m26);
  h0 = i64x2.add(h0, times19(i64x2.shr_u(h9, 25)));
  h9 = v128.and(h9, m25);
  h1 = i64x2.add(h1, i64x2.shr_u(h0, 26));
  h0 = v128.and(h0, m26);
  v128.store(d, joinLimbs(h0, h1));
  v128.store(d, joinLimbs(h2, h3), 16);
  v128.store(d, joinLimbs(h4, h5), 32);
  v128.store(d, joinLimbs(h6, h7), 48);
  v128.store(d, joinLimbs(h8, h9), 64);
}

/** Carries of one vector of 32-bit limbs: 26 bits from the even ones, 25 from the odd ones. */
@inline
function carries(x: v128): v128 {
  return v128.bitselect(i32x4.shr_u(x, 26), i32x4.shr_u(x, 25), v128.load(EVEN_LANES));
}

/** `x` without its own carries, plus the odd carries of the vector before it and its own even ones. */
@inline
function carried(x: v128, before: v128, own: v128): v128 {
  return i32x4.add(v128.and(x, v128.load(LIMB_MASK)), v128.shuffle<i64>(before, own, 1, 2));
}

/** Carries 32-bit limbs once, all at the same time, and stores the pair: enough for sums of a few tight ones. */
@inline
function storeCarriedOnce(d: usize, x0: v128, x1: v128, x2: v128, x3: v128, x4: v128): void {
  const c0 = carries(x0);
  const c1 = carries(x1);
  const c2 = carries(x2);
  const c3 = carries(x3);
  const c4 = carries(x4);
  const into0 = i32x4.mul(v128.shuffle<i64>(c4, c0, 1, 2), v128.load(NINETEEN_FIRST));
  v128.store(d, i32x4.add(v128.and(x0, v128.load(LIMB_MASK)), into0));
  v128.store(d, carried(x1, c0, c1), 16);
  v128.store(d, carried(x2, c1, c2), 32);
  v128.store(d, carried(x3, c2, c3), 48);
  v128.store(d, carried(x4, c3, c4), 64);
}

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

// --- the contract: the two halves of the point formulas ----------------------------------------------------------
// See edwards.ts for what they compute. Sums and differences are taken on columns, before the one carry.

@inline
function biasOf(offset: usize): v128 {
  return v128.load(offset == 0 ? BIAS_0 : offset & 16 ? BIAS_ODD : BIAS_EVEN);
}

/** Limb of (E, G) for doubling, from FIRST = (X², Y²) and SECOND = ((X+Y)², Z²): E = (X+Y)² - X² - Y², G = Y² - X². */
@inline
function doubleEG(offset: usize): v128 {
  const squares = v128.load(FIRST + offset);
  const swapped = swapHalves(squares);
  const e = i64x2.sub(v128.load(SECOND + offset), i64x2.add(squares, swapped));
  return i64x2.add(v128.shuffle<i64>(e, i64x2.sub(squares, swapped), 0, 3), biasOf(offset));
}

/** Limb of (-F, -H) for doubling: -F = 2Z² + X² - Y², -H = X² + Y². */
@inline
function doubleFH(offset: usize): v128 {
  const squares = v128.load(FIRST + offset);
  const swapped = swapHalves(squares);
  const z = swapHalves(v128.load(SECOND + offset));
  const f = i64x2.add(i64x2.add(i64x2.sub(squares, swapped), biasOf(offset)), i64x2.add(z, z));
  return v128.shuffle<i64>(f, i64x2.add(squares, swapped), 0, 2);
}

/** Limb of (-E, G) for addition, from FIRST = (A, D) and SECOND = (B, C): -E = A - B, G = D + C. */
@inline
function addEG(offset: usize): v128 {
  const first = v128.load(FIRST + offset);
  const second = v128.load(SECOND + offset);
  const difference = i64x2.add(i64x2.sub(first, second), biasOf(offset));
  return v128.shuffle<i64>(difference, i64x2.add(first, second), 0, 3);
}

/** Limb of (F, H) for addition: F = D - C, H = B + A. */
@inline
function addFH(offset: usize): v128 {
  const first = v128.load(FIRST + offset);
  const second = v128.load(SECOND + offset);
  const difference = i64x2.add(i64x2.sub(first, second), biasOf(offset));
  return v128.shuffle<i64>(difference, i64x2.add(first, second), 1, 2);
}

/** Limb of (X+Y, Z), from FIRST = (X, Y) and SECOND = (T, Z). */
@inline
function sumAndZ(offset: usize): v128 {
  const xy = v128.load(FIRST + offset);
  return v128.shuffle<i64>(i64x2.add(xy, swapHalves(xy)), v128.load(SECOND + offset), 0, 3);
}

/** Limb of (Y-X, Z). */
@inline
function differenceAndZ(offset: usize): v128 {
  const xy = v128.load(FIRST + offset);
  const difference = i64x2.add(i64x2.sub(swapHalves(xy), xy), biasOf(offset));
  return v128.shuffle<i64>(difference, v128.load(SECOND + offset), 0, 3);
}

/** Limb of (Y+X, T). */
@inline
function sumAndT(offset: usize): v128 {
  const xy = v128.load(FIRST + offset);
  return v128.shuffle<i64>(i64x2.add(xy, swapHalves(xy)), v128.load(SECOND + offset), 0, 2);
}

function combineDouble(d: usize): void {
  storeCarried(
    d,
    doubleEG(0),
    doubleEG(16),
    doubleEG(32),
    doubleEG(48),
    doubleEG(64),
    doubleEG(80),
    doubleEG(96),
    doubleEG(112),
    doubleEG(128),
    doubleEG(144),
  );
  storeCarried(
    d + 80,
    doubleFH(0),
    doubleFH(16),
    doubleFH(32),
    doubleFH(48),
    doubleFH(64),
    doubleFH(80),
    doubleFH(96),
    doubleFH(112),
    doubleFH(128),
    doubleFH(144),
  );
}

function combineAdd(d: usize): void {
  storeCarried(
    d,
    addEG(0),
    addEG(16),
    addEG(32),
    addEG(48),
    addEG(64),
    addEG(80),
    addEG(96),
    addEG(112),
    addEG(128),
    addEG(144),
  );
  storeCarried(
    d + 80,
    addFH(0),
    addFH(16),
    addFH(32),
    addFH(48),
    addFH(64),
    addFH(80),
    addFH(96),
    addFH(112),
    addFH(128),
    addFH(144),
  );
}

@inline
function storeCarriedAt(d: usize, columns: usize): void {
  storeCarried(
    d,
    v128.load(columns),
    v128.load(columns, 16),
    v128.load(columns, 32),
    v128.load(columns, 48),
    v128.load(columns, 64),
    v128.load(columns, 80),
    v128.load(columns, 96),
    v128.load(columns, 112),
    v128.load(columns, 128),
    v128.load(columns, 144),
  );
}

function combineDoubleForm(d: usize): void {
  storeCarriedAt(d, FIRST);
  storeCarried(
    d + 80,
    sumAndZ(0),
    sumAndZ(16),
    sumAndZ(32),
    sumAndZ(48),
    sumAndZ(64),
    sumAndZ(80),
    sumAndZ(96),
    sumAndZ(112),
    sumAndZ(128),
    sumAndZ(144),
  );
}

function combineAddForm(d: usize): void {
  storeCarried(
    d,
    differenceAndZ(0),
    differenceAndZ(16),
    differenceAndZ(32),
    differenceAndZ(48),
    differenceAndZ(64),
    differenceAndZ(80),
    differenceAndZ(96),
    differenceAndZ(112),
    differenceAndZ(128),
    differenceAndZ(144),
  );
  storeCarried(
    d + 80,
    sumAndT(0),
    sumAndT(16),
    sumAndT(32),
    sumAndT(48),
    sumAndT(64),
    sumAndT(80),
    sumAndT(96),
    sumAndT(112),
    sumAndT(128),
    sumAndT(144),
  );
}

export function doubleStage(t: usize, p: usize): void {
  squareColumns(FIRST, p);
  squareColumns(SECOND, p + 80);
  combineDouble(t);
}

export function addStage(t: usize, p: usize, c: usize): void {
  multiplyColumns(FIRST, p, c);
  multiplyColumns(SECOND, p + 80, c + 80);
  combineAdd(t);
}

export function finishDoubleForm(d: usize, t: usize): void {
  multiplyColumns(FIRST, t, t + 80);
  multiplyCrossColumns(SECOND, t, t + 80);
  combineDoubleForm(d);
}

export function finishAddForm(d: usize, t: usize): void {
  multiplyColumns(FIRST, t, t + 80);
  multiplyCrossColumns(SECOND, t, t + 80);
  combineAddForm(d);
}

// --- the contract: table look-up ---------------------------------------------------------------------------------

const ONE_TWO: usize = memory.data<u32>([1, 2, 0, 0], 16);
const ONE_ZERO: usize = memory.data<u32>([1, 0, 0, 0], 16);
const FIRST_LANES: usize = memory.data<u32>([0xffffffff, 0, 0xffffffff, 0], 16);
const SECOND_LANES: usize = memory.data<u32>([0, 0xffffffff, 0, 0xffffffff], 16);

/** Negates one vector of a cached point: exchanges Y-X and Y+X (first lanes), negates 2dT (second lane of `b`). */
@inline
function storeNegatable(d: usize, offset: usize, a: v128, b: v128, negate: v128): void {
  const exchanged = v128.and(v128.and(negate, v128.load(FIRST_LANES)), v128.xor(a, b));
  v128.store(d + offset, v128.xor(a, exchanged));
  b = v128.xor(b, exchanged);
  const minus = i32x4.sub(v128.load(offset ? TWO_P : TWO_P_LOW), b);
  v128.store(d + 80 + offset, v128.bitselect(minus, b, v128.and(negate, v128.load(SECOND_LANES))));
}

export function cachedSigned(d: usize, c: usize, negate: i32): void {
  const negation = i32x4.splat(negate);
  for (let i: usize = 16; i < 80; i += 16) {
    storeNegatable(d, i, v128.load(c + i), v128.load(c + i, 80), negation);
  }
  storeNegatable(d, 0, v128.load(c), v128.load(c, 80), negation);
}

@inline
function gather(sum: v128, mask: v128, entry: usize, offset: usize): v128 {
  return v128.or(sum, v128.and(mask, v128.load(entry + offset)));
}

export function lookup(d: usize, table: usize, index: i32, negate: i32): void {
  let mask = i32x4.splat(<i32>(index == 0) * -1);
  let a0 = v128.and(mask, v128.load(ONE_TWO));
  let b0 = v128.and(mask, v128.load(ONE_ZERO));
  let a1 = i64x2.splat(0);
  let a2 = i64x2.splat(0);
  let a3 = i64x2.splat(0);
  let a4 = i64x2.splat(0);
  let b1 = i64x2.splat(0);
  let b2 = i64x2.splat(0);
  let b3 = i64x2.splat(0);
  let b4 = i64x2.splat(0);
  for (let i = 1; i <= 8; i++) {
    mask = i32x4.splat(<i32>(index == i) * -1);
    a0 = gather(a0, mask, table, 0);
    a1 = gather(a1, mask, table, 16);
    a2 = gather(a2, mask, table, 32);
    a3 = gather(a3, mask, table, 48);
    a4 = gather(a4, mask, table, 64);
    b0 = gather(b0, mask, table, 80);
    b1 = gather(b1, mask, table, 96);
    b2 = gather(b2, mask, table, 112);
    b3 = gather(b3, mask, table, 128);
    b4 = gather(b4, mask, table, 144);
    table += 160;
  }
  const negation = i32x4.splat(negate);
  storeNegatable(d, 0, a0, b0, negation);
  storeNegatable(d, 16, a1, b1, negation);
  storeNegatable(d, 32, a2, b2, negation);
  storeNegatable(d, 48, a3, b3, negation);
  storeNegatable(d, 64, a4, b4, negation);
}
