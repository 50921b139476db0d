import { BYTES } from '../../proto/constants.js';
import { BlindsaltError } from '../../proto/errors.js';
import { concat } from '../../proto/transcript.js';
import { checkLength } from '../crypto/checks.js';
import type { Crypto } from '../crypto/types.js';
import { authenticate, deriveEnvelopeKeys, maskResponse, type Identities } from './envelope.js';
import { OPAQUE_LABEL, N } from './labels.js';

const NO_SALT = new Uint8Array(0);

export interface Request {
  /** The secret blinding scalar, 32 bytes; keep it for `finalizeOprf`, then wipe it. */
  readonly blind: Uint8Array;
  /** RegistrationRequest or CredentialRequest: the blinded element, 32 bytes. */
  readonly request: Uint8Array;
}

export interface Registration {
  /** RFC 9807 RegistrationRecord, 192 bytes: client public key 32 ‖ masking key 64 ‖ envelope 96. */
  readonly record: Uint8Array;
  /** 64 bytes that the server never learns; secret. */
  readonly exportKey: Uint8Array;
  /** Scalar, 32 bytes; secret. */
  readonly clientPrivateKey: Uint8Array;
  /** Element, 32 bytes. */
  readonly clientPublicKey: Uint8Array;
}

export interface Credentials {
  /** Scalar, 32 bytes; secret. */
  readonly clientPrivateKey: Uint8Array;
  /** Element, 32 bytes. */
  readonly clientPublicKey: Uint8Array;
  /** 32 bytes, authenticated by the envelope. */
  readonly serverPublicKey: Uint8Array;
  /** 64 bytes; secret. */
  readonly exportKey: Uint8Array;
}

/**
 * CreateRegistrationRequest and CreateCredentialRequest, RFC 9807 sections 5.2.1 and 6.3.2.1, which are the same.
 * @param oprfInput 0 to 65535 bytes, see `oprfInput` in `proto/transcript.ts`
 * @param blind a non-zero scalar, for tests; else random
 * @throws BlindsaltError `crypto-length`, `crypto-randomness`
 */
export function createRequest(crypto: Crypto, oprfInput: Uint8Array, blind?: Uint8Array): Request {
  const result = crypto.oprf.blind(oprfInput, blind);
  return { blind: result.blind, request: result.blindedElement };
}

/**
 * The OPRF's output: Finalize of RFC 9497 section 3.3.1, 64 bytes. Secret.
 * @param evaluated the element that the server answered, 32 bytes
 * @throws BlindsaltError `crypto-length`, `crypto-encoding`, `crypto-identity`
 */
export function finalizeOprf(
  crypto: Crypto,
  oprfInput: Uint8Array,
  blind: Uint8Array,
  evaluated: Uint8Array,
): Uint8Array {
  return crypto.oprf.finalize(oprfInput, blind, evaluated);
}

/**
 * randomized_password of RFC 9807 sections 5.2.3 and 6.3.2.3: Extract("", oprf_output ‖ stretched), 64 bytes. Secret.
 * @param oprfOutput 64 bytes from `finalizeOprf`
 * @param stretched 64 bytes from the key stretching function over `oprfOutput`
 * @throws BlindsaltError `crypto-length`
 */
export function randomizedPassword(crypto: Crypto, oprfOutput: Uint8Array, stretched: Uint8Array): Uint8Array {
  checkLength('oprfOutput', oprfOutput, N.hash);
  checkLength('stretched', stretched, N.hash);
  const ikm = concat(oprfOutput, stretched);
  const randomized = crypto.hkdfSha512.extract(NO_SALT, ikm);
  crypto.wipe(ikm);
  return randomized;
}

/**
 * FinalizeRegistrationRequest from the randomized password on, RFC 9807 sections 5.2.3 and 4.1.2 (Store).
 * @param randomizedPassword 64 bytes
 * @param serverPublicKey 32 bytes, the second half of the RegistrationResponse
 * @param envelopeNonce 32 bytes, for tests; else random
 * @throws BlindsaltError `crypto-length`, `crypto-randomness`
 */
export function finalizeRegistration(
  crypto: Crypto,
  randomizedPassword: Uint8Array,
  serverPublicKey: Uint8Array,
  identities: Identities,
  envelopeNonce: Uint8Array = crypto.randomBytes(N.nonce),
): Registration {
  checkLength('randomizedPassword', randomizedPassword, N.hash);
  checkLength('serverPublicKey', serverPublicKey, N.publicKey);
  checkLength('envelopeNonce', envelopeNonce, N.nonce);
  const maskingKey = crypto.hkdfSha512.expand(randomizedPassword, OPAQUE_LABEL.maskingKey, N.hash);
  const keys = deriveEnvelopeKeys(crypto, randomizedPassword, envelopeNonce);
  const tag = authenticate(crypto, keys, envelopeNonce, serverPublicKey, identities);
  const record = concat(keys.clientPublicKey, maskingKey, envelopeNonce, tag);
  crypto.wipe(maskingKey, keys.authKey);
  return {
    record,
    exportKey: keys.exportKey,
    clientPrivateKey: keys.clientPrivateKey,
    clientPublicKey: keys.clientPublicKey,
  };
}

/**
 * RecoverCredentials from the randomized password on, RFC 9807 sections 6.3.2.3 and 4.1.3 (Recover). Does the same work
 * whether or not the envelope opens.
 * @param randomizedPassword 64 bytes
 * @param response CredentialResponse, 192 bytes
 * @throws BlindsaltError `crypto-length`, `envelope-invalid`
 */
export function recoverCredentials(
  crypto: Crypto,
  randomizedPassword: Uint8Array,
  response: Uint8Array,
  identities: Identities,
): Credentials {
  checkLength('randomizedPassword', randomizedPassword, N.hash);
  checkLength('response', response, BYTES.credentialResponse);
  const maskingNonce = response.subarray(N.publicKey, N.publicKey + N.nonce);
  const maskingKey = crypto.hkdfSha512.expand(randomizedPassword, OPAQUE_LABEL.maskingKey, N.hash);
  const clear = maskResponse(crypto, maskingKey, maskingNonce, response.subarray(N.publicKey + N.nonce));
  const serverPublicKey = clear.slice(0, N.publicKey);
  const envelopeNonce = clear.subarray(N.publicKey, N.publicKey + N.nonce);
  const tag = clear.subarray(N.publicKey + N.nonce);
  const keys = deriveEnvelopeKeys(crypto, randomizedPassword, envelopeNonce);
  const opened = crypto.equal(tag, authenticate(crypto, keys, envelopeNonce, serverPublicKey, identities));
  crypto.wipe(maskingKey, keys.authKey);
  if (!opened) {
    crypto.wipe(keys.clientPrivateKey, keys.exportKey);
    throw new BlindsaltError('envelope-invalid');
  }
  return {
    clientPrivateKey: keys.clientPrivateKey,
    clientPublicKey: keys.clientPublicKey,
    serverPublicKey,
    exportKey: keys.exportKey,
  };
}
