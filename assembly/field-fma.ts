// Pairs of elements of the field GF(2^255 - 19), on relaxed SIMD with fused multiply-add. See field.ts for the contract.
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
//   tight: |x[i]| ≤ 2^50 + 2^10. What every function here returns.
//   products: |a[i]·b[j]| < 2^102, so one of two tight factors may be doubled, not both.
//   columns: below 2^60 in size before carrying.

import { FIELD_SCRATCH } from './memory';

/** Columns 0 to 4 of a product. */
const PRODUCTS: usize = FIELD_SCRATCH;
/** Columns of two products, for the formulas that combine them before carrying. */
const FIRST: usize = FIELD_SCRATCH + 80;
const SECOND: usize = FIELD_SCRATCH + 160;

const C_BITS: u64 = 0x4668000000000000;
const L_BITS: u64 = 0x4338000000000000;

// Constants are loaded from memory: some versions of V8 would rebuild a literal at each use.
const SPLIT: usize = memory.data<u64>([C_BITS, C_BITS], 16);
/** 1.5·2^103 + 1.5·2^52. */
const SPLIT_REST: usize = memory.data<u64>([0x4668000000000003, 0x4668000000000003], 16);
const MASK_51: usize = memory.data<u64>([0x7ffffffffffff, 0x7ffffffffffff], 16);
/** The bits of 2^52. */
const EXPONENT: usize = memory.data<u64>([0x4330000000000000, 0x4330000000000000], 16);
const SIGN_SECOND: usize = memory.data<u64>([0, 0x8000000000000000], 16);
const LANE_FIRST: usize = memory.data<u64>([0xffffffffffffffff, 0], 16);
/** 2^-51 and 19·2^-51, which bring a carry to the next limb, and from the last to the first. */
const NEXT: usize = memory.data<u64>([0x3cc0000000000000, 0x3cc0000000000000], 16);
const NEXT_19: usize = memory.data<u64>([0x3d03000000000000, 0x3d03000000000000], 16);

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

// Carrying adds 1024·p to make columns positive, and 2^50 + m to get balanced limbs: m is what the carry brings from the
// 1024·p of the limb before, 1024, or 19 times that for limb 0.
const M: u64 = 1024;
const CARRY_0: u64 = M * 0x7ffffffffffed + 0x4000000000000 + 19 * M;
const CARRY_K: u64 = M * 0x7ffffffffffff + 0x4000000000000 + M;
const CARRY_BIAS_0: usize = memory.data<u64>([CARRY_0, CARRY_0], 16);
const CARRY_BIAS: usize = memory.data<u64>([CARRY_K, CARRY_K], 16);
/** 2^52 + 2^50 + 19·1024 and 2^52 + 2^50 + 1024 as floats: their bits are those of 2^52 plus the integer. */
const CENTRE_0: usize = memory.data<u64>(
  [0x4330000000000000 + 0x4000000000000 + 19 * M, 0x4330000000000000 + 0x4000000000000 + 19 * M],
  16,
);
const CENTRE: usize = memory.data<u64>(
  [0x4330000000000000 + 0x4000000000000 + M, 0x4330000000000000 + 0x4000000000000 + M],
  16,
);

// --- products ----------------------------------------------------------------------------------------------------

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
function times19(x: v128): v128 {
  return i64x2.add(i64x2.add(x, i64x2.shl(x, 1)), i64x2.shl(x, 4));
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
function multiplyInto(d: usize, a: usize, b: usize, cross: bool, carry: bool): void {
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
function squareInto(d: usize, a: usize, count: i32, carry: bool): void {
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

function multiplyColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, false, false);
}

/** The columns of a·b with the two elements of b exchanged. */
function multiplyCrossColumns(d: usize, a: usize, b: usize): void {
  multiplyInto(d, a, b, true, false);
}

function squareColumns(d: usize, a: usize): void {
  squareInto(d, a, 1, false);
}

// --- carrying ----------------------------------------------------------------------------------------------------

/** A limb out of a column's low 51 bits and the carry into it, with the constants MASK_51, EXPONENT and CENTRE. */
@inline
function limb(column: v128, carry: v128, mask: v128, exponent: v128, centre: v128): v128 {
  return f64x2.sub(v128.or(i64x2.add(v128.and(column, mask), carry), exponent), centre);
}

/** Carries five columns (below 2^60 in size) once, all at the same time, and stores the pair, tight. */
@inline
function storeCarried(d: usize, f0: v128, f1: v128, f2: v128, f3: v128, f4: v128): void {
  const bias = v128.load(CARRY_BIAS);
  const mask = v128.load(MASK_51);
  const exponent = v128.load(EXPONENT);
  const centre = v128.load(CENTRE);
  f0 = i64x2.add(f0, v128.load(CARRY_BIAS_0));
  f1 = i64x2.add(f1, bias);
  f2 = i64x2.add(f2, bias);
  f3 = i64x2.add(f3, bias);
  f4 = i64x2.add(f4, bias);
  v128.store(d, limb(f0, times19(i64x2.shr_u(f4, 51)), mask, exponent, v128.load(CENTRE_0)));
  v128.store(d, limb(f1, i64x2.shr_u(f0, 51), mask, exponent, centre), 16);
  v128.store(d, limb(f2, i64x2.shr_u(f1, 51), mask, exponent, centre), 32);
  v128.store(d, limb(f3, i64x2.shr_u(f2, 51), mask, exponent, centre), 48);
  v128.store(d, limb(f4, i64x2.shr_u(f3, 51), mask, exponent, centre), 64);
}

/** x rounded to a multiple of 2^51. */
@inline
function carryOf(x: v128): v128 {
  return f64x2.sub(f64x2.add(x, v128.load(SPLIT)), v128.load(SPLIT));
}

/** Carries float limbs of up to 2^52 in size once, and stores the pair, tight. Every step is exact. */
@inline
function storeCarriedOnce(d: usize, x0: v128, x1: v128, x2: v128, x3: v128, x4: v128): void {
  const c0 = carryOf(x0);
  const c1 = carryOf(x1);
  const c2 = carryOf(x2);
  const c3 = carryOf(x3);
  const c4 = carryOf(x4);
  v128.store(d, f64x2.add(f64x2.sub(x0, c0), f64x2.mul(c4, v128.load(NEXT_19))));
  v128.store(d, f64x2.add(f64x2.sub(x1, c1), f64x2.mul(c0, v128.load(NEXT))), 16);
  v128.store(d, f64x2.add(f64x2.sub(x2, c2), f64x2.mul(c1, v128.load(NEXT))), 32);
  v128.store(d, f64x2.add(f64x2.sub(x3, c3), f64x2.mul(c2, v128.load(NEXT))), 48);
  v128.store(d, f64x2.add(f64x2.sub(x4, c4), f64x2.mul(c3, v128.load(NEXT))), 64);
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
  return reinterpret<i64>(load<f64>(a) + 6755399441055744.0) - <i64>L_BITS;
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

// --- the contract: the two halves of the point formulas ----------------------------------------------------------
// See edwards.ts for what they compute. Sums and differences are taken on columns, before the one carry.

/** Limb of (E, G) for doubling, from FIRST = (X², Y²) and SECOND = ((X+Y)², Z²): E = (X+Y)² - X² - Y², G = Y² - X². */
@inline
function doubleEG(offset: usize): v128 {
  const squares = v128.load(FIRST + offset);
  const swapped = swapLanes(squares);
  const e = i64x2.sub(v128.load(SECOND + offset), i64x2.add(squares, swapped));
  return v128.shuffle<i64>(e, i64x2.sub(squares, swapped), 0, 3);
}

/** Limb of (-F, -H) for doubling: -F = 2Z² + X² - Y², -H = X² + Y². */
@inline
function doubleFH(offset: usize): v128 {
  const squares = v128.load(FIRST + offset);
  const swapped = swapLanes(squares);
  const z = swapLanes(v128.load(SECOND + offset));
  const f = i64x2.add(i64x2.sub(squares, swapped), i64x2.add(z, z));
  return v128.shuffle<i64>(f, i64x2.add(squares, swapped), 0, 2);
}

/** Limb of (-E, G) for addition, from FIRST = (A, D) and SECOND = (B, C): -E = A - B, G = D + C. */
@inline
function addEG(offset: usize): v128 {
  const first = v128.load(FIRST + offset);
  const second = v128.load(SECOND + offset);
  return v128.shuffle<i64>(i64x2.sub(first, second), i64x2.add(first, second), 0, 3);
}

/** Limb of (F, H) for addition: F = D - C, H = B + A. */
@inline
function addFH(offset: usize): v128 {
  const first = v128.load(FIRST + offset);
  const second = v128.load(SECOND + offset);
  return v128.shuffle<i64>(i64x2.sub(first, second), i64x2.add(first, second), 1, 2);
}

/** Limb of (X+Y, Z), from FIRST = (X, Y) and SECOND = (T, Z). */
@inline
function sumAndZ(offset: usize): v128 {
  const xy = v128.load(FIRST + offset);
  return v128.shuffle<i64>(i64x2.add(xy, swapLanes(xy)), v128.load(SECOND + offset), 0, 3);
}

/** Limb of (Y-X, Z). */
@inline
function differenceAndZ(offset: usize): v128 {
  const xy = v128.load(FIRST + offset);
  return v128.shuffle<i64>(i64x2.sub(swapLanes(xy), xy), v128.load(SECOND + offset), 0, 3);
}

/** Limb of (Y+X, T). */
@inline
function sumAndT(offset: usize): v128 {
  const xy = v128.load(FIRST + offset);
  return v128.shuffle<i64>(i64x2.add(xy, swapLanes(xy)), v128.load(SECOND + offset), 0, 2);
}

function combineDouble(d: usize): void {
  storeCarried(d, doubleEG(0), doubleEG(16), doubleEG(32), doubleEG(48), doubleEG(64));
  storeCarried(d + 80, doubleFH(0), doubleFH(16), doubleFH(32), doubleFH(48), doubleFH(64));
}

function combineAdd(d: usize): void {
  storeCarried(d, addEG(0), addEG(16), addEG(32), addEG(48), addEG(64));
  storeCarried(d + 80, addFH(0), addFH(16), addFH(32), addFH(48), addFH(64));
}

function combineDoubleForm(d: usize): void {
  storeCarried(
    d,
    v128.load(FIRST),
    v128.load(FIRST, 16),
    v128.load(FIRST, 32),
    v128.load(FIRST, 48),
    v128.load(FIRST, 64),
  );
  storeCarried(d + 80, sumAndZ(0), sumAndZ(16), sumAndZ(32), sumAndZ(48), sumAndZ(64));
}

function combineAddForm(d: usize): void {
  storeCarried(d, differenceAndZ(0), differenceAndZ(16), differenceAndZ(32), differenceAndZ(48), differenceAndZ(64));
  storeCarried(d + 80, sumAndT(0), sumAndT(16), sumAndT(32), sumAndT(48), sumAndT(64));
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

const ONE_TWO: usize = memory.data<f64>([1, 2], 16);
const ONE_ZERO: usize = memory.data<f64>([1, 0], 16);

/** Negates one vector of a cached point: exchanges Y-X and Y+X (first lanes), negates 2dT (second lane of `b`). */
@inline
function storeNegatable(d: usize, offset: usize, a: v128, b: v128, negate: v128): void {
  const exchanged = v128.and(v128.and(negate, v128.load(LANE_FIRST)), v128.xor(a, b));
  v128.store(d + offset, v128.xor(a, exchanged));
  const sign = v128.and(negate, v128.load(SIGN_SECOND));
  v128.store(d + 80 + offset, v128.xor(v128.xor(b, exchanged), sign));
}

export function cachedSigned(d: usize, c: usize, negate: i32): void {
  const negation = i32x4.splat(negate);
  for (let i: usize = 0; i < 80; i += 16) {
    storeNegatable(d, i, v128.load(c + i), v128.load(c + i, 80), negation);
  }
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
