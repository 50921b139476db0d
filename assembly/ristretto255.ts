// ristretto255, RFC 9496: the prime-order group on top of the Edwards curve. Points are in add form (edwards.ts).
// Decoding and the one-way map work on two inputs at once, one in each lane.

import { equal32 } from './bytes';
import { addPoints, fromFirsts, fromSeconds, toCoordinates } from './edwards';
import { add, fromBytes, mul, neg, select, square, sub, toBytes } from './field';
import {
  absolute,
  D,
  D_MINUS_ONE_SQ,
  fromBytesBoth,
  inverseSqrt,
  INVSQRT_A_MINUS_D,
  isNegative,
  isZero,
  MINUS_ONE,
  negateIf,
  ONE,
  ONE_MINUS_D_SQ,
  SQRT_AD_MINUS_ONE,
  SQRT_M1,
  sqrtRatio,
} from './field-helpers';
import { bytes, pair, point } from './memory';

/** Whether lane `lane` of s is exactly what the 32 bytes at `e` say, and non-negative: 1 or 0. Uses bytes 62. */
function isCanonical(e: usize, s: usize, lane: i32): i32 {
  toBytes(bytes(62), s, lane);
  return equal32(bytes(62), e) & ~(<i32>load<u8>(e)) & 1;
}

/**
 * DECODE, RFC 9496 section 4.3.1, of two encodings at once. Returns bit 0 when the first is valid and bit 1 when the
 * second is; a point whose bit is missing is meaningless. Uses pairs 0 to 9 and 36 to 47.
 */
export function decodeTwo(p0: usize, p1: usize, e0: usize, e1: usize): i32 {
  const s = pair(0);
  const u1 = pair(1);
  const u2 = pair(2);
  const u2s = pair(3);
  const v = pair(4);
  const inverse = pair(5);
  const x = pair(6);
  const y = pair(7);
  const t = pair(8);
  const t2 = pair(9);
  fromBytes(s, e0, 0);
  fromBytes(s, e1, 1);
  let valid = isCanonical(e0, s, 0) | (isCanonical(e1, s, 1) << 1);
  square(t, s);
  sub(u1, ONE, t);
  add(u2, ONE, t);
  square(u2s, u2);
  square(v, u1);
  mul(v, v, D);
  neg(v, v);
  sub(v, v, u2s); // -(D·u1²) - u2²
  mul(t, v, u2s);
  valid &= inverseSqrt(inverse, t);
  mul(x, inverse, u2); // den_x
  mul(y, inverse, x);
  mul(y, y, v); // den_y
  mul(x, s, x);
  add(x, x, x);
  absolute(x, x);
  mul(y, u1, y);
  mul(t2, x, y);
  valid &= ~(isNegative(t2) | isZero(y));
  fromFirsts(p0, x, y, ONE, t2);
  fromSeconds(p1, x, y, ONE, t2);
  return valid & 3;
}

/** DECODE of one encoding: 1 when it is valid. Also uses point 7. */
export function decode(p: usize, e: usize): i32 {
  return decodeTwo(p, point(7), e, e) & 1;
}

/** DECODE of one encoding to x and y, 32 bytes each at `d`: 1 when it is valid. Uses what `decode` uses, and point 0. */
export function decodeToCoordinates(d: usize, e: usize): i32 {
  const valid = decode(point(0), e);
  toBytes(d, pair(6), 0);
  toBytes(d + 32, pair(7), 0);
  return valid;
}

/** The point, in add form, of what `decodeToCoordinates` wrote. Uses pairs 0 to 2, 45 and 46. */
export function fromCoordinates(p: usize, coordinates: usize): void {
  const x = pair(0);
  const y = pair(1);
  const t = pair(2);
  fromBytesBoth(x, coordinates);
  fromBytesBoth(y, coordinates + 32);
  mul(t, x, y);
  fromFirsts(p, x, y, ONE, t);
}

/** ENCODE, RFC 9496 section 4.3.2: 32 bytes of a point in add form. Uses pairs 0 to 12 and 36 to 47. */
export function encode(e: usize, p: usize): void {
  const x = pair(0);
  const y = pair(1);
  const z = pair(2);
  const t = pair(3);
  const u1 = pair(4);
  const u2 = pair(5);
  const inverse = pair(6);
  const den1 = pair(7);
  const den2 = pair(8);
  const zInverse = pair(9);
  const a = pair(10);
  const ix = pair(11);
  const iy = pair(12);
  toCoordinates(x, y, z, t, p);
  add(a, z, y);
  sub(u1, z, y);
  mul(u1, a, u1);
  mul(u2, x, y);
  square(a, u2);
  mul(a, a, u1);
  inverseSqrt(inverse, a);
  mul(den1, inverse, u1);
  mul(den2, inverse, u2);
  mul(zInverse, den1, den2);
  mul(zInverse, zInverse, t);
  mul(ix, x, SQRT_M1);
  mul(iy, y, SQRT_M1);
  mul(den1, den1, INVSQRT_A_MINUS_D);
  mul(a, t, zInverse);
  const rotate = isNegative(a);
  select(x, x, iy, rotate);
  select(y, y, ix, rotate);
  select(den2, den2, den1, rotate);
  mul(a, x, zInverse);
  negateIf(y, y, isNegative(a));
  sub(a, z, y);
  mul(a, a, den2);
  absolute(a, a);
  toBytes(e, a, 0);
}

/**
 * The one-way map, RFC 9496 section 4.3.4: d = MAP(first 32 bytes) + MAP(last 32 bytes), both mapped at once. Uses pairs
 * 0 to 12 and 36 to 47, and points 6, 7, 9, 10 and 11.
 */
export function fromUniformBytes(d: usize, uniform: usize): void {
  const t = pair(0);
  const r = pair(1);
  const u = pair(2);
  const v = pair(3);
  const s = pair(4);
  const c = pair(5);
  const n = pair(6);
  const w0 = pair(7);
  const w1 = pair(8);
  const w2 = pair(9);
  const w3 = pair(10);
  const a = pair(11);
  fromBytes(t, uniform, 0);
  fromBytes(t, uniform + 32, 1);
  square(r, t);
  mul(r, r, SQRT_M1);
  add(u, r, ONE);
  mul(u, u, ONE_MINUS_D_SQ);
  mul(v, r, D);
  sub(v, MINUS_ONE, v);
  add(a, r, D);
  mul(v, v, a); // (-1 - r·D)·(r + D)
  const wasSquare = sqrtRatio(s, u, v);
  mul(a, s, t);
  absolute(a, a);
  neg(a, a); // s_prime
  select(s, a, s, wasSquare);
  select(c, r, MINUS_ONE, wasSquare);
  sub(n, r, ONE);
  mul(n, n, c);
  mul(n, n, D_MINUS_ONE_SQ);
  sub(n, n, v);
  mul(w0, s, v);
  add(w0, w0, w0);
  mul(w1, n, SQRT_AD_MINUS_ONE);
  square(a, s);
  sub(w2, ONE, a);
  add(w3, ONE, a);
  mul(r, w0, w3);
  mul(u, w2, w1);
  mul(v, w1, w3);
  mul(s, w0, w2);
  fromFirsts(point(6), r, u, v, s);
  fromSeconds(point(7), r, u, v, s);
  addPoints(d, point(6), point(7));
}
