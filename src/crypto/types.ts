/**
 * The cryptographic core as TypeScript sees it. Every byte string is a `Uint8Array`; what goes in is not kept or
 * changed, what comes out is a fresh copy. Lengths and encodings are checked before anything is computed, and a
 * `BlindsaltError` says what was wrong:
 *
 * - `crypto-length`: a byte string has the wrong length,
 * - `crypto-encoding`: 32 bytes are not a canonical group element or scalar,
 * - `crypto-identity`: the identity element or a zero scalar where it is forbidden,
 * - `crypto-randomness`: the source of randomness is missing, failed or gave too few bytes.
 *
 * Only `verify`, `isValid`, `isCanonical` and `equal` answer `false` instead of throwing.
 *
 * Elements are 32 bytes as in RFC 9496. Scalars are integers below ℓ = 2^252 + 27742317777372353535851937790883648493,
 * in 32 bytes, little-endian.
 */

/** Returns `length` bytes from a cryptographically secure source. */
export type RandomSource = (length: number) => Uint8Array;

/** An element after its decoding, by which an operation that takes it saves its own. Not a secret. */
export interface DecodedElement {
  readonly isIdentity: boolean;
}

/** The prime-order group ristretto255, RFC 9496. Takes and returns the identity (32 zero bytes). */
export interface Ristretto255 {
  /** Whether these bytes are the canonical encoding of an element; anything else than 32 such bytes is `false`. */
  isValid(element: Uint8Array): boolean;
  /** For operations that take it decoded; throws like them. */
  decode(element: Uint8Array): DecodedElement;
  /** Maps 64 uniform bytes to an element, RFC 9496 section 4.3.4 (the one-way map). */
  fromUniformBytes(bytes64: Uint8Array): Uint8Array;
  add(p: Uint8Array, q: Uint8Array): Uint8Array;
  subtract(p: Uint8Array, q: Uint8Array): Uint8Array;
  /** k·p; `k` may be zero. Constant-time in both. */
  multiply(k: Uint8Array, p: Uint8Array): Uint8Array;
  /** k·B with the generator B; `k` may be zero. Constant-time. */
  multiplyBase(k: Uint8Array): Uint8Array;
}

/** Integers modulo the group order ℓ. Constant-time throughout. */
export interface ScalarArithmetic {
  /** Reduces a 64-byte little-endian integer modulo ℓ. */
  reduce(bytes64: Uint8Array): Uint8Array;
  add(a: Uint8Array, b: Uint8Array): Uint8Array;
  subtract(a: Uint8Array, b: Uint8Array): Uint8Array;
  multiply(a: Uint8Array, b: Uint8Array): Uint8Array;
  negate(a: Uint8Array): Uint8Array;
  /** 1/a; throws `crypto-identity` when `a` is zero. */
  invert(a: Uint8Array): Uint8Array;
  /** Whether these are 32 bytes of an integer below ℓ (zero included). */
  isCanonical(a: Uint8Array): boolean;
}

export interface BlindResult {
  /** The secret blinding scalar, 32 bytes; keep it for `finalize`, then wipe it. */
  readonly blind: Uint8Array;
  /** What is sent to the server, 32 bytes. */
  readonly blindedElement: Uint8Array;
}

export interface KeyPair {
  /** A non-zero scalar, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** The element privateKey·B, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** RFC 9497, mode OPRF (0x00), suite ristretto255-SHA512. */
export interface Oprf {
  /**
   * RFC 9497 section 3.3.1. `input` is 0 to 65535 bytes. `blind` (a non-zero scalar) is for tests; without it a random
   * one is drawn. Throws `crypto-identity` in the negligible case that the input maps to the identity.
   */
  blind(input: Uint8Array, blind?: Uint8Array): BlindResult;
  /** RFC 9497 section 3.3.1; `privateKey` is a non-zero scalar. Refuses the identity element. */
  blindEvaluate(privateKey: Uint8Array, blindedElement: Uint8Array): Uint8Array;
  /** RFC 9497 section 3.3.1; `blind` is a non-zero scalar; gives 64 bytes. Refuses the identity element. */
  finalize(input: Uint8Array, blind: Uint8Array, evaluatedElement: Uint8Array): Uint8Array;
  /** RFC 9497 section 3.2.1; `seed` is 32 bytes, `info` 0 to 65535 bytes. */
  deriveKeyPair(seed: Uint8Array, info: Uint8Array): KeyPair;
}

/** Schnorr signatures over ristretto255 with SHA-512, as `proto/PROTOCOL.md` defines them. 64 bytes: R ‖ s. */
export interface Schnorr {
  /** privateKey·B; `privateKey` is a non-zero scalar. */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /**
   * `context` is 0 to 255 bytes. The nonce is hedged: derived from the key, the message and 32 bytes of randomness
   * (`random`, for tests; else drawn from the source of randomness).
   */
  sign(message: Uint8Array, privateKey: Uint8Array, context: Uint8Array, random?: Uint8Array): Uint8Array;
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array, context: Uint8Array): boolean;
  /** For many signatures by one key: the public key is computed once, which halves the work of each. */
  createSigner(privateKey: Uint8Array): SchnorrSigner;
}

/** Holds a copy of a private key until it is wiped. */
export interface SchnorrSigner {
  readonly publicKey: Uint8Array;
  /** As `Schnorr.sign`. */
  sign(message: Uint8Array, context: Uint8Array, random?: Uint8Array): Uint8Array;
  /** Overwrites the key; the signer cannot be used afterwards. */
  wipe(): void;
}

/**
 * Ed25519, RFC 8032 section 5.1. `verify` is the strict cofactored rule: canonical A and R, S < ℓ, A not of small order,
 * and [8][S]B = [8]R + [8][k]A. @noble/curves with `zip215: false` decides alike; libsodium and OpenSSL, which leave the
 * factor 8 out, refuse signatures with a part of small order, which no honest signer makes.
 */
export interface Ed25519 {
  /** `seed` is the 32-byte private key of RFC 8032. */
  publicKey(seed: Uint8Array): Uint8Array;
  sign(message: Uint8Array, seed: Uint8Array): Uint8Array;
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  /** For many signatures by one key: the public key is computed once, which halves the work of each. */
  createSigner(seed: Uint8Array): Ed25519Signer;
}

/** Holds a copy of a seed until it is wiped. */
export interface Ed25519Signer {
  readonly publicKey: Uint8Array;
  /** As `Ed25519.sign`. */
  sign(message: Uint8Array): Uint8Array;
  /** Overwrites the seed; the signer cannot be used afterwards. */
  wipe(): void;
}

/** Who an envelope is bound to; an absent one stands for the public key of that side. Together at most 65536 bytes. */
export interface OpaqueIdentities {
  readonly server?: Uint8Array | undefined;
  readonly client?: Uint8Array | undefined;
}

/** What RFC 9807's Store and Recover derive. All secret except `clientPublicKey` and `tag`. */
export interface Envelope {
  /** Scalar, 32 bytes. */
  readonly clientPrivateKey: Uint8Array;
  /** Element, 32 bytes. */
  readonly clientPublicKey: Uint8Array;
  /** 64 bytes. */
  readonly exportKey: Uint8Array;
  /** 64 bytes. */
  readonly maskingKey: Uint8Array;
  /** auth_tag, 64 bytes. */
  readonly tag: Uint8Array;
}

/** Operations of RFC 9807 with ristretto255 and SHA-512 in one piece: the keys in between never leave the core. */
export interface Opaque {
  /**
   * Section 5.2.2: evaluates a blinded element under the OPRF key derived from `oprfSeed` (64 bytes) and
   * `credentialIdentifier` (0 to 65000 bytes). Refuses the identity element.
   */
  evaluate(
    oprfSeed: Uint8Array,
    credentialIdentifier: Uint8Array,
    blindedElement: Uint8Array | DecodedElement,
  ): Uint8Array;
  /** Store, section 4.1.2; `randomizedPassword` is 64 bytes, `nonce` and `serverPublicKey` 32. */
  sealEnvelope(
    randomizedPassword: Uint8Array,
    nonce: Uint8Array,
    serverPublicKey: Uint8Array,
    identities?: OpaqueIdentities,
  ): Envelope;
  /** Recover, section 4.1.3; throws `envelope-invalid` when `tag` does not match, after the same work. */
  openEnvelope(
    randomizedPassword: Uint8Array,
    nonce: Uint8Array,
    tag: Uint8Array,
    serverPublicKey: Uint8Array,
    identities?: OpaqueIdentities,
  ): Envelope;
}

/** A hash computation in parts. */
export interface Sha512Hash {
  /** Absorbs bytes; returns itself. */
  update(bytes: Uint8Array): Sha512Hash;
  /** The 64-byte digest of what was absorbed so far and `last`. Does not change the state: other bytes may follow. */
  digest(last?: Uint8Array): Uint8Array;
  /** An independent copy of the state. */
  clone(): Sha512Hash;
  /** Overwrites the state; the object cannot be used afterwards. */
  wipe(): void;
}

/** SHA-512, FIPS 180-4. */
export interface Sha512 {
  (bytes: Uint8Array): Uint8Array;
  create(): Sha512Hash;
}

/** Holds what HMAC makes of a key until it is wiped: as secret as the key. */
export interface HmacKey {
  /** As `hmacSha512` with this key; `message` is at most 65536 bytes. */
  hmac(message: Uint8Array): Uint8Array;
  /** Overwrites it; it cannot be used afterwards. */
  wipe(): void;
}

/** HKDF with SHA-512, RFC 5869. */
export interface HkdfSha512 {
  /** An empty `salt` is the same as 64 zero bytes. Gives 64 bytes. */
  extract(salt: Uint8Array, ikm: Uint8Array): Uint8Array;
  /** `prk` is 64 bytes or more, `info` at most 65535 bytes, `length` 1 to 16320. */
  expand(prk: Uint8Array, info: Uint8Array, length: number): Uint8Array;
}

export interface Crypto {
  readonly ristretto255: Ristretto255;
  readonly scalar: ScalarArithmetic;
  readonly oprf: Oprf;
  readonly schnorr: Schnorr;
  readonly ed25519: Ed25519;
  readonly opaque: Opaque;
  readonly sha512: Sha512;
  /** RFC 2104, 4231: any key length; gives 64 bytes. */
  hmacSha512(key: Uint8Array, message: Uint8Array): Uint8Array;
  /** For many messages under one key, of any length: the key is hashed once. */
  createHmacKey(key: Uint8Array): HmacKey;
  readonly hkdfSha512: HkdfSha512;
  /** expand_message_xmd with SHA-512, RFC 9380 section 5.3.1; `dst` is 1 to 255 bytes, `length` 1 to 16320. */
  expandMessageXmd(message: Uint8Array, dst: Uint8Array, length: number): Uint8Array;
  /** RFC 9380 with ristretto255 (appendix B, `hash_to_ristretto255`); `dst` is 1 to 255 bytes. */
  hashToGroup(message: Uint8Array, dst: Uint8Array): Uint8Array;
  /** RFC 9497 section 4.1, HashToScalar: 64 expanded bytes reduced modulo ℓ; `dst` is 1 to 255 bytes. */
  hashToScalar(message: Uint8Array, dst: Uint8Array): Uint8Array;
  /** Compares in time that depends on the lengths only; different lengths are `false`. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** Bytes from the source of randomness, or `crypto-randomness`. */
  randomBytes(length: number): Uint8Array;
  /** Overwrites each array with zeros. */
  wipe(...secrets: Uint8Array[]): void;
}
