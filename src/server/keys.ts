/** A secret of RFC 9807 from which every OPRF key is derived; 64 bytes. */
export interface OprfSeed {
  /** 16 bytes, random. */
  readonly id: Uint8Array;
  readonly seed: Uint8Array;
}

/** The server's long-term Schnorr key pair over ristretto255; 32 bytes each. */
export interface ServerKeyPair {
  /** The first 16 bytes of SHA-512(len16("blindsalt.v1 server key id") ‖ public key). */
  readonly id: Uint8Array;
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/**
 * All secrets of a server, bound to its domain. Kept outside the user database: the database alone allows no guessing.
 * Old seeds and key pairs stay usable under their ids until every record has moved on; the first of each list is current.
 * Not to be changed while an engine has them: it keeps what it derives of them until it is closed.
 */
export interface ServerKeys {
  /** The domain that every registration is bound to. */
  readonly domain: string;
  readonly oprfSeeds: readonly OprfSeed[];
  readonly serverKeys: readonly ServerKeyPair[];
  /** 64 bytes; decides what unknown users look like. */
  readonly fakeKey: Uint8Array;
  /** Keys from which ticket secrets are derived; 64 bytes each, ids 16 bytes. First is current. */
  readonly ticketKeys: readonly { readonly id: Uint8Array; readonly key: Uint8Array }[];
  /**
   * Ed25519 seeds (32 bytes) that sign the audit trail; ids 16 bytes. First is current. Without any, one is derived from
   * `fakeKey`.
   */
  readonly auditKeys?: readonly { readonly id: Uint8Array; readonly seed: Uint8Array }[] | undefined;
}
