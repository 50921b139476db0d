// The OPRF of RFC 9497: mode OPRF (0x00), suite ristretto255-SHA512.

import { isZero32 } from './bytes';
import { multiplyBasePoint, multiplyPoint } from './edwards';
import { groupFinal, scalarFinal, xmdInit } from './hash-to-group';
import { bytes, hash, point, scalarAt } from './memory';
import { decode, encode, fromCoordinates } from './ristretto255';
import { invertScalar, scalarFromBytes, scalarToBytes } from './scalar';
import { sha512Final, sha512Init, sha512Update } from './sha512';
import { BAD_ENCODING, BAD_IDENTITY, checkKey, OK } from './status';
import {
  DERIVE_KEY_PAIR_DST,
  DERIVE_KEY_PAIR_DST_LENGTH,
  FINALIZE_LABEL,
  FINALIZE_LABEL_LENGTH,
  HASH_TO_GROUP_DST,
  HASH_TO_GROUP_DST_LENGTH,
} from './tables';

/** Absorbs I2OSP(length, 2). Uses bytes 3. */
function absorbLength(context: usize, length: i32): void {
  store<u8>(bytes(3), <u8>(length >> 8));
  store<u8>(bytes(3), <u8>length, 1);
  sha512Update(context, bytes(3), 2);
}

/** Blind, section 3.3.1: writes blind·HashToGroup(input) to `d`. `blind` is checked. */
export function oprfBlind(d: usize, blind: usize, input: usize, inputLength: i32): i32 {
  const status = checkKey(blind);
  if (status != OK) return status;
  const element = point(0);
  xmdInit();
  sha512Update(hash(0), input, inputLength);
  groupFinal(element, HASH_TO_GROUP_DST, HASH_TO_GROUP_DST_LENGTH);
  encode(bytes(5), element);
  if (isZero32(bytes(5))) return BAD_IDENTITY;
  multiplyPoint(point(1), blind, element);
  encode(d, point(1));
  return OK;
}

/** BlindEvaluate, section 3.3.1: writes key·element to `d`. The key is checked, the element decoded, the identity refused. */
export function oprfEvaluate(d: usize, key: usize, element: usize): i32 {
  const status = checkKey(key);
  if (status != OK) return status;
  if (isZero32(element)) return BAD_IDENTITY;
  if (!decode(point(0), element)) return BAD_ENCODING;
  multiplyPoint(point(1), key, point(0));
  encode(d, point(1));
  return OK;
}

/** BlindEvaluate of an element of which `decodeToCoordinates` wrote x and y; the identity is (0, 1). */
export function oprfEvaluateDecoded(d: usize, key: usize, coordinates: usize): i32 {
  const status = checkKey(key);
  if (status != OK) return status;
  if (isZero32(coordinates)) return BAD_IDENTITY;
  fromCoordinates(point(0), coordinates);
  multiplyPoint(point(1), key, point(0));
  encode(d, point(1));
  return OK;
}

/** Finalize, section 3.3.1: writes the 64-byte output to `d`. */
export function oprfFinalize(d: usize, blind: usize, element: usize, input: usize, inputLength: i32): i32 {
  const status = checkKey(blind);
  if (status != OK) return status;
  const inverse = bytes(5);
  const unblinded = bytes(6);
  scalarFromBytes(scalarAt(0), blind);
  invertScalar(scalarAt(0), scalarAt(0));
  scalarToBytes(inverse, scalarAt(0));
  const evaluated = oprfEvaluate(unblinded, inverse, element);
  if (evaluated != OK) return evaluated;
  const context = hash(0);
  sha512Init(context);
  absorbLength(context, inputLength);
  sha512Update(context, input, inputLength);
  absorbLength(context, 32);
  sha512Update(context, unblinded, 32);
  sha512Update(context, FINALIZE_LABEL, FINALIZE_LABEL_LENGTH);
  sha512Final(context, d);
  return OK;
}

/** The private key of DeriveKeyPair, section 3.2.1: 32 bytes at `d`, which is not bytes 0 to 4. */
export function oprfDerivePrivateKey(d: usize, seed: usize, info: usize, infoLength: i32): i32 {
  const key = scalarAt(0);
  for (let counter = 0; counter < 256; counter++) {
    xmdInit();
    sha512Update(hash(0), seed, 32);
    absorbLength(hash(0), infoLength);
    sha512Update(hash(0), info, infoLength);
    store<u8>(bytes(3), <u8>counter);
    sha512Update(hash(0), bytes(3), 1);
    scalarFinal(key, DERIVE_KEY_PAIR_DST, DERIVE_KEY_PAIR_DST_LENGTH);
    scalarToBytes(d, key);
    if (!isZero32(d)) return OK;
  }
  return BAD_IDENTITY;
}

/** DeriveKeyPair: the private key at `d`, the public key at `d + 32`; `d` is not bytes 0 to 4. */
export function oprfDeriveKeyPair(d: usize, seed: usize, info: usize, infoLength: i32): i32 {
  const status = oprfDerivePrivateKey(d, seed, info, infoLength);
  if (status != OK) return status;
  multiplyBasePoint(point(0), d);
  encode(d + 32, point(0));
  return OK;
}
