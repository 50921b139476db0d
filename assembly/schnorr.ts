// Schnorr signatures over ristretto255 with SHA-512, as proto/PROTOCOL.md defines them:
//
//   challenge  c = SHA-512(len16(DST) ‖ len16(context) ‖ R ‖ A ‖ message) mod ℓ
//   nonce      k = SHA-512(len16(DST-nonce) ‖ len16(context) ‖ key ‖ random ‖ A ‖ message) mod ℓ
//   signature  R ‖ s with R = k·B, s = k + c·key
//
// The message is hashed twice (nonce, challenge). A long one comes in parts: start, parts, nonce, parts, finish; the parts
// go through hash 0. What is kept between the steps lies in bytes 8 to 15.

import { copy32, isZero32 } from './bytes';
import { multiplyBasePoint, toCoordinates } from './edwards';
import { verificationSumVartime } from './edwards-vartime';
import { isZero } from './field-helpers';
import { bytes, hash, pair, point, scalarAt } from './memory';
import { decodeTwo, encode } from './ristretto255';
import {
  addScalars,
  isCanonicalScalar,
  multiplyScalars,
  scalarFromBytes,
  scalarFromWide,
  scalarToBytes,
} from './scalar';
import { sha512Final, sha512Init, sha512Update } from './sha512';
import { BAD_IDENTITY, checkKey, OK } from './status';
import {
  SCHNORR_CHALLENGE_DST,
  SCHNORR_CHALLENGE_DST_LENGTH,
  SCHNORR_NONCE_DST,
  SCHNORR_NONCE_DST_LENGTH,
} from './tables';

const PUBLIC_KEY: i32 = 8;
const COMMITMENT: i32 = 9;
const NONCE: i32 = 10;

/** Starts hash 0 with the tag and len16(context). Uses bytes 3. */
function begin(tag: usize, tagLength: i32, context: usize, contextLength: i32): void {
  sha512Init(hash(0));
  sha512Update(hash(0), tag, tagLength);
  store<u8>(bytes(3), 0);
  store<u8>(bytes(3), <u8>contextLength, 1);
  sha512Update(hash(0), bytes(3), 2);
  sha512Update(hash(0), context, contextLength);
}

/** Writes key·B to `d`. The key is checked. */
export function schnorrPublicKey(d: usize, key: usize): i32 {
  const status = checkKey(key);
  if (status != OK) return status;
  multiplyBasePoint(point(0), key);
  encode(d, point(0));
  return OK;
}

/**
 * First step of signing; `context` has at most 255 bytes. The key is checked; `publicKey` must belong to it, as the host
 * got it from `schnorrPublicKey`, or be 0, and is then computed. Then the message.
 */
export function schnorrSignStart(key: usize, random: usize, publicKey: usize, context: usize, contextLength: i32): i32 {
  if (publicKey) {
    const status = checkKey(key);
    if (status != OK) return status;
    copy32(bytes(PUBLIC_KEY), publicKey);
  } else {
    const status = schnorrPublicKey(bytes(PUBLIC_KEY), key);
    if (status != OK) return status;
  }
  begin(SCHNORR_NONCE_DST, SCHNORR_NONCE_DST_LENGTH, context, contextLength);
  sha512Update(hash(0), key, 32);
  sha512Update(hash(0), random, 32);
  sha512Update(hash(0), bytes(PUBLIC_KEY), 32);
  return OK;
}

/** Second step: the nonce and its commitment. Then the message again. */
export function schnorrSignNonce(context: usize, contextLength: i32): i32 {
  sha512Final(hash(0), bytes(4));
  scalarFromWide(scalarAt(0), bytes(4));
  scalarToBytes(bytes(NONCE), scalarAt(0));
  if (isZero32(bytes(NONCE))) return BAD_IDENTITY;
  multiplyBasePoint(point(0), bytes(NONCE));
  encode(bytes(COMMITMENT), point(0));
  beginChallenge(bytes(COMMITMENT), bytes(PUBLIC_KEY), context, contextLength);
  return OK;
}

/** Last step: writes the 64-byte signature to `d`. */
export function schnorrSignFinish(d: usize, key: usize): void {
  const s = scalarAt(0);
  const x = scalarAt(1);
  const k = scalarAt(2);
  finishChallenge(s);
  scalarFromBytes(x, key);
  multiplyScalars(s, s, x);
  scalarFromBytes(k, bytes(NONCE));
  addScalars(s, s, k);
  memory.copy(d, bytes(COMMITMENT), 32);
  scalarToBytes(d + 32, s);
}

function beginChallenge(r: usize, a: usize, context: usize, contextLength: i32): void {
  begin(SCHNORR_CHALLENGE_DST, SCHNORR_CHALLENGE_DST_LENGTH, context, contextLength);
  sha512Update(hash(0), r, 32);
  sha512Update(hash(0), a, 32);
}

function finishChallenge(d: usize): void {
  sha512Final(hash(0), bytes(4));
  scalarFromWide(d, bytes(4));
}

/**
 * First step of verifying: decodes R (point 0) and A (point 1), and refuses what can never be valid by answering 0. Then
 * the message.
 */
export function schnorrVerifyStart(signature: usize, publicKey: usize, context: usize, contextLength: i32): i32 {
  if (!isCanonicalScalar(signature + 32) || isZero32(signature) || isZero32(publicKey)) return 0;
  if (decodeTwo(point(0), point(1), signature, publicKey) != 3) return 0;
  beginChallenge(signature, publicKey, context, contextLength);
  return 1;
}

/** Last step: whether s·B - c·A - R is the identity. Variable-time, all inputs are public. */
export function schnorrVerifyFinish(signature: usize): i32 {
  finishChallenge(scalarAt(0));
  scalarToBytes(bytes(5), scalarAt(0));
  verificationSumVartime(point(2), signature + 32, bytes(5), point(1), point(0));
  // In ristretto255 the points of order 1, 2 and 4, which have x = 0 or y = 0, are all the identity.
  toCoordinates(pair(0), pair(1), pair(2), pair(3), point(2));
  return (isZero(pair(0)) | isZero(pair(1))) & 1;
}
