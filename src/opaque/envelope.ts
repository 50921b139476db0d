import { concat, len16 } from '../../proto/transcript.js';
import type { Crypto } from '../crypto/types.js';
import { OPAQUE_LABEL, N } from './labels.js';

/**
 * Who the envelope is bound to. An absent one stands for the public key of that side (RFC 9807 section 4); blindsalt.v1
 * always gives both: server = UTF-8 of the domain, client = UTF-8 of the prepared username. 1 to 65535 bytes each.
 */
export interface Identities {
  readonly server?: Uint8Array | undefined;
  readonly client?: Uint8Array | undefined;
}

/** What the randomized password gives for one envelope nonce. All secret except `clientPublicKey`. */
export interface EnvelopeKeys {
  /** 64 bytes. */
  readonly authKey: Uint8Array;
  /** 64 bytes. */
  readonly exportKey: Uint8Array;
  /** Scalar, 32 bytes. */
  readonly clientPrivateKey: Uint8Array;
  /** Element, 32 bytes. */
  readonly clientPublicKey: Uint8Array;
}

/** The derivations that Store and Recover share, RFC 9807 sections 4.1.2 and 4.1.3. */
export function deriveEnvelopeKeys(
  crypto: Crypto,
  randomizedPassword: Uint8Array,
  envelopeNonce: Uint8Array,
): EnvelopeKeys {
  const expand = (label: Uint8Array, length: number): Uint8Array =>
    crypto.hkdfSha512.expand(randomizedPassword, concat(envelopeNonce, label), length);
  const seed = expand(OPAQUE_LABEL.privateKey, N.seed);
  const pair = crypto.oprf.deriveKeyPair(seed, OPAQUE_LABEL.deriveDiffieHellmanKeyPair);
  crypto.wipe(seed);
  return {
    authKey: expand(OPAQUE_LABEL.authKey, N.hash),
    exportKey: expand(OPAQUE_LABEL.exportKey, N.hash),
    clientPrivateKey: pair.privateKey,
    clientPublicKey: pair.publicKey,
  };
}

/** The envelope's authentication tag over nonce and CleartextCredentials, 64 bytes. */
export function authenticate(
  crypto: Crypto,
  keys: EnvelopeKeys,
  envelopeNonce: Uint8Array,
  serverPublicKey: Uint8Array,
  identities: Identities,
): Uint8Array {
  return crypto.hmacSha512(
    keys.authKey,
    concat(
      envelopeNonce,
      serverPublicKey,
      len16(identities.server ?? serverPublicKey),
      len16(identities.client ?? keys.clientPublicKey),
    ),
  );
}

/** Masks or unmasks server public key ‖ envelope (128 bytes), RFC 9807 sections 6.3.2.2 and 6.3.2.3. */
export function maskResponse(
  crypto: Crypto,
  maskingKey: Uint8Array,
  maskingNonce: Uint8Array,
  response: Uint8Array,
): Uint8Array {
  const pad = crypto.hkdfSha512.expand(
    maskingKey,
    concat(maskingNonce, OPAQUE_LABEL.credentialResponsePad),
    N.publicKey + N.envelope,
  );
  for (let i = 0; i < pad.length; i++) pad[i]! ^= response[i]!;
  return pad;
}
