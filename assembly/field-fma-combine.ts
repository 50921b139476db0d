// Sums and differences of columns for the point formulas (edwards-stages.ts), for field-fma.ts. Columns have signs here.
// All stay in registers until they are carried.

import { storeCarried } from './field-fma-carry';
import { FIRST_COLUMNS, SECOND_COLUMNS } from './memory';

@inline
function first(offset: usize): v128 {
  return v128.load(FIRST_COLUMNS + offset);
}

@inline
function second(offset: usize): v128 {
  return v128.load(SECOND_COLUMNS + offset);
}

@inline
function swapped(x: v128): v128 {
  return v128.shuffle<i64>(x, x, 1, 0);
}

/** (the first of a, the second of b) */
@inline
function firstAndSecond(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 0, 3);
}

/** (the first of a, the first of b) */
@inline
function bothFirst(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 0, 2);
}

/** (the second of a, the first of b) */
@inline
function secondAndFirst(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 1, 2);
}

/** (E, G), E = (X+Y)² - X² - Y², from sums and differences of (X², Y²) and (Y², X²). */
@inline
function doubleEG(sum: v128, difference: v128, offset: usize): v128 {
  return firstAndSecond(i64x2.sub(second(offset), sum), difference);
}

/** (-F, -H), -F = 2Z² + X² - Y². */
@inline
function doubleFH(sum: v128, difference: v128, offset: usize): v128 {
  const z = swapped(second(offset));
  return bothFirst(i64x2.add(difference, i64x2.add(z, z)), sum);
}

export function combineDouble(d: usize): void {
  const a0 = first(0);
  const a1 = first(16);
  const a2 = first(32);
  const a3 = first(48);
  const a4 = first(64);
  const b0 = swapped(a0);
  const b1 = swapped(a1);
  const b2 = swapped(a2);
  const b3 = swapped(a3);
  const b4 = swapped(a4);
  const s0 = i64x2.add(a0, b0);
  const s1 = i64x2.add(a1, b1);
  const s2 = i64x2.add(a2, b2);
  const s3 = i64x2.add(a3, b3);
  const s4 = i64x2.add(a4, b4);
  const t0 = i64x2.sub(a0, b0);
  const t1 = i64x2.sub(a1, b1);
  const t2 = i64x2.sub(a2, b2);
  const t3 = i64x2.sub(a3, b3);
  const t4 = i64x2.sub(a4, b4);
  storeCarried(
    d,
    doubleEG(s0, t0, 0),
    doubleEG(s1, t1, 16),
    doubleEG(s2, t2, 32),
    doubleEG(s3, t3, 48),
    doubleEG(s4, t4, 64),
  );
  storeCarried(
    d + 80,
    doubleFH(s0, t0, 0),
    doubleFH(s1, t1, 16),
    doubleFH(s2, t2, 32),
    doubleFH(s3, t3, 48),
    doubleFH(s4, t4, 64),
  );
}

export function combineAdd(d: usize): void {
  const a0 = first(0);
  const a1 = first(16);
  const a2 = first(32);
  const a3 = first(48);
  const a4 = first(64);
  const b0 = second(0);
  const b1 = second(16);
  const b2 = second(32);
  const b3 = second(48);
  const b4 = second(64);
  const s0 = i64x2.add(a0, b0);
  const s1 = i64x2.add(a1, b1);
  const s2 = i64x2.add(a2, b2);
  const s3 = i64x2.add(a3, b3);
  const s4 = i64x2.add(a4, b4);
  const t0 = i64x2.sub(a0, b0);
  const t1 = i64x2.sub(a1, b1);
  const t2 = i64x2.sub(a2, b2);
  const t3 = i64x2.sub(a3, b3);
  const t4 = i64x2.sub(a4, b4);
  storeCarried(
    d,
    firstAndSecond(t0, s0),
    firstAndSecond(t1, s1),
    firstAndSecond(t2, s2),
    firstAndSecond(t3, s3),
    firstAndSecond(t4, s4),
  );
  storeCarried(
    d + 80,
    secondAndFirst(t0, s0),
    secondAndFirst(t1, s1),
    secondAndFirst(t2, s2),
    secondAndFirst(t3, s3),
    secondAndFirst(t4, s4),
  );
}

@inline
function sumAndZ(xy: v128, offset: usize): v128 {
  return firstAndSecond(i64x2.add(xy, swapped(xy)), second(offset));
}

export function combineDoubleForm(d: usize): void {
  const a0 = first(0);
  const a1 = first(16);
  const a2 = first(32);
  const a3 = first(48);
  const a4 = first(64);
  storeCarried(d, a0, a1, a2, a3, a4);
  storeCarried(d + 80, sumAndZ(a0, 0), sumAndZ(a1, 16), sumAndZ(a2, 32), sumAndZ(a3, 48), sumAndZ(a4, 64));
}

@inline
function differenceAndZ(xy: v128, yx: v128, offset: usize): v128 {
  return firstAndSecond(i64x2.sub(yx, xy), second(offset));
}

@inline
function sumAndT(xy: v128, yx: v128, offset: usize): v128 {
  return bothFirst(i64x2.add(xy, yx), second(offset));
}

export function combineAddForm(d: usize): void {
  const a0 = first(0);
  const a1 = first(16);
  const a2 = first(32);
  const a3 = first(48);
  const a4 = first(64);
  const b0 = swapped(a0);
  const b1 = swapped(a1);
  const b2 = swapped(a2);
  const b3 = swapped(a3);
  const b4 = swapped(a4);
  storeCarried(
    d,
    differenceAndZ(a0, b0, 0),
    differenceAndZ(a1, b1, 16),
    differenceAndZ(a2, b2, 32),
    differenceAndZ(a3, b3, 48),
    differenceAndZ(a4, b4, 64),
  );
  storeCarried(
    d + 80,
    sumAndT(a0, b0, 0),
    sumAndT(a1, b1, 16),
    sumAndT(a2, b2, 32),
    sumAndT(a3, b3, 48),
    sumAndT(a4, b4, 64),
  );
}
