// What an operation tells the host, which turns the failures into errors with codes.

import { isZero32 } from './bytes';
import { isCanonicalScalar } from './scalar';

export const OK: i32 = 0;
/** Bytes are not a canonical element or scalar. */
export const BAD_ENCODING: i32 = 1;
/** The identity element or a zero scalar where it is forbidden. */
export const BAD_IDENTITY: i32 = 2;
/** The envelope's tag does not match. */
export const BAD_ENVELOPE: i32 = 3;
/** A length is outside what the operation takes: nothing was read or written. */
export const BAD_LENGTH: i32 = 4;

/** Tags and contexts: their length is one byte. */
export const MAX_TAG: i32 = 255;

/** Whether `length` is from 0 to `most`. */
@inline
export function fits(length: i32, most: i32): bool {
  return <u32>length <= <u32>most;
}

/** Whether the 32 bytes at `s` may be a private key: a canonical scalar, not zero. */
export function checkKey(s: usize): i32 {
  if (!isCanonicalScalar(s)) return BAD_ENCODING;
  if (isZero32(s)) return BAD_IDENTITY;
  return OK;
}
