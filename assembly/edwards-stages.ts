// The halves of the point formulas, see edwards.ts: two products, then sums and differences of their columns, which need
// no carry of their own, then one carry for each of the two pairs that come out.

import {
  combineAdd,
  combineAddForm,
  combineDouble,
  combineDoubleForm,
  multiplyColumns,
  multiplyCrossColumns,
  squareColumns,
} from './field';
import { FIRST_COLUMNS, PAIR, SECOND_COLUMNS } from './memory';

/** First half of doubling: from double form to (E, G) and (-F, -H). */
export function doubleStage(t: usize, p: usize): void {
  squareColumns(FIRST_COLUMNS, p);
  squareColumns(SECOND_COLUMNS, p + PAIR);
  combineDouble(t);
}

/** First half of adding: from add form and cached form to (-E, G) and (F, H). */
export function addStage(t: usize, p: usize, c: usize): void {
  multiplyColumns(FIRST_COLUMNS, p, c);
  multiplyColumns(SECOND_COLUMNS, p + PAIR, c + PAIR);
  combineAdd(t);
}

/** E·F, G·H, E·H and G·F of what a first half left. */
@inline
function finish(t: usize): void {
  multiplyColumns(FIRST_COLUMNS, t, t + PAIR);
  multiplyCrossColumns(SECOND_COLUMNS, t, t + PAIR);
}

/** Second half, with the result in double form. */
export function finishDoubleForm(d: usize, t: usize): void {
  finish(t);
  combineDoubleForm(d);
}

/** Second half, with the result in add form. */
export function finishAddForm(d: usize, t: usize): void {
  finish(t);
  combineAddForm(d);
}
