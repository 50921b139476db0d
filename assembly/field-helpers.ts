// Functions on pairs that need only the contract of field.ts. A result "per lane" is two bits: bit 0 for the first
// element, bit 1 for the second.

import { equal32, isZero32 } from './bytes';
import { firsts, fromBytes, mul, neg, seconds, select, square, squareTimes, sub, toBytes } from './field';
import { bytes, PAIR, pair } from './memory';
import { FIELD_CONSTANT_COUNT, FIELD_CONSTANTS } from './tables';

const CONSTANTS: usize = memory.data(12 * 80, 16);

export const ZERO: usize = memory.data(80, 16);

/** Both lanes hold constant number `index` of tables.ts. */
@inline
function constant(index: i32): usize {
  return CONSTANTS + <usize>(index * PAIR);
}

export const ONE: usize = CONSTANTS;
export const D: usize = CONSTANTS + 80;
export const TWO_D: usize = CONSTANTS + 160;
export const SQRT_M1: usize = CONSTANTS + 240;
export const INVSQRT_A_MINUS_D: usize = CONSTANTS + 320;
export const ONE_MINUS_D_SQ: usize = CONSTANTS + 400;
export const D_MINUS_ONE_SQ: usize = CONSTANTS + 480;
export const SQRT_AD_MINUS_ONE: usize = CONSTANTS + 560;
export const BASE_X: usize = CONSTANTS + 640;
export const BASE_Y: usize = CONSTANTS + 720;
export const MINUS_ONE: usize = CONSTANTS + 800;

/** Unpacks the constants into the form of the field back end. */
export function initConstants(): void {
  for (let i = 0; i < FIELD_CONSTANT_COUNT; i++) fromBytesBoth(constant(i), FIELD_CONSTANTS + <usize>(32 * i));
}

export function fromBytesBoth(d: usize, s: usize): void {
  fromBytes(d, s, 0);
  fromBytes(d, s, 1);
}

export function copyPair(d: usize, a: usize): void {
  memory.copy(d, a, PAIR);
}

/** Both lanes of d = the first of a. */
@inline
export function firstTwice(d: usize, a: usize): void {
  firsts(d, a, a);
}

/** Both lanes of d = the second of a. */
@inline
export function secondTwice(d: usize, a: usize): void {
  seconds(d, a, a);
}

/** Which lanes are zero. Uses bytes 63. */
export function isZero(a: usize): i32 {
  const b = bytes(63);
  toBytes(b, a, 0);
  toBytes(b + 32, a, 1);
  return isZero32(b) | (isZero32(b + 32) << 1);
}

/** Which lanes are negative, that is odd (RFC 9496 section 3.1). Uses bytes 63. */
export function isNegative(a: usize): i32 {
  const b = bytes(63);
  toBytes(b, a, 0);
  toBytes(b + 32, a, 1);
  return ((<i32>load<u8>(b)) & 1) | (((<i32>load<u8>(b, 32)) & 1) << 1);
}

/** Which lanes are equal. Uses pair 47. */
export function isEqual(a: usize, b: usize): i32 {
  sub(pair(47), a, b);
  return isZero(pair(47));
}

/** Negates the lanes whose bit is set. Uses pair 47. */
export function negateIf(d: usize, a: usize, bits: i32): void {
  neg(pair(47), a);
  select(d, a, pair(47), bits);
}

/** CT_ABS of RFC 9496. Uses pair 47. */
export function absolute(d: usize, a: usize): void {
  negateIf(d, a, isNegative(a));
}

/** d = z^((p-5)/8) = z^(2^252 - 3). Uses pairs 40 to 42; d and z are not among them. */
export function pow22523(d: usize, z: usize): void {
  const t0 = pair(40);
  const t1 = pair(41);
  const t2 = pair(42);
  square(t0, z);
  squareTimes(t1, t0, 2);
  mul(t1, z, t1);
  mul(t0, t0, t1); // z^11
  square(t0, t0);
  mul(t0, t1, t0); // 2^5 - 1
  squareTimes(t1, t0, 5);
  mul(t0, t1, t0); // 2^10 - 1
  squareTimes(t1, t0, 10);
  mul(t1, t1, t0); // 2^20 - 1
  squareTimes(t2, t1, 20);
  mul(t1, t2, t1); // 2^40 - 1
  squareTimes(t1, t1, 10);
  mul(t0, t1, t0); // 2^50 - 1
  squareTimes(t1, t0, 50);
  mul(t1, t1, t0); // 2^100 - 1
  squareTimes(t2, t1, 100);
  mul(t1, t2, t1); // 2^200 - 1
  squareTimes(t1, t1, 50);
  mul(t0, t1, t0); // 2^250 - 1
  squareTimes(t0, t0, 2);
  mul(d, t0, z); // 2^252 - 3
}

/** d = 1/z, or 0 for 0: z^(p-2) = (z^(2^252-3))^8 · z^3. Uses pairs 40 to 44. */
export function invert(d: usize, z: usize): void {
  const t = pair(43);
  const z3 = pair(44);
  pow22523(t, z);
  squareTimes(t, t, 3);
  square(z3, z);
  mul(z3, z3, z);
  mul(d, t, z3);
}

/**
 * SQRT_RATIO_M1 of RFC 9496 section 4.2: r = the non-negative root of u/v, or of SQRT_M1·u/v where that is no square.
 * Returns which lanes were square. Uses pairs 36 to 42 and 47; r, u and v are not among them.
 */
export function sqrtRatio(r: usize, u: usize, v: usize): i32 {
  const v3 = pair(36);
  const v7 = pair(37);
  const check = pair(38);
  const other = pair(39);
  square(v3, v);
  mul(v3, v3, v);
  square(v7, v3);
  mul(v7, v7, v);
  mul(v7, v7, u);
  pow22523(other, v7);
  mul(v3, v3, u);
  mul(r, other, v3); // u·v³·(u·v⁷)^((p-5)/8)
  square(check, r);
  mul(check, check, v);
  const correct = isEqual(check, u);
  neg(other, u);
  const flipped = isEqual(check, other);
  mul(other, other, SQRT_M1);
  const flippedI = isEqual(check, other);
  mul(other, r, SQRT_M1);
  select(r, r, other, flipped | flippedI);
  absolute(r, r);
  return correct | flipped;
}

/** Compares the 32 bytes of both lanes at bytes 63 with constant number `index`. */
@inline
function isConstant(index: i32): i32 {
  const constant = FIELD_CONSTANTS + <usize>(32 * index);
  return equal32(bytes(63), constant) | (equal32(bytes(63) + 32, constant) << 1);
}

/**
 * SQRT_RATIO_M1 with u = 1 and without its last step: r = a root of 1/v, of either sign, or of SQRT_M1/v where v is no
 * square, or 0 for 0. Returns which lanes were square. Uses pairs 36 to 42 and bytes 63; r and v are not among them.
 */
export function inverseSqrt(r: usize, v: usize): i32 {
  const v3 = pair(36);
  const v7 = pair(37);
  const check = pair(38);
  square(v3, v);
  mul(v3, v3, v);
  square(v7, v3);
  mul(v7, v7, v);
  pow22523(check, v7);
  mul(r, check, v3); // v³·(v⁷)^((p-5)/8)
  square(check, r);
  mul(check, check, v); // a fourth root of 1, or 0
  toBytes(bytes(63), check, 0);
  toBytes(bytes(63) + 32, check, 1);
  const correct = isConstant(0);
  const flipped = isConstant(10);
  mul(check, r, SQRT_M1);
  select(r, r, check, flipped | isConstant(11));
  return correct | flipped;
}
