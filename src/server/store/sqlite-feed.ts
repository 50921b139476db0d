import type { StoreChange } from '../store.js';
import { isEndReason } from './session-checks.js';
import type { SqliteRow, Statement } from './sqlite-driver.js';
import { bytes, damaged, integer } from './sqlite-rows.js';
import { Watchers } from './watchers.js';

/** How often the file is looked at for what other processes wrote. */
const POLL_INTERVAL_MS = 250;
/** Changes read at once. */
const PAGE = 1000;

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
 */
export class ChangeFeed {
  readonly #sql: (sql: string) => Statement;
  readonly #watchers = new Watchers();
  #timer: NodeJS.Timeout | undefined;
  /** Number of the change that was told last. */
  #told = 0;
  /** SQLite's count of commits by others; undefined when the table is to be read in any case. */
  #dataVersion: number | undefined;

  constructor(sql: (sql: string) => Statement) {
    this.#sql = sql;
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
    if (this.#timer) this.#tell();
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
        const sql = 'SELECT * FROM changes WHERE seq > ? ORDER BY seq LIMIT ?';
        const rows = this.#sql(sql).all(this.#told, PAGE);
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
    let change: StoreChange;
    try {
      change = decodeChange(row);
    } catch {
      // A damaged row: something changed, nobody knows what.
      this.#gap(seq);
      return;
    }
    this.#told = seq;
    this.#watchers.tell(change);
  }

  #gap(latest: number): void {
    this.#told = latest;
    this.#watchers.tell({ kind: 'gap' });
  }

  #readDataVersion(): number {
    return integer(this.#sql('PRAGMA data_version').get(), 'data_version');
  }

  #latest(): number {
    return integer(
      this.#sql("SELECT coalesce(max(seq), 0) AS n FROM sqlite_sequence WHERE name = 'changes'").get(),
      'n',
    );
  }
}
