// The exported functions for comparison, hashing, scalars and the group; see index.ts.

import { equalBytes } from './bytes';
import { addPoints, multiplyBasePoint, multiplyPoint, subtractPoints } from './edwards';
import { groupFinal, scalarFinal, xmdFinal, xmdInit } from './hash-to-group';
import { hkdfExpand as expand } from './hkdf';
import { hmacFinal, hmacInit, hmacResume } from './hmac';
import { HASH, hash, IN, MESSAGE, MESSAGE_SIZE, OUT, point, scalarAt } from './memory';
import { decode, decodeToCoordinates, decodeTwo, encode, fromUniformBytes } from './ristretto255';
import {
  addScalars,
  invertScalar,
  isCanonicalScalar,
  multiplyScalars,
  scalarFromBytes,
  scalarFromWide,
  scalarToBytes,
  subtractScalars,
} from './scalar';
import { sha512Final, sha512Init, sha512Update } from './sha512';
import { BAD_ENCODING, BAD_LENGTH, checkKey, fits, MAX_TAG, OK } from './status';

/** Keys of HMAC and HKDF: one block. */
const MAX_KEY: i32 = 128;
/** RFC 5869 and RFC 9380: 255 blocks. */
const MAX_EXPANDED: i32 = 255 * 64;

// --- comparison --------------------------------------------------------------------------------------------------

/** Compares `length` bytes at IN with as many at MESSAGE; `length` is at most 1024. */
export function equal(length: i32): i32 {
  if (!fits(length, 1024)) return 0;
  return equalBytes(IN, MESSAGE, length);
}

// --- hashing -----------------------------------------------------------------------------------------------------
// Hash 0 takes the message. The host may save and restore it (`hashContext`).

/** Where hash 0 lies: 208 bytes. */
export function hashContext(): usize {
  return hash(0);
}

export function hashStart(): void {
  sha512Init(hash(0));
}

/** Absorbs `length` bytes of MESSAGE into the hash, HMAC, expansion or signature that is under way. */
export function hashUpdate(length: i32): i32 {
  if (!fits(length, MESSAGE_SIZE)) return BAD_LENGTH;
  sha512Update(hash(0), MESSAGE, length);
  return OK;
}

/** OUT: the digest. */
export function hashFinish(): void {
  sha512Final(hash(0), OUT);
}

/** IN: key, at most 128 bytes. Then hashUpdate. */
export function hmacStart(keyLength: i32): i32 {
  if (!fits(keyLength, MAX_KEY)) return BAD_LENGTH;
  hmacInit(hash(0), IN, keyLength);
  return OK;
}

/** OUT: the tag. */
export function hmacFinish(): void {
  hmacFinal(hash(0), OUT);
}

/** IN: key, at most 128 bytes. OUT: the states after the inner and the outer pad, 64 bytes each. */
export function hmacStates(keyLength: i32): i32 {
  if (!fits(keyLength, MAX_KEY)) return BAD_LENGTH;
  hmacInit(hash(0), IN, keyLength);
  memory.copy(OUT, hash(0), 64);
  memory.copy(OUT + 64, hash(0) + HASH, 64);
  return OK;
}

/** IN: what `hmacStates` gave. MESSAGE: message. OUT: the tag. */
export function hmacByStates(messageLength: i32): i32 {
  if (!fits(messageLength, MESSAGE_SIZE)) return BAD_LENGTH;
  hmacResume(hash(0), IN);
  sha512Update(hash(0), MESSAGE, messageLength);
  hmacFinal(hash(0), OUT);
  return OK;
}

/** IN: prk, at most 128 bytes. MESSAGE: info. OUT: `length` bytes. */
export function hkdfExpand(prkLength: i32, infoLength: i32, length: i32): i32 {
  if (!fits(prkLength, MAX_KEY) || !fits(infoLength, MESSAGE_SIZE) || !fits(length, MAX_EXPANDED)) return BAD_LENGTH;
  expand(OUT, length, IN, prkLength, MESSAGE, infoLength);
  return OK;
}

/** Then hashUpdate. */
export function expandStart(): void {
  xmdInit();
}

/** IN: tag. OUT: `length` bytes. */
export function expandFinish(dstLength: i32, length: i32): i32 {
  if (!fits(dstLength, MAX_TAG) || !fits(length, MAX_EXPANDED)) return BAD_LENGTH;
  xmdFinal(OUT, length, IN, dstLength);
  return OK;
}

/** Ends what `expandStart` began. IN: tag. OUT: element. */
export function hashToGroupFinish(dstLength: i32): i32 {
  if (!fits(dstLength, MAX_TAG)) return BAD_LENGTH;
  groupFinal(point(0), IN, dstLength);
  encode(OUT, point(0));
  return OK;
}

/** Ends what `expandStart` began. IN: tag. OUT: scalar. */
export function hashToScalarFinish(dstLength: i32): i32 {
  if (!fits(dstLength, MAX_TAG)) return BAD_LENGTH;
  scalarFinal(scalarAt(0), IN, dstLength);
  scalarToBytes(OUT, scalarAt(0));
  return OK;
}

// --- scalars -----------------------------------------------------------------------------------------------------

/** IN: 32 bytes. */
export function scalarIsCanonical(): i32 {
  return isCanonicalScalar(IN);
}

/** IN: 64 bytes. OUT: scalar. */
export function scalarReduce(): void {
  scalarFromWide(scalarAt(0), IN);
  scalarToBytes(OUT, scalarAt(0));
}

/** Reads the scalars a and b from IN to scalars 0 and 1. */
function readScalars(): i32 {
  if (!(isCanonicalScalar(IN) & isCanonicalScalar(IN + 32))) return BAD_ENCODING;
  scalarFromBytes(scalarAt(0), IN);
  scalarFromBytes(scalarAt(1), IN + 32);
  return OK;
}

/** IN: a, b. OUT: a + b. */
export function scalarAdd(): i32 {
  const status = readScalars();
  if (status != OK) return status;
  addScalars(scalarAt(0), scalarAt(0), scalarAt(1));
  scalarToBytes(OUT, scalarAt(0));
  return OK;
}

/** IN: a, b. OUT: a - b. */
export function scalarSubtract(): i32 {
  const status = readScalars();
  if (status != OK) return status;
  subtractScalars(scalarAt(0), scalarAt(0), scalarAt(1));
  scalarToBytes(OUT, scalarAt(0));
  return OK;
}

/** IN: a, b. OUT: a·b. */
export function scalarMultiply(): i32 {
  const status = readScalars();
  if (status != OK) return status;
  multiplyScalars(scalarAt(0), scalarAt(0), scalarAt(1));
  scalarToBytes(OUT, scalarAt(0));
  return OK;
}

/** IN: a. OUT: 1/a. */
export function scalarInvert(): i32 {
  const status = checkKey(IN);
  if (status != OK) return status;
  scalarFromBytes(scalarAt(0), IN);
  invertScalar(scalarAt(0), scalarAt(0));
  scalarToBytes(OUT, scalarAt(0));
  return OK;
}

// --- ristretto255 ------------------------------------------------------------------------------------------------

/** IN: 32 bytes. */
export function ristrettoIsValid(): i32 {
  return decode(point(0), IN);
}

/** IN: element. OUT: x, y. */
export function ristrettoDecode(): i32 {
  return decodeToCoordinates(OUT, IN) ? OK : BAD_ENCODING;
}

/** IN: 64 bytes. OUT: element. */
export function ristrettoFromUniformBytes(): void {
  fromUniformBytes(point(0), IN);
  encode(OUT, point(0));
}

/** IN: p, q. OUT: p + q, or p - q. */
export function ristrettoAdd(minus: i32): i32 {
  if (decodeTwo(point(0), point(1), IN, IN + 32) != 3) return BAD_ENCODING;
  if (minus) subtractPoints(point(0), point(0), point(1));
  else addPoints(point(0), point(0), point(1));
  encode(OUT, point(0));
  return OK;
}

/** IN: k, p. OUT: k·p. */
export function ristrettoMultiply(): i32 {
  if (!isCanonicalScalar(IN)) return BAD_ENCODING;
  if (!decode(point(0), IN + 32)) return BAD_ENCODING;
  multiplyPoint(point(1), IN, point(0));
  encode(OUT, point(1));
  return OK;
}

/** IN: k. OUT: k·B. */
export function ristrettoMultiplyBase(): i32 {
  if (!isCanonicalScalar(IN)) return BAD_ENCODING;
  multiplyBasePoint(point(0), IN);
  encode(OUT, point(0));
  return OK;
}
