// Points in cached form (see edwards.ts): picked from tables and negated, in constant time.

import { NEUTRAL_A, NEUTRAL_B, storeNegatable } from './field';
import { POINT } from './memory';

/** d = the cached point c, negated when `negate` is -1 and not when it is 0. */
export function cachedSigned(d: usize, c: usize, negate: i32): void {
  const negation = i32x4.splat(negate);
  for (let i: usize = 16; i < 80; i += 16) storeNegatable(d, i, v128.load(c + i), v128.load(c + i, 80), negation);
  storeNegatable(d, 0, v128.load(c), v128.load(c, 80), negation);
}

@inline
function gather(sum: v128, mask: v128, entry: usize, offset: usize): v128 {
  return v128.or(sum, v128.and(mask, v128.load(entry + offset)));
}

/**
 * d = point `index` of a table of 8 cached points (1 to 8; 0 is the neutral element), negated when `negate` is -1 and not
 * when it is 0. Reads the whole table.
 */
export function lookup(d: usize, table: usize, index: i32, negate: i32): void {
  let mask = i32x4.splat(<i32>(index == 0) * -1);
  let a0 = v128.and(mask, v128.load(NEUTRAL_A));
  let b0 = v128.and(mask, v128.load(NEUTRAL_B));
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
    table += POINT;
  }
  const negation = i32x4.splat(negate);
  storeNegatable(d, 0, a0, b0, negation);
  storeNegatable(d, 16, a1, b1, negation);
  storeNegatable(d, 32, a2, b2, negation);
  storeNegatable(d, 48, a3, b3, negation);
  storeNegatable(d, 64, a4, b4, negation);
}
