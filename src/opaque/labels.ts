const utf8 = new TextEncoder();

/** Labels of RFC 9807, sections 4 to 6, in ASCII. */
export const OPAQUE_LABEL = {
  authKey: utf8.encode('AuthKey'),
  exportKey: utf8.encode('ExportKey'),
  privateKey: utf8.encode('PrivateKey'),
  maskingKey: utf8.encode('MaskingKey'),
  oprfKey: utf8.encode('OprfKey'),
  credentialResponsePad: utf8.encode('CredentialResponsePad'),
  deriveKeyPair: utf8.encode('OPAQUE-DeriveKeyPair'),
  deriveDiffieHellmanKeyPair: utf8.encode('OPAQUE-DeriveDiffieHellmanKeyPair'),
} as const;

/** Lengths in bytes, RFC 9807 sections 2 and 4 for ristretto255 and SHA-512. */
export const N = {
  /** Nonces (Nn). */
  nonce: 32,
  /** Hashes (Nh, Nx) and MACs (Nm). */
  hash: 64,
  /** Public keys and elements (Npk, Noe). */
  publicKey: 32,
  /** Seeds of key pairs (Nseed) and OPRF keys (Nok). */
  seed: 32,
  /** Envelope: nonce, authentication tag. */
  envelope: 96,
} as const;
