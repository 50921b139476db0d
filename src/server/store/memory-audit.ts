import { BlindsaltError } from '../../../proto/errors.js';
import { createAnchor, type AuditAnchor } from '../audit/anchor.js';
import { append, EMPTY_HEAD, linkCheckpoint, type AuditHead } from '../audit/chain.js';
import { decodeBody, type AuditRow } from '../audit/entry.js';
import type { AuditEvent } from '../audit/events.js';
import type { AuditSigner } from '../audit/signer.js';
import type { AuditStore } from '../audit/store.js';
import * as check from './checks.js';

/** Entries that are kept; the oldest go, since there is no disk to put them on. */
const KEPT = 100_000;

/** The audit trail of the store in memory. */
export class MemoryAudit implements AuditStore {
  readonly #assertOpen: () => void;
  #rows: AuditRow[] = [];
  #head: AuditHead = EMPTY_HEAD;
  #anchor: AuditAnchor | undefined;
  #keyIds: string | undefined;
  #signer: AuditSigner | undefined;

  constructor(assertOpen: () => void) {
    this.#assertOpen = assertOpen;
  }

  setSigner(signer: AuditSigner): void {
    this.#signer = signer;
  }

  note(events: readonly AuditEvent[]): AuditHead {
    this.#head = append(this.#head, events, this.#signer, ({ row }) => void this.#rows.push(row));
    if (this.#rows.length > KEPT + KEPT / 10 && this.#signer !== undefined) this.#cut(KEPT / 10, Date.now());
    return this.#head;
  }

  async append(events: readonly AuditEvent[]): Promise<AuditHead> {
    this.#assertOpen();
    return this.note(events);
  }

  async started(event: AuditEvent, keyIds: string): Promise<AuditHead> {
    this.#assertOpen();
    const isChanged = this.#keyIds !== undefined && this.#keyIds !== keyIds;
    this.#keyIds = keyIds;
    const changed: AuditEvent = { event: 'keys-changed', atMs: event.atMs, detail: keyIds };
    return this.note(isChanged ? [changed, event] : [event]);
  }

  async checkpoint(atMs: number): Promise<AuditHead> {
    this.#assertOpen();
    check.checkTimeMs('atMs', atMs);
    if (this.#head.unsigned > 0 && this.#signer !== undefined) {
      const { row, head } = linkCheckpoint(this.#head, atMs, this.#signer);
      this.#rows.push(row);
      this.#head = head;
    }
    return this.#head;
  }

  async head(): Promise<AuditHead> {
    this.#assertOpen();
    return this.#head;
  }

  async counted(): Promise<number> {
    return (await this.head()).seq;
  }

  async read(afterSeq: number, limit: number): Promise<readonly AuditRow[]> {
    this.#assertOpen();
    check.checkInteger('afterSeq', afterSeq, 0, Number.MAX_SAFE_INTEGER);
    check.checkInteger('limit', limit, 1, 1000);
    const from = Math.max(0, afterSeq - (this.#anchor?.seq ?? 0));
    return this.#rows.slice(from, from + limit);
  }

  async anchor(): Promise<AuditAnchor | undefined> {
    this.#assertOpen();
    return this.#anchor;
  }

  async prune(beforeMs: number, event: AuditEvent, most = Infinity, throughSeq = 0): Promise<number> {
    this.#assertOpen();
    check.checkTimeMs('beforeMs', beforeMs);
    if (this.#signer === undefined) throw new BlindsaltError('option-invalid', 'Pruning needs the audit key.');
    const kept = this.#rows.findIndex(
      ({ seq, body }) => seq > throughSeq && (decodeBody(body)?.at ?? Infinity) >= beforeMs,
    );
    const count = Math.min(kept === -1 ? Infinity : kept, most, Math.max(0, this.#rows.length - 1));
    if (count === 0) return 0;
    this.#cut(count, event.atMs);
    this.note([{ ...event, count }]);
    return count;
  }

  #cut(count: number, atMs: number): void {
    const { seq, hash } = this.#rows[count - 1]!;
    this.#anchor = createAnchor(this.#signer!, seq, hash, atMs);
    this.#rows = this.#rows.slice(count);
  }
}
