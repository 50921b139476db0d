// The sum of products that verification needs, in variable time: all its inputs are public.

import {
  addNegatedToAddForm,
  addNegatedToDoubleForm,
  doubleToAddForm,
  doubleToDoubleForm,
  setBase,
  setNeutral,
  toCached,
  toDoubleForm,
} from './edwards';
import { cachedSigned } from './edwards-cached';
import { halveVartime } from './half-size';
import { bytes, COMMITMENT_TABLE, KEY_TABLE, NAF, point, POINT, scalarAt } from './memory';
import { multiplyScalars, scalarFromBytes, scalarToBytes } from './scalar';

/** Digits are odd and below 2^(width - 1); tables hold the odd multiples. */
const BASE_WIDTH: i32 = 8;
const POINT_WIDTH: i32 = 4;
/** Scalars have up to 128 bits, their digits up to 129 places. */
const NAF_SIZE: i32 = 144;

/** B, -3B, 5B … -127B, and the same of 2^128·B. */
const BASE_LOW: usize = memory.data(64 * 160, 16);
const BASE_HIGH: usize = memory.data(64 * 160, 16);

/**
 * Cached form of P, -3P, 5P, -7P … ±(2·count - 1)P: each addition negates. Uses points 8 to 11 and pairs 43 to 46; p is
 * none of them.
 */
function fillOddTable(table: usize, p: usize, count: i32): void {
  const plus = point(8);
  const minus = point(9);
  const multiple = point(10);
  toDoubleForm(multiple, p);
  doubleToAddForm(multiple, multiple);
  toCached(plus, multiple);
  cachedSigned(minus, plus, -1);
  toCached(table, p);
  addNegatedToAddForm(multiple, p, plus);
  for (let i = 1; i < count; i++) {
    table += POINT;
    toCached(table, multiple);
    if (i < count - 1) addNegatedToAddForm(multiple, multiple, i & 1 ? minus : plus);
  }
}

/** After `initBase`, once, with 2^128·B in add form. Uses point 0. */
export function initBaseVartime(high: usize): void {
  const base = point(0);
  setBase(base);
  fillOddTable(BASE_LOW, base, 64);
  fillOddTable(BASE_HIGH, high, 64);
}

/**
 * Writes the width-w non-adjacent form of the integer below 2^128 at `s` (whose bytes 16 to 23 are zero): digits that are
 * zero or odd, every fourth byte from `digits` on, where there are zeros. Negates them all when asked to. Returns the
 * place of the highest one, or -1.
 */
function nafVartime(digits: usize, s: usize, width: i32, negate: bool): i32 {
  let carry = 0;
  let top = -1;
  let i = 0;
  while (i <= 128) {
    const bits = load<u64>(s + <usize>(i >> 3)) >> (<u64>(i & 7));
    // over zeros, or over ones with a carry
    const skipped = <i32>ctz<u64>(carry ? ~bits : bits);
    if (skipped > 40) {
      i += 40;
      continue;
    }
    i += skipped;
    let digit = ((<i32>(bits >> (<u64>skipped))) & ((1 << width) - 1)) + carry;
    carry = digit >> (width - 1);
    digit -= carry << width;
    store<i8>(digits + <usize>(4 * i), <i8>(negate ? -digit : digit));
    top = i;
    i += width;
  }
  return top;
}

/**
 * Plus or minus v·(s·B - c·A - R) for some v that is not zero modulo ℓ, in add form: d is in a small subgroup exactly when
 * s·B - c·A - R is. s and c are canonical scalars of 32 bytes, A and R points in add form (A not points 8 to 11).
 * Uses KEY_TABLE, COMMITMENT_TABLE, NAF, scalars 0 to 22, points 8 to 11, pairs 43 to 46, and bytes 56 to 61.
 */
export function verificationSumVartime(d: usize, s: usize, c: usize, a: usize, r: usize): void {
  const u = bytes(56);
  const v = bytes(57);
  const low = bytes(58);
  const high = bytes(59);
  // With v·c = ±u: v·s·B ∓ u·A - v·R, where v·s is split into two halves.
  const negative = halveVartime(u, v, c);
  scalarFromBytes(scalarAt(0), v);
  scalarFromBytes(scalarAt(1), s);
  multiplyScalars(scalarAt(0), scalarAt(0), scalarAt(1));
  memory.fill(low, 0, 128);
  scalarToBytes(low, scalarAt(0));
  v128.store(high, v128.load(low, 16));
  v128.store(low, i64x2.splat(0), 16);

  fillOddTable(KEY_TABLE, a, 4);
  fillOddTable(COMMITMENT_TABLE, r, 4);
  memory.fill(NAF, 0, 4 * NAF_SIZE);
  let top = nafVartime(NAF, low, BASE_WIDTH, false);
  top = max(top, nafVartime(NAF + 1, high, BASE_WIDTH, false));
  top = max(top, nafVartime(NAF + 2, u, POINT_WIDTH, !negative));
  top = max(top, nafVartime(NAF + 3, v, POINT_WIDTH, true));

  const entry = point(8);
  let negated = false;
  setNeutral(d);
  for (let i = top; i >= 0; i--) {
    // four digits, in one word
    let left = load<u32>(NAF + <usize>(4 * i));
    if (i < top) {
      if (left || !i) doubleToAddForm(d, d);
      else doubleToDoubleForm(d, d);
    }
    for (let j = 0; left; j++) {
      const digit = <i32>(<i8>left);
      left >>= 8;
      if (!digit) continue;
      const table = j == 0 ? BASE_LOW : j == 1 ? BASE_HIGH : j == 2 ? KEY_TABLE : COMMITMENT_TABLE;
      const index = abs(digit) >> 1;
      // every second entry of a table is negative
      cachedSigned(entry, table + <usize>(index * POINT), 0 - (i32(digit < 0 != negated) ^ (index & 1)));
      negated = !negated;
      if (left || !i) addNegatedToAddForm(d, d, entry);
      else addNegatedToDoubleForm(d, d, entry);
    }
  }
}
