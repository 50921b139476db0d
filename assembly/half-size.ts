// Half-size scalars for verification: for a challenge c, integers u and v of about half the length of ℓ with
// v·c = ±u (mod ℓ), by Euclid's algorithm on ℓ and c, stopped half-way (Lagrange's lattice reduction in two dimensions;
// for signatures see Antipa et al., SAC 2005). Variable-time: signatures and their challenges are public.

import { ORDER_BYTES } from './tables';

/** Bits of a 256-bit integer given as four words. */
@inline
function bitLength(x3: u64, x2: u64, x1: u64, x0: u64): i32 {
  if (x3) return 256 - <i32>clz<u64>(x3);
  if (x2) return 192 - <i32>clz<u64>(x2);
  if (x1) return 128 - <i32>clz<u64>(x1);
  return 64 - <i32>clz<u64>(x0);
}

/** The word `high` shifted left by `shift` (0 to 63), filled up from `low`. */
@inline
function shifted(high: u64, low: u64, shift: u64): u64 {
  return (high << shift) | ((low >> 1) >> (63 - shift));
}

/** Subtracting b and a borrow of 0 or 1 from a: the borrow that comes out. */
@inline
function borrowOf(a: u64, b: u64, borrow: u64): u64 {
  return u64(a < b) | (u64(a == b) & borrow);
}

/**
 * Writes u (below 2^127) and v (1 to 2^126), 32 bytes each, for the scalar c (32 bytes, canonical). Returns 0 when
 * v·c = u, and 1 when v·c = -u, modulo ℓ.
 */
export function halveVartime(u: usize, v: usize, c: usize): i32 {
  // x ≥ y are consecutive remainders; p and q are what c was multiplied by to get them, up to signs, which alternate.
  let x0 = load<u64>(ORDER_BYTES);
  let x1 = load<u64>(ORDER_BYTES, 8);
  let x2 = load<u64>(ORDER_BYTES, 16);
  let x3 = load<u64>(ORDER_BYTES, 24);
  let y0 = load<u64>(c);
  let y1 = load<u64>(c, 8);
  let y2 = load<u64>(c, 16);
  let y3 = load<u64>(c, 24);
  let p0: u64 = 0;
  let p1: u64 = 0;
  let q0: u64 = 1;
  let q1: u64 = 0;
  let negative = 0;
  for (;;) {
    const length = bitLength(y3, y2, y1, y0);
    if (length < 128) break;
    // x mod y, by subtracting y shifted as far as it fits
    for (;;) {
      let shift = bitLength(x3, x2, x1, x0) - length;
      if (shift < 0) break;
      if (shift > 63) shift = 63;
      let t0: u64 = 0;
      let t1: u64 = 0;
      let t2: u64 = 0;
      let t3: u64 = 0;
      let r0: u64 = 0;
      let r1: u64 = 0;
      let r2: u64 = 0;
      let below: u64 = 1;
      for (; shift >= 0; shift--) {
        t0 = y0 << shift;
        t1 = shifted(y1, y0, shift);
        t2 = shifted(y2, y1, shift);
        t3 = shifted(y3, y2, shift);
        r0 = borrowOf(x0, t0, 0);
        r1 = borrowOf(x1, t1, r0);
        r2 = borrowOf(x2, t2, r1);
        below = borrowOf(x3, t3, r2);
        if (!below) break;
      }
      if (below) break;
      x0 -= t0;
      x1 -= t1 + r0;
      x2 -= t2 + r1;
      x3 -= t3 + r2;
      const d0 = q0 << shift;
      p0 += d0;
      p1 += shifted(q1, q0, shift) + u64(p0 < d0);
    }
    let swap = x0;
    x0 = y0;
    y0 = swap;
    swap = x1;
    x1 = y1;
    y1 = swap;
    swap = x2;
    x2 = y2;
    y2 = swap;
    swap = x3;
    x3 = y3;
    y3 = swap;
    swap = p0;
    p0 = q0;
    q0 = swap;
    swap = p1;
    p1 = q1;
    q1 = swap;
    negative ^= 1;
  }
  memory.fill(u, 0, 32);
  memory.fill(v, 0, 32);
  store<u64>(u, y0);
  store<u64>(u, y1, 8);
  store<u64>(v, q0);
  store<u64>(v, q1, 8);
  return negative;
}
