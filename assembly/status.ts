// What an operation tells the host. The host turns the failures into `crypto-encoding` and `crypto-identity`.

import { isZero32 } from './bytes';
import { isCanonicalScalar } from './scalar';

export const OK: i32 = 0;
/** Bytes are not a canonical element or scalar. */
export const BAD_ENCODING: i32 = 1;
/** The identity element or a zero scalar where it is forbidden. */
export const BAD_IDENTITY: i32 = 2;

/** Whether the 32 bytes at `s` may be a private key: a canonical scalar, not zero. */
export function checkKey(s: usize): i32 {
  if (!isCanonicalScalar(s)) return BAD_ENCODING;
  if (isZero32(s)) return BAD_IDENTITY;
  return OK;
}
