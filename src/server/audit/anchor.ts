import { fromHex, toHex } from '../hex.js';
import { prunedMessage, type AuditSigner } from './signer.js';

/** Signed in place of entries that were removed on purpose: the chain goes on after this one. */
export interface AuditAnchor {
  /** Of the last entry that was removed. */
  readonly seq: number;
  readonly hash: Uint8Array;
  /** When, milliseconds since 1970. */
  readonly atMs: number;
  /** As in checkpoints. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export function createAnchor(signer: AuditSigner, seq: number, hash: Uint8Array, atMs: number): AuditAnchor {
  const signature = signer.sign(prunedMessage(signer.domain, seq, hash, atMs));
  return { seq, hash, atMs, keyId: signer.keyId, signature };
}

/** First line of an export whose beginning was pruned, without a newline. */
export function encodeAnchor({ seq, hash, atMs, keyId, signature }: AuditAnchor): string {
  const text = Buffer.from(signature).toString('base64url');
  return `{"pruned":${seq},"hash":"${toHex(hash)}","at":${atMs},"key":"${keyId}","signature":"${text}"}`;
}

const LINE =
  /^\{"pruned":([1-9]\d{0,15}),"hash":"([0-9a-f]{64})","at":(\d{1,16}),"key":"([0-9a-f]{16})","signature":"([\w-]{86})"\}$/;

/** Undefined for anything that `encodeAnchor` would not have written. The signature is not checked. */
export function decodeAnchor(line: string): AuditAnchor | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, seq, hash, at, keyId, signature] = match as unknown as [string, string, string, string, string, string];
  const anchor: AuditAnchor = {
    seq: Number(seq),
    hash: fromHex(hash),
    atMs: Number(at),
    keyId,
    signature: Buffer.from(signature, 'base64url'),
  };
  // Base64 has several spellings of its last character; only one is ours.
  return encodeAnchor(anchor) === line ? anchor : undefined;
}
