import { BlindsaltError } from '../../../proto/errors.js';
import { checkBidi } from './bidi.js';
import { mapCase, mapWidth } from './case-mapping.js';
import { identityError, type IdentityReason } from './errors.js';
import { checkClass, checkContext, codePoints } from './precis.js';
import { checkDigits, checkScripts } from './scripts.js';

/** Longest prepared username, in code points and in bytes of UTF-8. */
export const MAX_USERNAME_CODE_POINTS = 64;
export const MAX_USERNAME_BYTES = 255;
/** Longer input, in UTF-16 units, is refused unseen. */
const MAX_INPUT_UNITS = 1024;
/** RFC 8264, section 7: the rules once, and up to three times more until nothing changes. */
const MAX_PASSES = 4;

/**
 * Prepares a username: RFC 8265 UsernameCaseMapped (width, lower case, NFC, bidi rule, IdentifierClass of RFC 8264 with
 * contextual rules), one userpart, frozen at Unicode 14.0.0. Beyond the RFC it refuses mixed scripts (UTS 39 Highly
 * Restrictive) and mixed decimal digits.
 *
 * Returns 1–64 code points, at most 255 bytes of UTF-8; preparing them again changes nothing.
 * Throws `username-invalid` with a `reason`: `empty`, `too-long`, `lone-surrogate`, `unassigned`,
 * `disallowed-code-point`, `context`, `mixed-script`, `mixed-digits`, `bidi` or `unstable`.
 */
export function prepareUsername(input: string): string {
  if (input === '') refuse('empty');
  if (input.length > MAX_INPUT_UNITS) refuse('too-long');
  if (/^[!-~]+$/.test(input)) {
    // A byte and a code point for each character.
    if (input.length > MAX_USERNAME_CODE_POINTS) refuse('too-long');
    return input.toLowerCase();
  }
  const prepared = prepareBeyondAscii(input);
  const points = codePoints(prepared);
  if (points.length > MAX_USERNAME_CODE_POINTS || utf8Length(points) > MAX_USERNAME_BYTES) refuse('too-long');
  return prepared;
}

/** Whether `prepareUsername` returns exactly this string; false for every string that it refuses. */
export function isPreparedUsername(input: string): boolean {
  // A stranger's string costs no more than a username: a code point has at most two units.
  if (input.length > 2 * MAX_USERNAME_CODE_POINTS) return false;
  try {
    return prepareUsername(input) === input;
  } catch (error) {
    if (error instanceof BlindsaltError) return false;
    throw error;
  }
}

function prepareBeyondAscii(input: string): string {
  const preparation = mapWidth(input);
  refuseFor(checkClass(codePoints(preparation), 'identifier'));
  const prepared = enforce(preparation);
  const points = codePoints(prepared);
  for (const check of [checkIdentifierClass, checkContext, checkScripts, checkDigits, checkBidi]) {
    refuseFor(check(points));
  }
  return prepared;
}

const checkIdentifierClass = (points: readonly number[]): IdentityReason | undefined =>
  checkClass(points, 'identifier');

function enforce(preparation: string): string {
  let current = preparation;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const next = mapCase(mapWidth(current)).normalize('NFC');
    if (next === current) return next;
    current = next;
  }
  return refuse('unstable');
}

function utf8Length(points: readonly number[]): number {
  return points.reduce((sum, point) => sum + (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4), 0);
}

function refuseFor(reason: IdentityReason | undefined): void {
  if (reason !== undefined) refuse(reason);
}

function refuse(reason: IdentityReason): never {
  throw identityError('username-invalid', reason);
}
