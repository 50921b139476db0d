// Sums and differences of columns for the point formulas (edwards-stages.ts), for field-extmul.ts: in loops over the ten
// columns and in place, since so many at once do not fit into registers.

import { carryColumns } from './field-extmul-carry';
import { FIRST_COLUMNS, SECOND_COLUMNS } from './memory';

/** 2^35·p, added to columns that a subtraction could make negative. */
const BIAS: usize = memory.data<u64>(
  [
    0x3ffffed << 35,
    0x3ffffed << 35,
    0x1ffffff << 35,
    0x1ffffff << 35,
    0x3ffffff << 35,
    0x3ffffff << 35,
    0x1ffffff << 35,
    0x1ffffff << 35,
    0x3ffffff << 35,
    0x3ffffff << 35,
    0x1ffffff << 35,
    0x1ffffff << 35,
    0x3ffffff << 35,
    0x3ffffff << 35,
    0x1ffffff << 35,
    0x1ffffff << 35,
    0x3ffffff << 35,
    0x3ffffff << 35,
    0x1ffffff << 35,
    0x1ffffff << 35,
  ],
  16,
);
/** Bytes of the columns of a pair. */
const COLUMNS: usize = 160;

@inline
function swapped(x: v128): v128 {
  return v128.shuffle<i64>(x, x, 1, 0);
}

@inline
function difference(a: v128, b: v128, offset: usize): v128 {
  return i64x2.add(i64x2.sub(a, b), v128.load(BIAS + offset));
}

@inline
function carryBoth(d: usize): void {
  carryColumns(d, FIRST_COLUMNS);
  carryColumns(d + 80, SECOND_COLUMNS);
}

export function combineDouble(d: usize): void {
  for (let offset: usize = 0; offset < COLUMNS; offset += 16) {
    const squares = v128.load(FIRST_COLUMNS + offset);
    const second = v128.load(SECOND_COLUMNS + offset);
    const z = swapped(second);
    const sum = i64x2.add(squares, swapped(squares));
    const other = difference(squares, swapped(squares), offset);
    const f = i64x2.add(other, i64x2.add(z, z));
    v128.store(FIRST_COLUMNS + offset, v128.shuffle<i64>(difference(second, sum, offset), other, 0, 3));
    v128.store(SECOND_COLUMNS + offset, v128.shuffle<i64>(f, sum, 0, 2));
  }
  carryBoth(d);
}

export function combineAdd(d: usize): void {
  for (let offset: usize = 0; offset < COLUMNS; offset += 16) {
    const first = v128.load(FIRST_COLUMNS + offset);
    const second = v128.load(SECOND_COLUMNS + offset);
    const sum = i64x2.add(first, second);
    const other = difference(first, second, offset);
    v128.store(FIRST_COLUMNS + offset, v128.shuffle<i64>(other, sum, 0, 3));
    v128.store(SECOND_COLUMNS + offset, v128.shuffle<i64>(other, sum, 1, 2));
  }
  carryBoth(d);
}

export function combineDoubleForm(d: usize): void {
  for (let offset: usize = 0; offset < COLUMNS; offset += 16) {
    const xy = v128.load(FIRST_COLUMNS + offset);
    const sum = i64x2.add(xy, swapped(xy));
    v128.store(SECOND_COLUMNS + offset, v128.shuffle<i64>(sum, v128.load(SECOND_COLUMNS + offset), 0, 3));
  }
  carryBoth(d);
}

export function combineAddForm(d: usize): void {
  for (let offset: usize = 0; offset < COLUMNS; offset += 16) {
    const xy = v128.load(FIRST_COLUMNS + offset);
    const tz = v128.load(SECOND_COLUMNS + offset);
    const yx = swapped(xy);
    v128.store(FIRST_COLUMNS + offset, v128.shuffle<i64>(difference(yx, xy, offset), tz, 0, 3));
    v128.store(SECOND_COLUMNS + offset, v128.shuffle<i64>(i64x2.add(xy, yx), tz, 0, 2));
  }
  carryBoth(d);
}
