// The field by itself, for test/crypto/field.test.ts. Not part of the core.

import { initBase } from '../edwards';
import { cachedSigned, lookup } from '../edwards-cached';
import { addStage, doubleStage, finishAddForm, finishDoubleForm } from '../edwards-stages';
import { add, firsts, fromBytes, mul, neg, seconds, select, square, squareTimes, sub, toBytes } from '../field';
import { initConstants, inverseSqrt, isEqual, isNegative, isZero, sqrtRatio } from '../field-helpers';
import { IN, OUT, pair, point } from '../memory';

export { IN, OUT };

export function init(): void {
  initConstants();
  initBase(point(1));
}

/** Address of pair `index`, 0 to 35. */
export function at(index: i32): usize {
  return pair(index);
}

export function fieldAdd(d: i32, a: i32, b: i32): void {
  add(pair(d), pair(a), pair(b));
}

export function fieldSub(d: i32, a: i32, b: i32): void {
  sub(pair(d), pair(a), pair(b));
}

export function fieldMul(d: i32, a: i32, b: i32): void {
  mul(pair(d), pair(a), pair(b));
}

export function fieldSquare(d: i32, a: i32): void {
  square(pair(d), pair(a));
}

export function fieldSquareTimes(d: i32, a: i32, count: i32): void {
  squareTimes(pair(d), pair(a), count);
}

export function fieldNeg(d: i32, a: i32): void {
  neg(pair(d), pair(a));
}

export function fieldFirsts(d: i32, a: i32, b: i32): void {
  firsts(pair(d), pair(a), pair(b));
}

export function fieldSeconds(d: i32, a: i32, b: i32): void {
  seconds(pair(d), pair(a), pair(b));
}

export function fieldSelect(d: i32, a: i32, b: i32, bits: i32): void {
  select(pair(d), pair(a), pair(b), bits);
}

/** Reads 64 bytes at IN into both lanes. */
export function read(d: i32): void {
  fromBytes(pair(d), IN, 0);
  fromBytes(pair(d), IN + 32, 1);
}

/** Writes both lanes to OUT, 64 bytes. */
export function write(a: i32): void {
  toBytes(OUT, pair(a), 0);
  toBytes(OUT + 32, pair(a), 1);
}

/** Tables and points take the pairs from `d`, two for each point. */
export function fieldLookup(d: i32, table: i32, index: i32, negate: i32): void {
  lookup(pair(d), pair(table), index, negate);
}

export function fieldCachedSigned(d: i32, c: i32, negate: i32): void {
  cachedSigned(pair(d), pair(c), negate);
}

export function pointDouble(d: i32, p: i32, addForm: i32): void {
  doubleStage(pair(d), pair(p));
  if (addForm) finishAddForm(pair(d), pair(d));
  else finishDoubleForm(pair(d), pair(d));
}

export function pointAdd(d: i32, p: i32, c: i32, addForm: i32): void {
  addStage(pair(d), pair(p), pair(c));
  if (addForm) finishAddForm(pair(d), pair(d));
  else finishDoubleForm(pair(d), pair(d));
}

export function fieldIsZero(a: i32): i32 {
  return isZero(pair(a));
}

export function fieldIsNegative(a: i32): i32 {
  return isNegative(pair(a));
}

export function fieldIsEqual(a: i32, b: i32): i32 {
  return isEqual(pair(a), pair(b));
}

export function fieldSqrtRatio(d: i32, u: i32, v: i32): i32 {
  return sqrtRatio(pair(d), pair(u), pair(v));
}

export function fieldInverseSqrt(d: i32, v: i32): i32 {
  return inverseSqrt(pair(d), pair(v));
}
