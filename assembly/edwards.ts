// Points of the twisted Edwards curve -x² + y² = 1 + d·x²·y² (RFC 8032), with the formulas of Hisil, Wong, Carter and
// Dawson (2008, sections 3.1 and 3.3) computed two lanes at a time.
//
// A point has extended coordinates X : Y : Z : T with x = X/Z, y = Y/Z, x·y = T/Z. It is kept in one of three forms of
// two pairs each, made so that the next formula needs no preparation:
//
//   double form   (X, Y)    (X+Y, Z)      can be doubled
//   add form      (Y-X, Z)  (Y+X, T)      can be added to; what all other functions take
//   cached form   (Y-X, 2Z) (Y+X, 2dT)    can be added; what tables hold
//
// Addition: (A, D) = (Y-X, Z)·(Y-X, 2Z)', (B, C) = (Y+X, T)·(Y+X, 2dT)', then (-E, G) and (F, H) are sums and differences,
// and their two products (-E·F, G·H) and (-E·H, G·F) are (-X, Y) and (-T, Z): the sum comes out *negated*. Scalar
// multiplication alternates the signs of its digits instead of spending a negation.

import { lookup } from './edwards-cached';
import { addStage, doubleStage, finishAddForm, finishDoubleForm } from './edwards-stages';
import { add, doubleSecond, firsts, mul, neg, seconds, sub } from './field';
import { BASE_X, BASE_Y, firstTwice, ONE, secondTwice, TWO_D, ZERO } from './field-helpers';
import { DIGITS, PAIR, pair, point, POINT, POINT_TABLE } from './memory';

/** (1, 2d). */
const ONE_AND_TWO_D: usize = memory.data(80, 16);
/** 32 rows of 8 cached points: row i holds j·256^i·B for j = 1 to 8. */
const BASE_TABLE: usize = memory.data(32 * 8 * 160, 16);

// --- conversions -------------------------------------------------------------------------------------------------

/** Add form of (x, y, z, t), each given in the first lane. Uses pairs 45 and 46. */
export function fromFirsts(d: usize, x: usize, y: usize, z: usize, t: usize): void {
  sub(pair(45), y, x);
  add(pair(46), y, x);
  firsts(d, pair(45), z);
  firsts(d + PAIR, pair(46), t);
}

/** Add form of (x, y, z, t), each given in the second lane. Uses pairs 45 and 46. */
export function fromSeconds(d: usize, x: usize, y: usize, z: usize, t: usize): void {
  sub(pair(45), y, x);
  add(pair(46), y, x);
  seconds(d, pair(45), z);
  seconds(d + PAIR, pair(46), t);
}

/** The neutral element in add form. */
export function setNeutral(d: usize): void {
  fromFirsts(d, ZERO, ONE, ONE, ZERO);
}

/** The base point in add form. Uses pairs 0, 45 and 46. */
export function setBase(d: usize): void {
  mul(pair(0), BASE_X, BASE_Y);
  fromFirsts(d, BASE_X, BASE_Y, ONE, pair(0));
}

/** 2X, 2Y, 2Z and 2T of a point in add form, each in both lanes: another set of coordinates of the same point. */
export function toCoordinates(x: usize, y: usize, z: usize, t: usize, p: usize): void {
  firstTwice(z, p);
  firstTwice(t, p + PAIR);
  sub(x, t, z);
  add(y, t, z);
  secondTwice(z, p);
  add(z, z, z);
  secondTwice(t, p + PAIR);
  add(t, t, t);
}

/** Cached form of a point in add form. */
export function toCached(d: usize, p: usize): void {
  doubleSecond(d, p);
  mul(d + PAIR, p + PAIR, ONE_AND_TWO_D);
}

/** Double form of a point in add form. Uses pairs 43 to 46. */
export function toDoubleForm(d: usize, p: usize): void {
  const x = pair(43);
  const y = pair(44);
  const z = pair(45);
  const sum = pair(46);
  toCoordinates(x, y, z, sum, p);
  add(sum, x, y);
  firsts(d, x, y);
  firsts(d + PAIR, sum, z);
}

/** -P in add form: exchanges Y-X and Y+X, negates T. Uses pairs 43 to 46. */
export function negatePoint(d: usize, p: usize): void {
  const minus = pair(43);
  const plus = pair(44);
  const z = pair(45);
  const t = pair(46);
  firstTwice(minus, p);
  firstTwice(plus, p + PAIR);
  secondTwice(z, p);
  secondTwice(t, p + PAIR);
  neg(t, t);
  firsts(d, plus, z);
  firsts(d + PAIR, minus, t);
}

// --- the group law -----------------------------------------------------------------------------------------------
// Each uses point 11 between its halves.

/** 2P, from double form to double form. */
export function doubleToDoubleForm(d: usize, p: usize): void {
  doubleStage(point(11), p);
  finishDoubleForm(d, point(11));
}

/** 2P, from double form to add form. */
export function doubleToAddForm(d: usize, p: usize): void {
  doubleStage(point(11), p);
  finishAddForm(d, point(11));
}

/** -(P + C), from add form and cached form to double form. */
export function addNegatedToDoubleForm(d: usize, p: usize, c: usize): void {
  addStage(point(11), p, c);
  finishDoubleForm(d, point(11));
}

/** -(P + C), from add form and cached form to add form. */
export function addNegatedToAddForm(d: usize, p: usize, c: usize): void {
  addStage(point(11), p, c);
  finishAddForm(d, point(11));
}

/** P + Q, both in add form. Uses point 10 and pairs 43 to 46. */
export function addPoints(d: usize, p: usize, q: usize): void {
  toCached(point(10), q);
  addNegatedToAddForm(d, p, point(10));
  negatePoint(d, d);
}

/** P - Q, both in add form. Uses points 9 and 10 and pairs 43 to 46. */
export function subtractPoints(d: usize, p: usize, q: usize): void {
  negatePoint(point(9), q);
  addPoints(d, p, point(9));
}

// --- scalar multiplication ---------------------------------------------------------------------------------------

/** Cached form of P, 2P … 8P; point 9 becomes 8P in add form. Uses pairs 43 to 46; p is not point 9. */
function fillTable(table: usize, p: usize): void {
  const multiple = point(9);
  toCached(table, p);
  toDoubleForm(multiple, p);
  doubleToAddForm(multiple, multiple);
  toCached(table + POINT, multiple);
  for (let i: usize = 2; i < 8; i++) {
    addNegatedToAddForm(multiple, multiple, table);
    negatePoint(multiple, multiple);
    toCached(table + i * POINT, multiple);
  }
}

/** Writes the 64 digits of a 32-byte scalar below 2^255 to DIGITS: radix 16, -8 to 7 (the last one 0 to 8). */
function recode(k: usize): void {
  let carry: i32 = 0;
  for (let i: usize = 0; i < 32; i++) {
    const byte = <i32>load<u8>(k + i);
    const low = (byte & 15) + carry;
    carry = (low + 8) >> 4;
    store<i8>(DIGITS + 2 * i, <i8>(low - (carry << 4)));
    const high = (byte >> 4) + carry;
    // The last digit keeps its carry: it is at most 8.
    carry = i < 31 ? (high + 8) >> 4 : 0;
    store<i8>(DIGITS + 2 * i + 1, <i8>(high - (carry << 4)));
  }
}

/** d = the table's point times digit number `i`, negated when `sign` is -1. */
@inline
function lookupDigit(d: usize, table: usize, i: i32, sign: i32): void {
  const digit = <i32>load<i8>(DIGITS + i);
  const digitSign = digit >> 31;
  lookup(d, table, (digit ^ digitSign) - digitSign, digitSign ^ sign);
}

/**
 * d = k·P in add form, for a 32-byte scalar below 2^255 and a point in add form (not point 8 or above). Constant-time.
 * Uses POINT_TABLE, DIGITS, points 8 to 11 and pairs 43 to 46.
 */
export function multiplyPoint(d: usize, k: usize, p: usize): void {
  const entry = point(8);
  fillTable(POINT_TABLE, p);
  recode(k);
  setNeutral(d);
  // 64 additions negate 64 times. The first one adds to the neutral element.
  lookupDigit(entry, POINT_TABLE, 63, 0);
  addNegatedToDoubleForm(d, d, entry);
  for (let i = 62; i >= 0; i--) {
    doubleToDoubleForm(d, d);
    doubleToDoubleForm(d, d);
    doubleToDoubleForm(d, d);
    doubleToAddForm(d, d);
    lookupDigit(entry, POINT_TABLE, i, (i & 1) - 1);
    if (i) addNegatedToDoubleForm(d, d, entry);
    else addNegatedToAddForm(d, d, entry);
  }
}

/**
 * d = k·B in add form, for a 32-byte scalar below 2^255: 16 times the sum over the odd digits, plus the sum over the even
 * ones. Constant-time. Uses DIGITS, points 8 and 11 and pairs 43 to 46.
 */
export function multiplyBasePoint(d: usize, k: usize): void {
  const entry = point(8);
  recode(k);
  setNeutral(d);
  for (let i = 0; i < 31; i++) {
    lookupDigit(entry, BASE_TABLE + <usize>(i * 8 * POINT), 2 * i + 1, 0 - (i & 1));
    addNegatedToAddForm(d, d, entry);
  }
  lookupDigit(entry, BASE_TABLE + 31 * 8 * POINT, 63, -1);
  addNegatedToDoubleForm(d, d, entry);
  doubleToDoubleForm(d, d);
  doubleToDoubleForm(d, d);
  doubleToDoubleForm(d, d);
  doubleToAddForm(d, d);
  for (let i = 0; i < 32; i++) {
    lookupDigit(entry, BASE_TABLE + <usize>(i * 8 * POINT), 2 * i, 0 - (i & 1));
    addNegatedToAddForm(d, d, entry);
  }
}

/**
 * Fills the constants and the table of the base point; after `initConstants`, once. Writes 2^128·B in add form to `high`
 * (not points 9 to 11).
 */
export function initBase(high: usize): void {
  firsts(ONE_AND_TWO_D, ONE, TWO_D);
  const base = point(0);
  setBase(base);
  for (let i = 0; i < 32; i++) {
    if (i == 16) memory.copy(high, base, POINT);
    fillTable(BASE_TABLE + <usize>(i * 8 * POINT), base);
    // 256 times as much is 2^5 times the last one, 8·base
    toDoubleForm(base, point(9));
    for (let j = 0; j < 4; j++) doubleToDoubleForm(base, base);
    doubleToAddForm(base, base);
  }
}
