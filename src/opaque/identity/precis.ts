import type { IdentityReason } from './errors.js';
import { contextScriptTable, derivedPropertyTable, joiningTypeTable } from './precis-tables.generated.js';
import { lookupIn } from './range-table.js';

/** The string classes of RFC 8264, section 4. */
export type StringClass = 'identifier' | 'freeform';

const derivedProperty = lookupIn(derivedPropertyTable);
const UNASSIGNED = 0;
const DISALLOWED = 1;
const FREE_PVALID = 2;
const CONTEXT = 4;

const joiningType = lookupIn(joiningTypeTable);
const TRANSPARENT = 1;
const LEFT_JOINING = 2;
const RIGHT_JOINING = 3;
const DUAL_JOINING = 4;
const VIRAMA_FLAG = 8;

const contextScript = lookupIn(contextScriptTable);
const GREEK = 1;
const HEBREW = 2;
const HIRAGANA_KATAKANA_HAN = 3;

/** Code points of a string; a lone surrogate comes out as itself. */
export function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

/** Whether Unicode 14.0.0 assigns the code point, or says that none ever will (a noncharacter). */
export function isAssigned(point: number): boolean {
  return derivedProperty(point) !== UNASSIGNED;
}

/**
 * The first reason to refuse code points, or undefined when each belongs to the class (RFC 8264, section 8, with
 * Unicode 14.0.0 for good). Those under a contextual rule belong to it; `checkContext` looks at their neighbours.
 */
export function checkClass(points: readonly number[], stringClass: StringClass): IdentityReason | undefined {
  for (const point of points) {
    if (point >= 0xd800 && point <= 0xdfff) return 'lone-surrogate';
    const property = derivedProperty(point);
    if (property === UNASSIGNED) return 'unassigned';
    if (property === DISALLOWED) return 'disallowed-code-point';
    if (property === FREE_PVALID && stringClass === 'identifier') return 'disallowed-code-point';
  }
  return undefined;
}

/** `'context'` when a code point stands where its rule in RFC 5892, appendix A, does not allow it. */
export function checkContext(points: readonly number[]): IdentityReason | undefined {
  for (const [index, point] of points.entries()) {
    if (derivedProperty(point) === CONTEXT && !isAllowedAt(points, index, point)) return 'context';
  }
  return undefined;
}

function isAllowedAt(points: readonly number[], index: number, point: number): boolean {
  const before = points[index - 1];
  const after = points[index + 1];
  switch (point) {
    case 0x200c: // A.1 ZERO WIDTH NON-JOINER
      return isVirama(before) || isBetweenJoining(points, index);
    case 0x200d: // A.2 ZERO WIDTH JOINER
      return isVirama(before);
    case 0xb7: // A.3 MIDDLE DOT
      return before === 0x6c && after === 0x6c;
    case 0x375: // A.4 GREEK LOWER NUMERAL SIGN
      return after !== undefined && contextScript(after) === GREEK;
    case 0x5f3: // A.5 HEBREW PUNCTUATION GERESH
    case 0x5f4: // A.6 HEBREW PUNCTUATION GERSHAYIM
      return before !== undefined && contextScript(before) === HEBREW;
    case 0x30fb: // A.7 KATAKANA MIDDLE DOT
      return points.some((other) => contextScript(other) === HIRAGANA_KATAKANA_HAN);
    default: // A.8 ARABIC-INDIC DIGITS, A.9 EXTENDED ARABIC-INDIC DIGITS: never both
      return !points.some((other) => (point < 0x6f0 ? isExtendedArabicIndic(other) : isArabicIndic(other)));
  }
}

const isArabicIndic = (point: number): boolean => point >= 0x660 && point <= 0x669;
const isExtendedArabicIndic = (point: number): boolean => point >= 0x6f0 && point <= 0x6f9;

function isVirama(point: number | undefined): boolean {
  return point !== undefined && (joiningType(point) & VIRAMA_FLAG) !== 0;
}

/** The regular expression of A.1: (L|D) T* here T* (R|D). */
function isBetweenJoining(points: readonly number[], index: number): boolean {
  const left = nextNotTransparent(points, index, -1);
  const right = nextNotTransparent(points, index, 1);
  return (left === LEFT_JOINING || left === DUAL_JOINING) && (right === RIGHT_JOINING || right === DUAL_JOINING);
}

function nextNotTransparent(points: readonly number[], index: number, step: 1 | -1): number | undefined {
  for (let i = index + step; ; i += step) {
    const point = points[i];
    if (point === undefined) return undefined;
    const type = joiningType(point) & ~VIRAMA_FLAG;
    if (type !== TRANSPARENT) return type;
  }
}
