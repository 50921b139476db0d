import { encodeBody, entryHash, NO_HASH, type AuditRow } from './entry.js';
import type { AuditEvent } from './events.js';
import { checkpointMessage, type AuditSigner } from './signer.js';

/** Where the chain ends. */
export interface AuditHead {
  /** 0 for an empty chain. */
  readonly seq: number;
  readonly hash: Uint8Array;
  /** Entries after the last checkpoint. */
  readonly unsigned: number;
}

export const EMPTY_HEAD: AuditHead = { seq: 0, hash: NO_HASH, unsigned: 0 };

/** After so many entries without one comes a checkpoint. */
export const CHECKPOINT_ENTRIES = 256;

export interface Linked {
  readonly row: AuditRow;
  readonly head: AuditHead;
}

/** The next link. */
export function link(head: AuditHead, event: AuditEvent): Linked {
  return linkBody(head, encodeBody(event), head.unsigned + 1);
}

/** A checkpoint as the next link: it signs everything before it. */
export function linkCheckpoint(head: AuditHead, atMs: number, signer: AuditSigner): Linked {
  const signature = signer.sign(checkpointMessage(signer.domain, head.seq + 1, head.hash, atMs));
  const signed = { key: signer.keyId, signature: Buffer.from(signature).toString('base64url') };
  return linkBody(head, encodeBody({ event: 'checkpoint', atMs }, signed), 0);
}

function linkBody(head: AuditHead, body: string, unsigned: number): Linked {
  const seq = head.seq + 1;
  const hash = entryHash(seq, head.hash, body);
  return { row: { seq, prev: head.hash, body, hash }, head: { seq, hash, unsigned } };
}

/** Links events one after the other, with checkpoints where they are due, and gives each row to `write`. */
export function append(
  head: AuditHead,
  events: readonly AuditEvent[],
  signer: AuditSigner | undefined,
  write: (linked: Linked) => void,
): AuditHead {
  for (const event of events) {
    const linked = link(head, event);
    write(linked);
    head = linked.head;
    if (head.unsigned < CHECKPOINT_ENTRIES || signer === undefined) continue;
    const checkpoint = linkCheckpoint(head, event.atMs, signer);
    write(checkpoint);
    head = checkpoint.head;
  }
  return head;
}
