import { createAnchor, decodeAnchor, encodeAnchor, type AuditAnchor } from '../audit/anchor.js';
import { append, EMPTY_HEAD, linkCheckpoint, type AuditHead, type Linked } from '../audit/chain.js';
import { decodeBody, HASH_BYTES, type AuditRow } from '../audit/entry.js';
import type { AuditEvent } from '../audit/events.js';
import type { AuditSigner } from '../audit/signer.js';
import type { AuditStore } from '../audit/store.js';
import { BlindsaltError } from '../../../proto/errors.js';
import * as check from './checks.js';
import type { SqliteRow, Statement } from './sqlite-driver.js';
import { bytes, damaged, integer, text } from './sqlite-rows.js';

/**
 * The chain of the audit trail. Its numbers are counted by SQLite too (AUTOINCREMENT), so that a table whose end was cut off
 * does not go on as if nothing had been. The triggers stop mistakes; who writes the file as an attacker drops them first,
 * and is found by the chain and its signatures. `unsigned` counts from the last checkpoint.
 */
export const AUDIT_SCHEMA = `
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  prev BLOB NOT NULL CHECK (length(prev) = 32),
  body TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  unsigned INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_state (
  name TEXT PRIMARY KEY CHECK (name IN ('pruned', 'keys')),
  value TEXT NOT NULL,
  seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is appended to only');
END;

CREATE TRIGGER audit_not_removed BEFORE DELETE ON audit
WHEN old.seq > coalesce((SELECT seq FROM audit_state WHERE name = 'pruned'), 0)
BEGIN
  SELECT RAISE(ABORT, 'the audit trail is appended to only');
END;
`;

const LAST = 'SELECT seq, hash, unsigned FROM audit ORDER BY seq DESC LIMIT 1';
const INSERT = 'INSERT INTO audit (seq, prev, body, hash, unsigned) VALUES (?, ?, ?, ?, ?)';
const SET_STATE = 'INSERT OR REPLACE INTO audit_state (name, value, seq) VALUES (?, ?, ?)';

const PAGE = 1000;

function decodeRow(row: SqliteRow): AuditRow {
  return {
    seq: integer(row, 'seq'),
    prev: bytes(row, 'prev', HASH_BYTES),
    body: text(row, 'body'),
    hash: bytes(row, 'hash', HASH_BYTES),
  };
}

/** How the audit trail's table is reached: `write` runs a job inside a transaction, and resolves when it is on disk. */
export interface AuditTable {
  sql(sql: string): Statement;
  read<T>(job: () => T): T;
  write<T>(job: () => T): Promise<T>;
}

export class SqliteAudit implements AuditStore {
  readonly #table: AuditTable;
  #signer: AuditSigner | undefined;
  /** The chain's end, while a transaction that has read or written it is under way. */
  #end: AuditHead | undefined;

  constructor(table: AuditTable) {
    this.#table = table;
  }

  setSigner(signer: AuditSigner): void {
    this.#signer = signer;
  }

  /** A transaction has begun: another process may have appended since the last. */
  begun(): void {
    this.#end = undefined;
  }

  /** To be called inside a transaction. */
  note(events: readonly AuditEvent[]): AuditHead {
    if (events.length > 0) append(this.#writable(), events, this.#signer, (linked) => this.#insert(linked));
    return this.#writable();
  }

  async append(events: readonly AuditEvent[]): Promise<AuditHead> {
    const copy = [...events];
    return this.#table.write(() => this.note(copy));
  }

  async started(event: AuditEvent, keyIds: string): Promise<AuditHead> {
    return this.#table.write(() => {
      const before = this.#state('keys')?.value;
      const isChanged = before !== undefined && before !== keyIds;
      const changed: AuditEvent = { event: 'keys-changed', atMs: event.atMs, detail: keyIds };
      const head = this.note(isChanged ? [changed, event] : [event]);
      this.#table.sql(SET_STATE).run('keys', keyIds, head.seq);
      return head;
    });
  }

  async checkpoint(atMs: number): Promise<AuditHead> {
    check.checkTimeMs('atMs', atMs);
    return this.#table.write(() => {
      const head = this.#writable();
      if (head.unsigned === 0 || this.#signer === undefined) return head;
      const linked = linkCheckpoint(head, atMs, this.#signer);
      this.#insert(linked);
      return linked.head;
    });
  }

  async head(): Promise<AuditHead> {
    return this.#table.read(() => this.#head());
  }

  async counted(): Promise<number> {
    const sql = "SELECT coalesce(max(seq), 0) AS n FROM sqlite_sequence WHERE name = 'audit'";
    return this.#table.read(() => integer(this.#table.sql(sql).get(), 'n'));
  }

  async read(afterSeq: number, limit: number): Promise<readonly AuditRow[]> {
    check.checkInteger('afterSeq', afterSeq, 0, Number.MAX_SAFE_INTEGER);
    check.checkInteger('limit', limit, 1, PAGE);
    return this.#table.read(() => this.#rows(afterSeq, limit));
  }

  async anchor(): Promise<AuditAnchor | undefined> {
    return this.#table.read(() => {
      const state = this.#state('pruned');
      const anchor = state && decodeAnchor(state.value);
      if (state !== undefined && anchor === undefined) throw damaged('audit_state');
      return anchor;
    });
  }

  async prune(beforeMs: number, event: AuditEvent, most = Infinity, throughSeq = 0): Promise<number> {
    check.checkTimeMs('beforeMs', beforeMs);
    const signer = this.#signer;
    if (signer === undefined) throw new BlindsaltError('option-invalid', 'Pruning needs the audit key.');
    return this.#table.write(() => {
      const last = this.#lastBefore(beforeMs, most, throughSeq);
      if (last === undefined) return 0;
      const anchor = createAnchor(signer, last.seq, last.hash, event.atMs);
      this.#table.sql(SET_STATE).run('pruned', encodeAnchor(anchor), last.seq);
      const { changes } = this.#table.sql('DELETE FROM audit WHERE seq <= ?').run(last.seq);
      const count = Number(changes);
      this.note([{ ...event, count }]);
      return count;
    });
  }

  #head(): AuditHead {
    const row = this.#table.sql(LAST).get();
    if (row === undefined) return EMPTY_HEAD;
    return { seq: integer(row, 'seq'), hash: bytes(row, 'hash', HASH_BYTES), unsigned: integer(row, 'unsigned') };
  }

  /** The same inside a transaction, where nobody else appends. */
  #writable(): AuditHead {
    this.#end ??= this.#head();
    return this.#end;
  }

  #insert({ row: { seq, prev, body, hash }, head }: Linked): void {
    this.#table.sql(INSERT).run(seq, prev, body, hash, head.unsigned);
    this.#end = head;
  }

  #rows(afterSeq: number, limit: number): AuditRow[] {
    return this.#table
      .sql('SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?')
      .all(afterSeq, limit)
      .map(decodeRow);
  }

  #state(name: 'pruned' | 'keys'): { readonly value: string } | undefined {
    const row = this.#table.sql('SELECT value FROM audit_state WHERE name = ?').get(name);
    return row && { value: text(row, 'value') };
  }

  /** The last of the entries from the first on that are older, or up to that number; never the last of all. */
  #lastBefore(beforeMs: number, most: number, throughSeq: number): AuditRow | undefined {
    const end = this.#head().seq;
    let last: AuditRow | undefined;
    let after = 0;
    let count = 0;
    for (;;) {
      const page = this.#rows(after, PAGE);
      for (const row of page) {
        if (count === most || row.seq >= end) return last;
        if (row.seq > throughSeq && (decodeBody(row.body)?.at ?? Infinity) >= beforeMs) return last;
        last = row;
        count += 1;
      }
      if (page.length < PAGE) return last;
      after = page.at(-1)!.seq;
    }
  }
}
