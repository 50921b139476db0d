import { BYTES } from '../../proto/constants.js';
import { concat } from '../../proto/transcript.js';
import { checkLength } from '../crypto/checks.js';
import type { Crypto, DecodedElement } from '../crypto/types.js';
import { maskResponse } from './envelope.js';
import { OPAQUE_LABEL, N } from './labels.js';

/** The parts of a RFC 9807 RegistrationRecord; views into it. */
export interface RecordParts {
  /** Element, 32 bytes; not checked here. */
  readonly clientPublicKey: Uint8Array;
  /** 64 bytes. */
  readonly maskingKey: Uint8Array;
  /** 96 bytes: nonce 32, authentication tag 64. */
  readonly envelope: Uint8Array;
}

/**
 * The OPRF key of one record, RFC 9807 section 5.2.2. Secret; the caller wipes it. The plain form, which the tests compare
 * with: the server evaluates with `crypto.opaque.evaluate`, from which the key never comes out.
 * @param oprfSeed 64 bytes, the server's secret
 * @param credentialIdentifier unique for each record; blindsalt.v1 draws 32 random bytes
 * @returns a non-zero scalar, 32 bytes
 * @throws BlindsaltError `crypto-length`
 */
export function deriveOprfKey(crypto: Crypto, oprfSeed: Uint8Array, credentialIdentifier: Uint8Array): Uint8Array {
  checkLength('oprfSeed', oprfSeed, N.hash);
  const seed = crypto.hkdfSha512.expand(oprfSeed, concat(credentialIdentifier, OPAQUE_LABEL.oprfKey), N.seed);
  const { privateKey } = crypto.oprf.deriveKeyPair(seed, OPAQUE_LABEL.deriveKeyPair);
  crypto.wipe(seed);
  return privateKey;
}

function evaluate(
  crypto: Crypto,
  request: Uint8Array | DecodedElement,
  credentialIdentifier: Uint8Array,
  oprfSeed: Uint8Array,
): Uint8Array {
  if (request instanceof Uint8Array) checkLength('request', request, BYTES.registrationRequest);
  checkLength('oprfSeed', oprfSeed, N.hash);
  return crypto.opaque.evaluate(oprfSeed, credentialIdentifier, request);
}

/**
 * CreateRegistrationResponse, RFC 9807 section 5.2.2.
 * @param request RegistrationRequest, 32 bytes, as it came from the client, or decoded
 * @param serverPublicKey 32 bytes
 * @returns RegistrationResponse, 64 bytes: evaluated element ‖ server public key
 * @throws BlindsaltError `crypto-length`, `crypto-encoding`, `crypto-identity`
 */
export function createRegistrationResponse(
  crypto: Crypto,
  request: Uint8Array | DecodedElement,
  serverPublicKey: Uint8Array,
  credentialIdentifier: Uint8Array,
  oprfSeed: Uint8Array,
): Uint8Array {
  checkLength('serverPublicKey', serverPublicKey, N.publicKey);
  return concat(evaluate(crypto, request, credentialIdentifier, oprfSeed), serverPublicKey);
}

/**
 * CreateCredentialResponse, RFC 9807 section 6.3.2.2. Constant-time in the record, so a decoy costs the same.
 * @param request CredentialRequest, 32 bytes, as it came from the client, or decoded
 * @param serverPublicKey 32 bytes, of the key that the record was made with
 * @param registrationRecord 192 bytes; for an unknown user one with a random masking key and an envelope of zeros
 * @param maskingNonce 32 bytes, for tests; else random
 * @returns CredentialResponse, 192 bytes: evaluated element 32 ‖ masking nonce 32 ‖ masked response 128
 * @throws BlindsaltError `crypto-length`, `crypto-encoding`, `crypto-identity`
 */
export function createCredentialResponse(
  crypto: Crypto,
  request: Uint8Array | DecodedElement,
  serverPublicKey: Uint8Array,
  registrationRecord: Uint8Array,
  credentialIdentifier: Uint8Array,
  oprfSeed: Uint8Array,
  maskingNonce: Uint8Array = crypto.randomBytes(N.nonce),
): Uint8Array {
  checkLength('serverPublicKey', serverPublicKey, N.publicKey);
  checkLength('maskingNonce', maskingNonce, N.nonce);
  const { maskingKey, envelope } = splitRecord(registrationRecord);
  const evaluated = evaluate(crypto, request, credentialIdentifier, oprfSeed);
  const masked = maskResponse(crypto, maskingKey, maskingNonce, concat(serverPublicKey, envelope));
  return concat(evaluated, maskingNonce, masked);
}

/**
 * Splits a RegistrationRecord (192 bytes) into its parts, RFC 9807 section 5.1.
 * @throws BlindsaltError `crypto-length`
 */
export function splitRecord(record: Uint8Array): RecordParts {
  checkLength('record', record, BYTES.registrationRecord);
  return {
    clientPublicKey: record.subarray(0, N.publicKey),
    maskingKey: record.subarray(N.publicKey, N.publicKey + N.hash),
    envelope: record.subarray(N.publicKey + N.hash),
  };
}
