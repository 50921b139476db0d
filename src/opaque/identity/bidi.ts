import type { IdentityReason } from './errors.js';
import { bidiClassTable } from './precis-tables.generated.js';
import { lookupIn } from './range-table.js';

const bidiClass = lookupIn(bidiClassTable);
const L = 0;
/** R and AL: the rule treats them alike. */
const R = 1;
const AN = 2;
const EN = 3;
const NSM = 4;

/**
 * `'bidi'` when code points of IdentifierClass hold a right-to-left one (R, AL, AN) and break one of the six conditions
 * of RFC 5893, section 2; a string without any is left alone (RFC 8265, section 3.3.1). Conditions 5 and 6 are about
 * strings that begin with L, which by condition 5 hold none.
 */
export function checkBidi(points: readonly number[]): IdentityReason | undefined {
  const classes = points.map(bidiClass);
  if (!classes.some((c) => c === R || c === AN)) return undefined;
  const isFirstAllowed = classes[0] === R;
  const holdsLeftToRight = classes.includes(L);
  const last = classes.findLast((c) => c !== NSM);
  const isLastAllowed = last === R || last === EN || last === AN;
  const mixesNumbers = classes.includes(EN) && classes.includes(AN);
  return isFirstAllowed && !holdsLeftToRight && isLastAllowed && !mixesNumbers ? undefined : 'bidi';
}
