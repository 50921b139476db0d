import type { StoreChange } from '../store.js';
import { isEndReason } from './session-checks.js';
import type { SqliteRow } from './sqlite-driver.js';
import { bytes, damaged, integer, integerAt, readU32 } from './sqlite-rows.js';
import type { Statements } from './sqlite-statements.js';
import { Watchers } from './watchers.js';

/** How often the file is looked at for what other processes wrote. */
const POLL_INTERVAL_MS = 250;
/** Changes read at once. */
const PAGE = 1000;

/** A session's id and its epoch, 32 bits. */
const EPOCH_BYTES = 20;
const WRITE_EPOCHS = "INSERT INTO changes (kind, epochs) VALUES ('session-epoch', ?)";
const LATEST = "SELECT coalesce(max(seq), 0) AS n FROM sqlite_sequence WHERE name = 'changes'";
const AFTER = 'SELECT * FROM changes WHERE seq > ? ORDER BY seq LIMIT ?';

interface Resumed {
  readonly sessionId: Uint8Array;
  readonly epoch: number;
}

function encodeEpochs(resumed: readonly Resumed[]): Uint8Array {
  const out = new Uint8Array(EPOCH_BYTES * resumed.length);
  const view = new DataView(out.buffer);
  resumed.forEach(({ sessionId, epoch }, i) => {
    out.set(sessionId, EPOCH_BYTES * i);
    view.setUint32(EPOCH_BYTES * i + 16, epoch);
  });
  return out;
}

function decodeEpochs(epochs: Uint8Array): StoreChange[] {
  if (epochs.length === 0 || epochs.length % EPOCH_BYTES !== 0) throw damaged('epochs');
  return Array.from({ length: epochs.length / EPOCH_BYTES }, (_, i) => {
    const at = EPOCH_BYTES * i;
    return { kind: 'session-epoch', sessionId: epochs.subarray(at, at + 16), epoch: readU32(epochs, at + 16) };
  });
}

function decodeChanges(row: SqliteRow): readonly StoreChange[] {
  const { kind, epochs } = row;
  if (kind === 'session-epoch' && epochs instanceof Uint8Array) return decodeEpochs(epochs);
  return [decodeChange(row)];
}

function decodeChange(row: SqliteRow): StoreChange {
  const { kind, reason } = row;
  switch (kind) {
    case 'session-ended':
      if (!isEndReason(reason)) throw damaged('reason');
      return { kind, sessionId: bytes(row, 'session_id', 16), userId: bytes(row, 'user_id', 16), reason };
    case 'session-epoch':
      return { kind, sessionId: bytes(row, 'session_id', 16), epoch: integer(row, 'epoch') };
    case 'user-changed':
      return { kind, userId: bytes(row, 'user_id', 16) };
    default:
      throw damaged('kind');
  }
}

/**
 * Tells what the table `changes` gets, in its order. Its numbers have no holes, since one transaction writes at a time
 * and takes its numbers back when it fails; a hole is what was deleted before it could be told. Reads only while watched.
 * Resumes it writes itself, those of a transaction together; all else is written by triggers.
 */
export class ChangeFeed {
  readonly #statements: Statements;
  readonly #watchers = new Watchers();
  #timer: NodeJS.Timeout | undefined;
  /** Number of the change that was told last. */
  #told = 0;
  /** SQLite's count of commits by others; undefined when the table is to be read in any case. */
  #dataVersion: number | undefined;
  /** Of this transaction, not written yet. */
  #resumed: Resumed[] = [];
  /** What this transaction wrote last, and under which number. */
  #own: { readonly seq: number; readonly resumed: readonly Resumed[] } | undefined;
  /** Number of the last change as the transaction leaves it, where that was read. */
  #end: number | undefined;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** A transaction has begun, or goes on after something in it was undone. */
  begun(): void {
    this.#resumed = [];
    this.#own = undefined;
    this.#end = undefined;
  }

  /** Inside a transaction: the session, whose id is not copied, has a new epoch. */
  resumed(sessionId: Uint8Array, epoch: number): void {
    this.#resumed.push({ sessionId, epoch });
  }

  /** Inside a transaction: writes what `resumed` was told so far. To be called before what may be told by triggers, for the order. */
  write(): void {
    if (this.#resumed.length === 0) return;
    const { lastInsertRowid } = this.#statements.rows(WRITE_EPOCHS).run(encodeEpochs(this.#resumed));
    this.#own = { seq: Number(lastInsertRowid), resumed: this.#resumed };
    this.#resumed = [];
  }

  /** Before each commit, and before what was done is set in stone in a savepoint. */
  finishing(): void {
    this.write();
    if (this.#timer) this.#end = this.#latest();
  }

  /** Throws what SQLite does when the file cannot be read. */
  watch(listener: (change: StoreChange) => void): () => void {
    if (!this.#timer) {
      this.#dataVersion = this.#readDataVersion();
      this.#told = this.#latest();
      this.#timer = setInterval(() => this.#poll(), POLL_INTERVAL_MS).unref();
    }
    const remove = this.#watchers.add(listener);
    return () => {
      remove();
      if (this.#watchers.size === 0) this.stop();
    };
  }

  /** To be called after each commit of this process; does not throw. */
  committed(): void {
    if (!this.#timer || this.#end === this.#told) return;
    const own = this.#own;
    // Nothing else came: no need to read it back.
    if (own !== undefined && own.seq === this.#end && own.seq === this.#told + 1) {
      this.#told = own.seq;
      for (const { sessionId, epoch } of own.resumed) this.#watchers.tell({ kind: 'session-epoch', sessionId, epoch });
    } else this.#tell();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watchers.clear();
  }

  #poll(): void {
    try {
      const version = this.#readDataVersion();
      if (version === this.#dataVersion) return;
      this.#dataVersion = version;
    } catch {
      return;
    }
    this.#tell();
  }

  /** Tells what is new. When that cannot be read, the next poll tries again. */
  #tell(): void {
    try {
      // Read before the changes, so that those up to it which are missing then were deleted.
      const latest = this.#latest();
      if (latest < this.#told) this.#gap(latest);
      while (this.#timer && this.#told < latest) {
        const rows = this.#statements.rows(AFTER).all(this.#told, PAGE);
        if (rows.length === 0) this.#gap(latest);
        for (const row of rows) this.#tellRow(row);
      }
    } catch {
      this.#dataVersion = undefined;
    }
  }

  #tellRow(row: SqliteRow): void {
    const seq = integer(row, 'seq');
    // Who stops watching and begins again while this is told, begins later.
    if (seq <= this.#told) return;
    if (seq !== this.#told + 1) this.#gap(seq - 1);
    let changes: readonly StoreChange[];
    try {
      changes = decodeChanges(row);
    } catch {
      // A damaged row: something changed, nobody knows what.
      this.#gap(seq);
      return;
    }
    this.#told = seq;
    for (const change of changes) this.#watchers.tell(change);
  }

  #gap(latest: number): void {
    this.#told = latest;
    this.#watchers.tell({ kind: 'gap' });
  }

  #readDataVersion(): number {
    return integer(this.#statements.rows('PRAGMA data_version').get(), 'data_version');
  }

  #latest(): number {
    const row = this.#statements.tuples(LATEST).get();
    return row === undefined ? 0 : integerAt(row, 0, 'seq');
  }
}
