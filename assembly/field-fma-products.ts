// Products for field-fma.ts, where limbs, columns and bounds are explained.

import {
  CARRY_BIAS,
  CARRY_BIAS_0,
  CENTRE,
  CENTRE_0,
  EXPONENT,
  limb,
  MASK_51,
  SPLIT,
  storeCarried,
  times19,
} from './field-fma-carry';
import { FIELD_SCRATCH } from './memory';

/** Columns 0 to 4 of a product. */
const PRODUCTS: usize = FIELD_SCRATCH;

const C_BITS: u64 = 0x4668000000000000;
const L_BITS: u64 = 0x4338000000000000;

/** 1.5·2^103 + 1.5·2^52. */
const SPLIT_REST: usize = memory.data<u64>([0x4668000000000003, 0x4668000000000003], 16);

// Column k of a product has n(k) low parts and n(k-1) high parts, n = 1 2 3 4 5 4 3 2 1; columns 5 to 9 are added to 0 to 4
// times 19. These are the constants that come along, to be taken away (modulo 2^64).
const MULTIPLY_0: u64 = 0 - (1 * L_BITS + 19 * (4 * L_BITS + 5 * C_BITS));
const MULTIPLY_1: u64 = 0 - (2 * L_BITS + 1 * C_BITS + 19 * (3 * L_BITS + 4 * C_BITS));
const MULTIPLY_2: u64 = 0 - (3 * L_BITS + 2 * C_BITS + 19 * (2 * L_BITS + 3 * C_BITS));
const MULTIPLY_3: u64 = 0 - (4 * L_BITS + 3 * C_BITS + 19 * (1 * L_BITS + 2 * C_BITS));
const MULTIPLY_4: u64 = 0 - (5 * L_BITS + 4 * C_BITS + 19 * (1 * C_BITS));
const MULTIPLY_BIAS: usize = memory.data<u64>(
  [
    MULTIPLY_0,
    MULTIPLY_0,
    MULTIPLY_1,
    MULTIPLY_1,
    MULTIPLY_2,
    MULTIPLY_2,
    MULTIPLY_3,
    MULTIPLY_3,
    MULTIPLY_4,
    MULTIPLY_4,
  ],
  16,
);
// The same for a square, where equal products are taken once: n = 1 1 2 2 3 2 2 1 1.
const SQUARE_0: u64 = 0 - (1 * L_BITS + 19 * (2 * L_BITS + 3 * C_BITS));
const SQUARE_1: u64 = 0 - (1 * L_BITS + 1 * C_BITS + 19 * (2 * L_BITS + 2 * C_BITS));
const SQUARE_2: u64 = 0 - (2 * L_BITS + 1 * C_BITS + 19 * (1 * L_BITS + 2 * C_BITS));
const SQUARE_3: u64 = 0 - (2 * L_BITS + 2 * C_BITS + 19 * (1 * L_BITS + 1 * C_BITS));
const SQUARE_4: u64 = 0 - (3 * L_BITS + 2 * C_BITS + 19 * (1 * C_BITS));
const SQUARE_BIAS: usize = memory.data<u64>(
  [SQUARE_0, SQUARE_0, SQUARE_1, SQUARE_1, SQUARE_2, SQUARE_2, SQUARE_3, SQUARE_3, SQUARE_4, SQUARE_4],
  16,
);

// `split` and `rest` are the constants SPLIT and SPLIT_REST, which each function loads once.

@inline
function high(a: v128, b: v128, split: v128): v128 {
  return v128.relaxed_madd<f64>(a, b, split);
}

@inline
function low(a: v128, b: v128, high: v128, rest: v128): v128 {
  return v128.relaxed_madd<f64>(a, b, f64x2.sub(rest, high));
}

@inline
function swapLanes(x: v128): v128 {
  return v128.shuffle<i64>(x, x, 1, 0);
}

@inline
function operand(p: usize, cross: bool): v128 {
  const x = v128.load(p);
  return cross ? swapLanes(x) : x;
}

@inline
function add3(a: v128, b: v128, c: v128): v128 {
  return i64x2.add(a, i64x2.add(b, c));
}

/**
 * The columns of a·b (with b's elements exchanged for `cross`), stored as they are or carried. One row of products for
 * each limb of a; after it, the lowest column is complete and leaves.
 */
@inline
export function multiplyInto(d: usize, a: usize, b: usize, cross: bool, carry: bool): void {
  const split = v128.load(SPLIT);
  const rest = v128.load(SPLIT_REST);
  const b0 = operand(b, cross);
  const b1 = operand(b + 16, cross);
  const b2 = operand(b + 32, cross);
  const b3 = operand(b + 48, cross);
  const b4 = operand(b + 64, cross);
  let c0 = v128.load(MULTIPLY_BIAS);
  let c1 = v128.load(MULTIPLY_BIAS, 16);
  let c2 = v128.load(MULTIPLY_BIAS, 32);
  let c3 = v128.load(MULTIPLY_BIAS, 48);
  let c4 = v128.load(MULTIPLY_BIAS, 64);
  const end = a + 80;
  let r = PRODUCTS;
  do {
    const x = v128.load(a);
    const h0 = high(x, b0, split);
    const h1 = high(x, b1, split);
    const h2 = high(x, b2, split);
    const h3 = high(x, b3, split);
    const h4 = high(x, b4, split);
    v128.store(r, i64x2.add(c0, low(x, b0, h0, rest)));
    c0 = add3(c1, low(x, b1, h1, rest), h0);
    c1 = add3(c2, low(x, b2, h2, rest), h1);
    c2 = add3(c3, low(x, b3, h3, rest), h2);
    c3 = add3(c4, low(x, b4, h4, rest), h3);
    c4 = h4;
    a += 16;
    r += 16;
  } while (a < end);
  const f0 = i64x2.add(v128.load(PRODUCTS), times19(c0));
  const f1 = i64x2.add(v128.load(PRODUCTS, 16), times19(c1));
  const f2 = i64x2.add(v128.load(PRODUCTS, 32), times19(c2));
  const f3 = i64x2.add(v128.load(PRODUCTS, 48), times19(c3));
  const f4 = i64x2.add(v128.load(PRODUCTS, 64), times19(c4));
  if (carry) storeCarried(d, f0, f1, f2, f3, f4);
  else storeColumns(d, f0, f1, f2, f3, f4);
}

/**
 * The columns of a², stored as they are; or, for `carry`, a^(2^count), with the limbs in registers all the while.
 */
@inline
export function squareInto(d: usize, a: usize, count: i32, carry: bool): void {
  const bias = v128.load(CARRY_BIAS);
  const mask = v128.load(MASK_51);
  const exponent = v128.load(EXPONENT);
  const centre = v128.load(CENTRE);
  const split = v128.load(SPLIT);
  const rest = v128.load(SPLIT_REST);
  let a0 = v128.load(a);
  let a1 = v128.load(a, 16);
  let a2 = v128.load(a, 32);
  let a3 = v128.load(a, 48);
  let a4 = v128.load(a, 64);
  do {
    const d0 = f64x2.add(a0, a0);
    const d1 = f64x2.add(a1, a1);
    const d2 = f64x2.add(a2, a2);
    const d3 = f64x2.add(a3, a3);
    const h00 = high(a0, a0, split);
    const h01 = high(d0, a1, split);
    const h02 = high(d0, a2, split);
    const h03 = high(d0, a3, split);
    const h04 = high(d0, a4, split);
    const h11 = high(a1, a1, split);
    const h12 = high(d1, a2, split);
    const h13 = high(d1, a3, split);
    const h14 = high(d1, a4, split);
    const h22 = high(a2, a2, split);
    const h23 = high(d2, a3, split);
    const h24 = high(d2, a4, split);
    const h33 = high(a3, a3, split);
    const h34 = high(d3, a4, split);
    const h44 = high(a4, a4, split);
    const c0 = low(a0, a0, h00, rest);
    const c1 = i64x2.add(low(d0, a1, h01, rest), h00);
    const c2 = add3(low(d0, a2, h02, rest), low(a1, a1, h11, rest), h01);
    const c3 = add3(low(d0, a3, h03, rest), low(d1, a2, h12, rest), i64x2.add(h02, h11));
    const c4 = add3(add3(low(d0, a4, h04, rest), low(d1, a3, h13, rest), low(a2, a2, h22, rest)), h03, h12);
    const c5 = add3(add3(low(d1, a4, h14, rest), low(d2, a3, h23, rest), h04), h13, h22);
    const c6 = add3(low(d2, a4, h24, rest), low(a3, a3, h33, rest), i64x2.add(h14, h23));
    const c7 = add3(low(d3, a4, h34, rest), h24, h33);
    const c8 = i64x2.add(low(a4, a4, h44, rest), h34);
    const c9 = h44;
    let f0 = add3(c0, times19(c5), v128.load(SQUARE_BIAS));
    let f1 = add3(c1, times19(c6), v128.load(SQUARE_BIAS, 16));
    let f2 = add3(c2, times19(c7), v128.load(SQUARE_BIAS, 32));
    let f3 = add3(c3, times19(c8), v128.load(SQUARE_BIAS, 48));
    let f4 = add3(c4, times19(c9), v128.load(SQUARE_BIAS, 64));
    if (!carry) {
      storeColumns(d, f0, f1, f2, f3, f4);
      return;
    }
    f0 = i64x2.add(f0, v128.load(CARRY_BIAS_0));
    f1 = i64x2.add(f1, bias);
    f2 = i64x2.add(f2, bias);
    f3 = i64x2.add(f3, bias);
    f4 = i64x2.add(f4, bias);
    a0 = limb(f0, times19(i64x2.shr_u(f4, 51)), mask, exponent, v128.load(CENTRE_0));
    a1 = limb(f1, i64x2.shr_u(f0, 51), mask, exponent, centre);
    a2 = limb(f2, i64x2.shr_u(f1, 51), mask, exponent, centre);
    a3 = limb(f3, i64x2.shr_u(f2, 51), mask, exponent, centre);
    a4 = limb(f4, i64x2.shr_u(f3, 51), mask, exponent, centre);
  } while (--count > 0);
  storeColumns(d, a0, a1, a2, a3, a4);
}

@inline
function storeColumns(d: usize, f0: v128, f1: v128, f2: v128, f3: v128, f4: v128): void {
  v128.store(d, f0);
  v128.store(d, f1, 16);
  v128.store(d, f2, 32);
  v128.store(d, f3, 48);
  v128.store(d, f4, 64);
}

export function multiplyColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, false, false);
}

/** The columns of a·b with the two elements of b exchanged. */
export function multiplyCrossColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, true, false);
}

export function squareColumns(d: usize, a: usize): void {
  squareInto(d, a, 1, false);
}
