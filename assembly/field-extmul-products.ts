// Products for field-extmul.ts, where limbs, columns and bounds are explained.

import { joinLimbs, MASK_25, MASK_26, storeCarried, times19 } from './field-extmul-carry';
import { FIELD_SCRATCH } from './memory';

/** Inside a product: columns 0, 2, 4, 6 and 8, and the sums of even and odd products. */
const EVEN: usize = FIELD_SCRATCH;
const BOTH: usize = FIELD_SCRATCH + 80;

const NINETEEN: usize = memory.data<u32>([19, 19, 19, 19], 16);

@inline
function low(a: v128, b: v128): v128 {
  return i64x2.extmul_low_i32x4_u(a, b);
}

@inline
function add5(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return i64x2.add(i64x2.add(i64x2.add(a, b), i64x2.add(c, d)), e);
}

@inline
export function swapHalves(x: v128): v128 {
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
export function multiplyInto(d: usize, a: usize, b: usize, cross: bool, carry: bool): void {
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
export function squareInto(d: usize, a: usize, count: i32, carry: bool): void {
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
export function multiplyColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, false, false);
}

/** The columns of a·b with the two elements of b exchanged. */
export function multiplyCrossColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, true, false);
}

/** The columns of a². */
export function squareColumns(d: usize, a: usize): void {
  squareInto(d, a, 1, false);
}

@inline
function swapLanes(x: v128): v128 {
  return v128.shuffle<i32>(x, x, 1, 0, 3, 2);
}
