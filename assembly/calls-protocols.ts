// The exported functions for OPRF, OPAQUE, Schnorr and Ed25519; see index.ts.

import { hashUpdate } from './calls';
import {
  ed25519PublicKey as edPublicKey,
  ed25519SignFinish as edSignFinish,
  ed25519SignNonce as edSignNonce,
  ed25519SignStart as edSignStart,
  ed25519VerifyFinish as edVerifyFinish,
  ed25519VerifyStart as edVerifyStart,
} from './ed25519';
import { IN, MESSAGE, MESSAGE_SIZE, OUT, scalarAt } from './memory';
import {
  oprfBlind as blind,
  oprfDeriveKeyPair as deriveKeyPair,
  oprfEvaluate as evaluate,
  oprfFinalize as finalize,
} from './oprf';
import { opaqueEnvelope as envelope, opaqueEvaluate as evaluateForRecord, opaqueOpen as openEnvelope } from './opaque';
import { scalarFromWide, scalarToBytes } from './scalar';
import {
  schnorrPublicKey as schnorrKey,
  schnorrSignFinish as signFinish,
  schnorrSignNonce as signNonce,
  schnorrSignStart as signStart,
  schnorrVerifyFinish as verifyFinish,
  schnorrVerifyStart as verifyStart,
} from './schnorr';
import { BAD_LENGTH, fits, MAX_TAG, OK } from './status';

/** What has its length in two bytes before it. */
const MAX_LEN16: i32 = 65535;

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

/**
 * IN: OPRF seed (64), blinded element, or what `ristrettoDecode` made of it when `isDecoded` is 1. MESSAGE: credential
 * identifier. OUT: evaluated element.
 */
export function opaqueEvaluate(isDecoded: i32, identifierLength: i32): i32 {
  if (!fits(identifierLength, MESSAGE_SIZE)) return BAD_LENGTH;
  return evaluateForRecord(OUT, IN, IN + 64, isDecoded != 0, MESSAGE, identifierLength);
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
