import type { Crypto } from '../../crypto/types.js';
import type { ServerKeys } from '../keys.js';
import { toHex } from '../hex.js';
import { u64 } from './entry.js';

/** Signs the chain's head. */
export interface AuditSigner {
  /** The domain of the server, part of all that is signed. */
  readonly domain: string;
  /** The first 8 bytes of SHA-512(public key), in hexadecimal. */
  readonly keyId: string;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

const SEED_LABEL = new TextEncoder().encode('blindsalt.v1 audit key');

/** The id under which checkpoints name a public key. */
export const auditKeyId = (crypto: Crypto, publicKey: Uint8Array): string =>
  toHex(crypto.sha512(publicKey).subarray(0, 8));

/**
 * The current signer of a server. Key files from before there was an audit key get one derived from their `fakeKey`, by
 * HMAC-SHA-512 over a label, so that none has to be rewritten.
 */
export function createAuditSigner(crypto: Crypto, keys: ServerKeys): AuditSigner {
  const own = keys.auditKeys?.[0]?.seed;
  const derived = crypto.hmacSha512(keys.fakeKey, SEED_LABEL);
  const signer = crypto.ed25519.createSigner(own ?? derived.slice(0, 32));
  crypto.wipe(derived);
  const { publicKey } = signer;
  return {
    domain: keys.domain,
    keyId: auditKeyId(crypto, publicKey),
    publicKey,
    sign: (message) => signer.sign(message),
  };
}

/** Public keys of all signers of a key file, the current one first. */
export function auditPublicKeys(crypto: Crypto, keys: ServerKeys): readonly Uint8Array[] {
  const { auditKeys = [] } = keys;
  const own = auditKeys.map(({ seed }) => crypto.ed25519.publicKey(seed));
  // A chain that began before the file had a key of its own goes on to verify.
  const derived = createAuditSigner(crypto, { ...keys, auditKeys: undefined }).publicKey;
  return [...own, derived];
}

function message(label: string, domain: string, seq: number, hash: Uint8Array, atMs: number): Uint8Array {
  return Buffer.concat([Buffer.from(`blindsalt.v1 audit ${label}\0${domain}\0`), u64(seq), hash, u64(atMs)]);
}

/**
 * What a checkpoint signs: "blindsalt.v1 audit checkpoint" ‖ 0x00 ‖ domain ‖ 0x00 ‖ its seq, 8 bytes ‖ hash of the entry
 * before it ‖ its time in milliseconds, 8 bytes.
 */
export const checkpointMessage = (domain: string, seq: number, prev: Uint8Array, atMs: number): Uint8Array =>
  message('checkpoint', domain, seq, prev, atMs);

/** What the note in place of pruned entries signs: the same, with the last pruned entry's seq and hash. */
export const prunedMessage = (domain: string, seq: number, hash: Uint8Array, atMs: number): Uint8Array =>
  message('pruned', domain, seq, hash, atMs);
