// Whole operations of OPAQUE, RFC 9807, with the keys that they derive kept inside. Lengths: Nh = Nm = 64, Nn = Nseed = 32.

import { equalBytes } from './bytes';
import { hkdfExpandLabel } from './hkdf';
import { hmacFinal, hmacInit } from './hmac';
import { bytes, hash } from './memory';
import { oprfDeriveKeyPair, oprfDerivePrivateKey, oprfEvaluate, oprfEvaluateDecoded } from './oprf';
import { sha512Update } from './sha512';
import { BAD_ENVELOPE, OK } from './status';
import {
  AUTH_KEY_LABEL,
  AUTH_KEY_LABEL_LENGTH,
  EXPORT_KEY_LABEL,
  EXPORT_KEY_LABEL_LENGTH,
  MASKING_KEY_LABEL,
  MASKING_KEY_LABEL_LENGTH,
  OPAQUE_CLIENT_KEY_INFO,
  OPAQUE_CLIENT_KEY_INFO_LENGTH,
  OPAQUE_KEY_PAIR_INFO,
  OPAQUE_KEY_PAIR_INFO_LENGTH,
  OPRF_KEY_LABEL,
  OPRF_KEY_LABEL_LENGTH,
  PRIVATE_KEY_LABEL,
  PRIVATE_KEY_LABEL_LENGTH,
} from './tables';

const SEED: i32 = 16;
const AUTH_KEY: i32 = 17;
const OPRF_KEY: i32 = 18;

/**
 * Section 5.2.2: writes the blinded element, evaluated under the OPRF key of `credentialIdentifier`, to `d`. `element` is
 * its encoding, or its coordinates when it is decoded.
 */
export function opaqueEvaluate(
  d: usize,
  oprfSeed: usize,
  element: usize,
  isDecoded: bool,
  identifier: usize,
  length: i32,
): i32 {
  const seed = bytes(SEED);
  hkdfExpandLabel(seed, 32, oprfSeed, 64, identifier, length, OPRF_KEY_LABEL, OPRF_KEY_LABEL_LENGTH);
  const key = bytes(OPRF_KEY);
  const status = oprfDerivePrivateKey(key, seed, OPAQUE_KEY_PAIR_INFO, OPAQUE_KEY_PAIR_INFO_LENGTH);
  if (status != OK) return status;
  return isDecoded ? oprfEvaluateDecoded(d, key, element) : oprfEvaluate(d, key, element);
}

/** Absorbs len16 of an identity, or of the public key where it is absent (length -1). Uses bytes 3. */
function absorbIdentity(hmac: usize, identity: usize, length: i32, publicKey: usize): void {
  if (length < 0) {
    identity = publicKey;
    length = 32;
  }
  store<u8>(bytes(3), <u8>(length >> 8));
  store<u8>(bytes(3), <u8>length, 1);
  sha512Update(hmac, bytes(3), 2);
  sha512Update(hmac, identity, length);
}

/**
 * What Store and Recover share (sections 4.1.2 and 4.1.3). Writes to `d`: client private key 32, client public key 32,
 * export key 64, masking key 64, authentication tag 64. The identities follow each other at `identities`; a length of -1
 * stands for the public key of that side.
 */
export function opaqueEnvelope(
  d: usize,
  randomizedPassword: usize,
  nonce: usize,
  serverPublicKey: usize,
  identities: usize,
  serverLength: i32,
  clientLength: i32,
): i32 {
  const seed = bytes(SEED);
  const authKey = bytes(AUTH_KEY);
  const prk = randomizedPassword;
  hkdfExpandLabel(seed, 32, prk, 64, nonce, 32, PRIVATE_KEY_LABEL, PRIVATE_KEY_LABEL_LENGTH);
  hkdfExpandLabel(authKey, 64, prk, 64, nonce, 32, AUTH_KEY_LABEL, AUTH_KEY_LABEL_LENGTH);
  hkdfExpandLabel(d + 64, 64, prk, 64, nonce, 32, EXPORT_KEY_LABEL, EXPORT_KEY_LABEL_LENGTH);
  hkdfExpandLabel(d + 128, 64, prk, 64, MASKING_KEY_LABEL, MASKING_KEY_LABEL_LENGTH, 0, 0);
  const status = oprfDeriveKeyPair(d, seed, OPAQUE_CLIENT_KEY_INFO, OPAQUE_CLIENT_KEY_INFO_LENGTH);
  if (status != OK) return status;
  const hmac = hash(2);
  hmacInit(hmac, authKey, 64);
  sha512Update(hmac, nonce, 32);
  sha512Update(hmac, serverPublicKey, 32);
  absorbIdentity(hmac, identities, serverLength, serverPublicKey);
  absorbIdentity(hmac, identities + <usize>max(serverLength, 0), clientLength, d + 32);
  hmacFinal(hmac, d + 192);
  return OK;
}

/** Recover: as `opaqueEnvelope`, and compares the tag. The same work whether or not it matches. */
export function opaqueOpen(
  d: usize,
  randomizedPassword: usize,
  nonce: usize,
  serverPublicKey: usize,
  tag: usize,
  identities: usize,
  serverLength: i32,
  clientLength: i32,
): i32 {
  const status = opaqueEnvelope(d, randomizedPassword, nonce, serverPublicKey, identities, serverLength, clientLength);
  if (status != OK) return status;
  return equalBytes(d + 192, tag, 64) ? OK : BAD_ENVELOPE;
}
