// Ed25519, RFC 8032 section 5.1. Verification is strict and cofactored: A and R canonical, S below ℓ, A not of small
// order, and [8]([S]B - R - [k]A) neutral.
//
// RFC 8032 allows the equation with and without the factor 8. With it, a signature cannot be valid alone and invalid in a
// batch, or the other way round, and half-size scalars (half-size.ts) decide the same. @noble/curves with `zip215: false`
// decides alike. libsodium and OpenSSL leave the factor out: they refuse what has a part of small order in A or R, which
// no honest signer makes; libsodium also refuses an R of small order.
//
// As in schnorr.ts, a long message comes in parts through hash 0, twice for signing. What is kept between the steps lies
// in bytes 8 to 15.

import { copy32, equal32 } from './bytes';
import {
  doubleToAddForm,
  doubleToDoubleForm,
  fromFirsts,
  fromSeconds,
  multiplyBasePoint,
  toCoordinates,
  toDoubleForm,
} from './edwards';
import { verificationSumVartime } from './edwards-vartime';
import { add, firsts, fromBytes, mul, seconds, square, sub, toBytes } from './field';
import { D, invert, isNegative, isZero, negateIf, ONE, sqrtRatio } from './field-helpers';
import { bytes, hash, PAIR, pair, point, scalarAt } from './memory';
import {
  addScalars,
  isCanonicalScalar,
  multiplyScalars,
  scalarFromBytes,
  scalarFromWide,
  scalarToBytes,
} from './scalar';
import { sha512Final, sha512Init, sha512Update } from './sha512';

const PUBLIC_KEY: i32 = 8;
const COMMITMENT: i32 = 9;
const NONCE: i32 = 10;
/** The clamped secret scalar, then the prefix: 64 bytes. */
const SECRET: i32 = 11;

/**
 * Writes the 32 bytes of two points in add form, y with the sign of x, by one inversion. Uses pairs 0 to 5 and 40 to 44;
 * the points are not among points 8 to 11.
 */
function encodeEdwardsTwo(e0: usize, e1: usize, p0: usize, p1: usize): void {
  const x = pair(0);
  const y = pair(1);
  const z = pair(2);
  const minus = pair(3);
  const plus = pair(4);
  firsts(minus, p0, p1);
  firsts(plus, p0 + PAIR, p1 + PAIR);
  seconds(z, p0, p1);
  sub(x, plus, minus);
  add(y, plus, minus);
  add(z, z, z);
  invert(z, z);
  mul(x, x, z);
  mul(y, y, z);
  const signs = isNegative(x);
  toBytes(e0, y, 0);
  store<u8>(e0, load<u8>(e0, 31) | (<u8>((signs & 1) << 7)), 31);
  toBytes(e1, y, 1);
  store<u8>(e1, load<u8>(e1, 31) | (<u8>((signs & 2) << 6)), 31);
}

/**
 * Decodes two encodings at once, RFC 8032 section 5.1.3. Bit 0 and bit 1 of the result say which are valid: y below p, a
 * point on the curve, and no negative zero. Uses pairs 0 to 5 and 36 to 47.
 */
function decodeEdwardsTwo(p0: usize, p1: usize, e0: usize, e1: usize): i32 {
  const y = pair(0);
  const u = pair(1);
  const v = pair(2);
  const x = pair(3);
  const t = pair(4);
  fromBytes(y, e0, 0);
  fromBytes(y, e1, 1);
  const canonical = yIsCanonical(e0, y, 0) | (yIsCanonical(e1, y, 1) << 1);
  square(u, y);
  mul(v, u, D);
  sub(u, u, ONE);
  add(v, v, ONE);
  const onCurve = sqrtRatio(x, u, v);
  const signs = (<i32>(load<u8>(e0, 31) >> 7)) | ((<i32>(load<u8>(e1, 31) >> 7)) << 1);
  const negativeZero = isZero(x) & signs;
  negateIf(x, x, signs);
  mul(t, x, y);
  fromFirsts(p0, x, y, ONE, t);
  fromSeconds(p1, x, y, ONE, t);
  return canonical & onCurve & ~negativeZero & 3;
}

/** Uses bytes 62. */
function yIsCanonical(e: usize, y: usize, lane: i32): i32 {
  const b = bytes(62);
  toBytes(b, y, lane);
  store<u8>(b, load<u8>(b, 31) | (load<u8>(e, 31) & 0x80), 31);
  return equal32(b, e);
}

/** x of 8·P in lane 0 of pair 0: zero exactly when 8·P is neutral. Uses point 4 and pairs 0 to 3. */
function isSmallOrder(p: usize): i32 {
  const q = point(4);
  toDoubleForm(q, p);
  doubleToDoubleForm(q, q);
  doubleToDoubleForm(q, q);
  doubleToAddForm(q, q);
  toCoordinates(pair(0), pair(1), pair(2), pair(3), q);
  return isZero(pair(0)) & 1;
}

/** Expands the seed into SECRET. */
function expandSeed(seed: usize): void {
  const secret = bytes(SECRET);
  sha512Init(hash(0));
  sha512Update(hash(0), seed, 32);
  sha512Final(hash(0), secret);
  store<u8>(secret, load<u8>(secret) & 248);
  store<u8>(secret, (load<u8>(secret, 31) & 127) | 64, 31);
}

/** Writes the public key of the seed to `d`. */
export function ed25519PublicKey(d: usize, seed: usize): void {
  expandSeed(seed);
  multiplyBasePoint(point(0), bytes(SECRET));
  encodeEdwardsTwo(d, d, point(0), point(0));
}

/** First step of signing. Then the message. */
export function ed25519SignStart(seed: usize): void {
  expandSeed(seed);
  sha512Init(hash(0));
  sha512Update(hash(0), bytes(SECRET) + 32, 32);
}

/**
 * Second step: r and R. `publicKey` must belong to the seed, as the host got it from `ed25519PublicKey`, or be 0, and is
 * then computed. Then the message again.
 */
export function ed25519SignNonce(publicKey: usize): void {
  const a = bytes(PUBLIC_KEY);
  const r = bytes(COMMITMENT);
  sha512Final(hash(0), bytes(4));
  scalarFromWide(scalarAt(0), bytes(4));
  scalarToBytes(bytes(NONCE), scalarAt(0));
  multiplyBasePoint(point(0), bytes(NONCE));
  if (publicKey) {
    encodeEdwardsTwo(r, r, point(0), point(0));
    copy32(a, publicKey);
  } else {
    multiplyBasePoint(point(1), bytes(SECRET));
    encodeEdwardsTwo(r, a, point(0), point(1));
  }
  beginChallenge(r, a);
}

/** Last step: writes the 64-byte signature to `d`. */
export function ed25519SignFinish(d: usize): void {
  const s = scalarAt(0);
  const a = scalarAt(1);
  const r = scalarAt(2);
  finishChallenge(s);
  scalarFromBytes(a, bytes(SECRET)); // below 2^255, not reduced: multiplyScalars takes that
  multiplyScalars(s, s, a);
  scalarFromBytes(r, bytes(NONCE));
  addScalars(s, s, r);
  memory.copy(d, bytes(COMMITMENT), 32);
  scalarToBytes(d + 32, s);
}

function beginChallenge(r: usize, a: usize): void {
  sha512Init(hash(0));
  sha512Update(hash(0), r, 32);
  sha512Update(hash(0), a, 32);
}

function finishChallenge(d: usize): void {
  sha512Final(hash(0), bytes(4));
  scalarFromWide(d, bytes(4));
}

/** First step of verifying: decodes R (point 0) and A (point 1), answers 0 when that is refused. Then the message. */
export function ed25519VerifyStart(signature: usize, publicKey: usize): i32 {
  if (!isCanonicalScalar(signature + 32)) return 0;
  if (decodeEdwardsTwo(point(0), point(1), signature, publicKey) != 3) return 0;
  if (isSmallOrder(point(1))) return 0;
  beginChallenge(signature, publicKey);
  return 1;
}

/** Last step: whether [8]([S]B - [k]A - R) is neutral. Variable-time, all inputs are public. */
export function ed25519VerifyFinish(signature: usize): i32 {
  finishChallenge(scalarAt(0));
  scalarToBytes(bytes(5), scalarAt(0));
  verificationSumVartime(point(2), signature + 32, bytes(5), point(1), point(0));
  return isSmallOrder(point(2));
}
