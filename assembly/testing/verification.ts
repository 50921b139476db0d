// What verification is made of, with challenges of the caller's choice, which no hash could be made to give: for
// test/crypto/half-size.test.ts. Not part of the core.

import { initBase, toCoordinates } from '../edwards';
import { initBaseVartime, verificationSumVartime } from '../edwards-vartime';
import { initConstants, isZero } from '../field-helpers';
import { halveVartime } from '../half-size';
import { IN, OUT, pair, point } from '../memory';
import { decodeTwo } from '../ristretto255';

export { IN, OUT };

export function init(): void {
  initConstants();
  initBase(point(1));
  initBaseVartime(point(1));
}

/** IN: c. OUT: u, v. */
export function halve(): i32 {
  return halveVartime(OUT, OUT + 32, IN);
}

/** IN: s, c, A, R. Whether s·B - c·A - R is the identity of ristretto255; -1 when A or R is no element. */
export function isIdentity(): i32 {
  if (decodeTwo(point(0), point(1), IN + 96, IN + 64) != 3) return -1;
  verificationSumVartime(point(2), IN, IN + 32, point(1), point(0));
  toCoordinates(pair(0), pair(1), pair(2), pair(3), point(2));
  return (isZero(pair(0)) | isZero(pair(1))) & 1;
}
