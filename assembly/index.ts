// The exported functions: what the host (src/crypto/) calls. Nothing is imported from the host.
//
// The host writes arguments to IN and the message, or a part of it, to MESSAGE, calls one function, reads OUT and calls
// `wipe`. Arguments follow each other in IN in the order in which they are named here. Scalars, elements, keys and seeds
// are 32 bytes. Results are a status (status.ts), or 1 and 0 for yes and no.
//
// From here down: oprf, opaque, schnorr and ed25519 are the protocols; hash-to-group, hkdf, hmac and sha512 hash;
// ristretto255 and edwards are the group, edwards-vartime and half-size its fast side for verification, where all inputs
// are public; scalar computes modulo the group order; field is the field, on one of two back ends (field-extmul,
// field-fma), and field-helpers what needs only its contract. tables.ts is generated, memory.ts says where everything lies.
//
// Why it is safe: nothing branches on a secret or uses one as an address (test/crypto/core-trace.test.ts); limbs stay within
// proved bounds (scripts/check-limb-bounds.js); after every operation memory is as it was before
// (test/crypto/core-memory.test.ts); and every result is compared with independent implementations.

import { equalBytes } from './bytes';
import {
  ed25519PublicKey as edPublicKey,
  ed25519SignFinish as edSignFinish,
  ed25519SignNonce as edSignNonce,
  ed25519SignStart as edSignStart,
  ed25519VerifyFinish as edVerifyFinish,
  ed25519VerifyStart as edVerifyStart,
} from './ed25519';
import { addPoints, initBase, multiplyBasePoint, multiplyPoint, subtractPoints } from './edwards';
import { initBaseVartime } from './edwards-vartime';
import { initConstants } from './field-helpers';
import { groupFinal, initXmd, scalarFinal, xmdFinal, xmdInit } from './hash-to-group';
import { hkdfExpand as expand } from './hkdf';
import { hmacFinal, hmacInit } from './hmac';
import { hash, IN, MESSAGE, MESSAGE_SIZE, OUT, point, scalarAt, wipe } from './memory';
import {
  oprfBlind as blind,
  oprfDeriveKeyPair as deriveKeyPair,
  oprfEvaluate as evaluate,
  oprfFinalize as finalize,
} from './oprf';
import { opaqueEnvelope as envelope, opaqueEvaluate as evaluateForRecord, opaqueOpen as openEnvelope } from './opaque';
import { decode, decodeTwo, encode, fromUniformBytes } from './ristretto255';
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
import {
  schnorrPublicKey as schnorrKey,
  schnorrSignFinish as signFinish,
  schnorrSignNonce as signNonce,
  schnorrSignStart as signStart,
  schnorrVerifyFinish as verifyFinish,
  schnorrVerifyStart as verifyStart,
} from './schnorr';
import { sha512Final, sha512Init, sha512Update } from './sha512';
import { BAD_ENCODING, BAD_LENGTH, checkKey, fits, OK } from './status';

export { IN, MESSAGE, MESSAGE_SIZE, OUT, wipe };

// Whoever calls with a length that an operation does not take gets BAD_LENGTH (functions that answer yes or no: 0), and
// nothing is read or written. So whatever the host does wrong, nothing outside the areas of memory.ts changes.

/** Keys of HMAC and HKDF: one block. */
const MAX_KEY: i32 = 128;
/** RFC 5869 and RFC 9380: 255 blocks. */
const MAX_EXPANDED: i32 = 255 * 64;
/** Tags and contexts: their length is one byte. */
const MAX_TAG: i32 = 255;
/** What has its length in two bytes before it. */
const MAX_LEN16: i32 = 65535;

/** Makes the tables. Called once, before anything else. */
export function init(): void {
  initConstants();
  initBase();
  initBaseVartime();
  initXmd();
  wipe(0, 0, 0);
}

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

// --- OPRF --------------------------------------------------------------------------------------------------------

/** IN: blind. MESSAGE: input. OUT: blinded element. */
export function oprfBlind(inputLength: i32): i32 {
  if (!fits(inputLength, MESSAGE_SIZE)) return BAD_LENGTH;
  return blind(OUT, IN, MESSAGE, inputLength);
}

/** IN: 64 random bytes. MESSAGE: input. OUT: blinded element, blind. */
export function oprfBlindRandom(inputLength: i32): i32 {
  if (!fits(inputLength, MESSAGE_SIZE)) return BAD_LENGTH;
  scalarFromWide(scalarAt(0), IN);
  scalarToBytes(OUT + 32, scalarAt(0));
  return blind(OUT, OUT + 32, MESSAGE, inputLength);
}

/** IN: private key, blinded element. OUT: evaluated element. */
export function oprfBlindEvaluate(): i32 {
  return evaluate(OUT, IN, IN + 32);
}

/** IN: blind, evaluated element. MESSAGE: input. OUT: 64 bytes. */
export function oprfFinalize(inputLength: i32): i32 {
  if (!fits(inputLength, MAX_LEN16)) return BAD_LENGTH;
  return finalize(OUT, IN, IN + 32, MESSAGE, inputLength);
}

/** IN: seed. MESSAGE: info. OUT: private key, public key. */
export function oprfDeriveKeyPair(infoLength: i32): i32 {
  if (!fits(infoLength, MAX_LEN16)) return BAD_LENGTH;
  return deriveKeyPair(OUT, IN, MESSAGE, infoLength);
}

// --- OPAQUE ------------------------------------------------------------------------------------------------------

/** IN: OPRF seed (64), blinded element. MESSAGE: credential identifier. OUT: evaluated element. */
export function opaqueEvaluate(identifierLength: i32): i32 {
  if (!fits(identifierLength, MESSAGE_SIZE)) return BAD_LENGTH;
  return evaluateForRecord(OUT, IN, IN + 64, MESSAGE, identifierLength);
}

/** Whether both lengths are -1 or fit into two bytes, and the identities into MESSAGE. */
function areIdentities(serverLength: i32, clientLength: i32): bool {
  if (!fits(serverLength + 1, MAX_LEN16 + 1) || !fits(clientLength + 1, MAX_LEN16 + 1)) return false;
  return max(serverLength, 0) + max(clientLength, 0) <= MESSAGE_SIZE;
}

/**
 * IN: randomized password (64), envelope nonce, server public key. MESSAGE: server identity, client identity; a length of
 * -1 stands for the public key. OUT: client private key, client public key, export key (64), masking key (64), tag (64).
 */
export function opaqueSeal(serverLength: i32, clientLength: i32): i32 {
  if (!areIdentities(serverLength, clientLength)) return BAD_LENGTH;
  return envelope(OUT, IN, IN + 64, IN + 96, MESSAGE, serverLength, clientLength);
}

/** As opaqueSeal, with the envelope's tag (64) after the server public key; fails when it does not match. */
export function opaqueOpen(serverLength: i32, clientLength: i32): i32 {
  if (!areIdentities(serverLength, clientLength)) return BAD_LENGTH;
  return openEnvelope(OUT, IN, IN + 64, IN + 96, IN + 128, MESSAGE, serverLength, clientLength);
}

// --- Schnorr -----------------------------------------------------------------------------------------------------

/** IN: private key. OUT: public key. */
export function schnorrPublicKey(): i32 {
  return schnorrKey(OUT, IN);
}

/**
 * IN: private key, random, public key, context. `keyGiven` is 1 when the public key is to be taken from there, and 0 when
 * it is to be computed. Then the message by hashUpdate, schnorrSignNonce, the message again, schnorrSignFinish.
 */
export function schnorrSignStart(keyGiven: i32, contextLength: i32): i32 {
  if (!fits(contextLength, MAX_TAG)) return BAD_LENGTH;
  return signStart(IN, IN + 32, keyGiven ? IN + 64 : 0, IN + 96, contextLength);
}

export function schnorrSignNonce(contextLength: i32): i32 {
  if (!fits(contextLength, MAX_TAG)) return BAD_LENGTH;
  return signNonce(IN + 96, contextLength);
}

/** OUT: signature. */
export function schnorrSignFinish(): void {
  signFinish(OUT, IN);
}

/** The whole of it for a message that fits into MESSAGE; IN as in schnorrSignStart. OUT: signature. */
export function schnorrSign(keyGiven: i32, contextLength: i32, messageLength: i32): i32 {
  if (!fits(messageLength, MESSAGE_SIZE)) return BAD_LENGTH;
  let status = schnorrSignStart(keyGiven, contextLength);
  if (status != OK) return status;
  hashUpdate(messageLength);
  status = schnorrSignNonce(contextLength);
  if (status != OK) return status;
  hashUpdate(messageLength);
  schnorrSignFinish();
  return OK;
}

/** IN: signature, public key, context. 0 when it can never be valid; then the message, schnorrVerifyFinish. */
export function schnorrVerifyStart(contextLength: i32): i32 {
  if (!fits(contextLength, MAX_TAG)) return 0;
  return verifyStart(IN, IN + 64, IN + 96, contextLength);
}

export function schnorrVerifyFinish(): i32 {
  return verifyFinish(IN);
}

/** The whole of it for a message that fits into MESSAGE. IN: signature, public key, context. */
export function schnorrVerify(contextLength: i32, messageLength: i32): i32 {
  if (!fits(messageLength, MESSAGE_SIZE)) return 0;
  if (!schnorrVerifyStart(contextLength)) return 0;
  hashUpdate(messageLength);
  return schnorrVerifyFinish();
}

// --- Ed25519 -----------------------------------------------------------------------------------------------------

/** IN: seed. OUT: public key. */
export function ed25519PublicKey(): void {
  edPublicKey(OUT, IN);
}

/** IN: seed, public key. Then the message by hashUpdate, ed25519SignNonce, the message again, ed25519SignFinish. */
export function ed25519SignStart(): void {
  edSignStart(IN);
}

/** `keyGiven` is 1 when the public key is to be taken from IN, and 0 when it is to be computed. */
export function ed25519SignNonce(keyGiven: i32): void {
  edSignNonce(keyGiven ? IN + 32 : 0);
}

/** OUT: signature. */
export function ed25519SignFinish(): void {
  edSignFinish(OUT);
}

/** The whole of it for a message that fits into MESSAGE. IN: seed, public key. OUT: signature. */
export function ed25519Sign(keyGiven: i32, messageLength: i32): i32 {
  if (!fits(messageLength, MESSAGE_SIZE)) return BAD_LENGTH;
  ed25519SignStart();
  hashUpdate(messageLength);
  ed25519SignNonce(keyGiven);
  hashUpdate(messageLength);
  ed25519SignFinish();
  return OK;
}

/** IN: signature, public key. 0 when it can never be valid; then the message, ed25519VerifyFinish. */
export function ed25519VerifyStart(): i32 {
  return edVerifyStart(IN, IN + 64);
}

export function ed25519VerifyFinish(): i32 {
  return edVerifyFinish(IN);
}

/** The whole of it for a message that fits into MESSAGE. IN: signature, public key. */
export function ed25519Verify(messageLength: i32): i32 {
  if (!fits(messageLength, MESSAGE_SIZE)) return 0;
  if (!ed25519VerifyStart()) return 0;
  hashUpdate(messageLength);
  return ed25519VerifyFinish();
}
