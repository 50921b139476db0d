import { identityError, type IdentityReason } from './errors.js';
import { checkClass, checkContext, codePoints } from './precis.js';

/** Longest prepared password, in bytes of UTF-8. */
export const MAX_PASSWORD_BYTES = 4096;
/** Shortest new password, in code points after preparation. */
export const MIN_NEW_PASSWORD_CODE_POINTS = 8;
/** Longer input, in UTF-16 units, is refused unseen. NFC never halves it, so none of it would have been allowed. */
const MAX_INPUT_UNITS = 2 * MAX_PASSWORD_BYTES;
/** RFC 8264, section 7: the rules once, and up to three times more until nothing changes. */
const MAX_PASSES = 4;

/**
 * Prepares a password: RFC 8265 OpaqueString (other spaces to U+0020, NFC, FreeformClass of RFC 8264 with contextual
 * rules), frozen at Unicode 14.0.0. Nothing is trimmed, no case is changed.
 *
 * Returns 1–4096 bytes of UTF-8, which the caller wipes. Throws `password-invalid` with a `reason`: `empty`, `too-long`,
 * `lone-surrogate`, `unassigned`, `disallowed-code-point`, `context` or `unstable`.
 */
export function preparePassword(input: string): Uint8Array<ArrayBuffer> {
  return encode(prepareText(input));
}

/**
 * As `preparePassword`, for a password that is being chosen (sign-up, change): also throws `too-short` for fewer than 8
 * code points after preparation. At login a short password is merely a wrong one.
 */
export function checkNewPassword(input: string): Uint8Array<ArrayBuffer> {
  const text = prepareText(input);
  // A code point has at most two units: the beginning decides.
  const beginning = codePoints(text.slice(0, 2 * MIN_NEW_PASSWORD_CODE_POINTS));
  if (beginning.length < MIN_NEW_PASSWORD_CODE_POINTS) refuse('too-short');
  return encode(text);
}

function prepareText(input: string): string {
  if (input === '') refuse('empty');
  if (input.length > MAX_INPUT_UNITS) refuse('too-long');
  return /^[ -~]+$/.test(input) ? input : prepareBeyondAscii(input);
}

function prepareBeyondAscii(input: string): string {
  refuseFor(checkClass(codePoints(input), 'freeform'));
  const prepared = enforce(input);
  const points = codePoints(prepared);
  refuseFor(checkClass(points, 'freeform') ?? checkContext(points));
  return prepared;
}

/** General_Category Zs, which FreeformClass holds whole; nothing has been added to it since Unicode 3.0. */
const NON_ASCII_SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;

function enforce(input: string): string {
  let current = input;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const next = current.replace(NON_ASCII_SPACES, ' ').normalize('NFC');
    if (next === current) return next;
    current = next;
  }
  return refuse('unstable');
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  if (text.length > MAX_PASSWORD_BYTES) refuse('too-long');
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > MAX_PASSWORD_BYTES) {
    bytes.fill(0);
    refuse('too-long');
  }
  return bytes;
}

function refuseFor(reason: IdentityReason | undefined): void {
  if (reason !== undefined) refuse(reason);
}

function refuse(reason: IdentityReason): never {
  throw identityError('password-invalid', reason);
}
