import type { AuditAnchor } from './anchor.js';
import type { AuditHead } from './chain.js';
import type { AuditRow } from './entry.js';
import type { AuditEvent } from './events.js';
import type { AuditSigner } from './signer.js';

/**
 * The audit trail as a store keeps it: appended to in the same commit as what it tells of (`Note`), and by these methods.
 * Several processes on one store append to one chain.
 */
export interface AuditStore {
  /** Signs checkpoints from now on: each 256 entries, and when asked. */
  setSigner(signer: AuditSigner): void;
  append(events: readonly AuditEvent[]): Promise<AuditHead>;
  /** Appends `event`, and `keys-changed` before it when `keyIds` differ from those of the last call. */
  started(event: AuditEvent, keyIds: string): Promise<AuditHead>;
  /** Appends a checkpoint if there are entries after the last one, and a signer. */
  checkpoint(atMs: number): Promise<AuditHead>;
  head(): Promise<AuditHead>;
  /** Entries after `afterSeq`, in order, at most `limit` (1–1000). */
  read(afterSeq: number, limit: number): Promise<readonly AuditRow[]>;
  /**
   * Number of the last entry by a count of its own, beside the entries: more than that of `head` when the end was cut off by
   * somebody who did not know of it.
   */
  counted(): Promise<number>;
  /** Stands for the beginning that was pruned; undefined when nothing was. */
  anchor(): Promise<AuditAnchor | undefined>;
  /**
   * Removes the entries from the first one on whose time is before `beforeMs`, up to the first that is not, puts a signed
   * note in their place, and records that as `event`. The last entry always stays. Answers how many were removed.
   * @param most so many at a time; all by default
   * @param throughSeq entries up to this number go whatever their time is; none by default
   * @throws BlindsaltError `option-invalid` without a signer
   */
  prune(beforeMs: number, event: AuditEvent, most?: number, throughSeq?: number): Promise<number>;
}
