import type { ThrottleChange, ThrottleRow, ThrottleStore } from '../throttle/store.js';
import type { SqliteRow, Statement } from './sqlite-driver.js';
import { bytes, integer } from './sqlite-rows.js';
import {
  checkChanges,
  checkPrefix,
  CLEARED_KIND,
  CLEARED_MS,
  clearedKey,
  KIND_BYTE,
  MARK_KIND,
  MAX_ROWS,
  SHARE_LEFT,
  THROTTLE_KEY_BYTES,
} from './throttle-checks.js';

/**
 * Counters of attempts. Keys are keyed hashes: the file names nobody. `mark` is the number of the change, one for the
 * whole file, by which others find what is new.
 */
export const THROTTLE_SCHEMA = `
CREATE TABLE throttle (
  key BLOB PRIMARY KEY CHECK (length(key) = 21),
  empty_at_ms INTEGER NOT NULL,
  mark INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE throttle_mark (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  mark INTEGER NOT NULL
) STRICT;
INSERT INTO throttle_mark VALUES (1, 0);
`;

const PAGE = 100_000;
/** Empty counters are deleted after so many changes. */
const TIDY_EVERY = 1000;

interface Parts {
  sql(sql: string): Statement;
  read<T>(job: () => T): T;
  write<T>(job: () => T): Promise<T>;
}

export class SqliteThrottle implements ThrottleStore {
  readonly #parts: Parts;
  readonly #maxRows: number;
  /** How far ahead counters may lie, by kind. */
  readonly #maxAheadMs = new Map<number, number>();
  #untidy = 0;

  constructor(parts: Parts, maxRows = MAX_ROWS) {
    this.#parts = parts;
    this.#maxRows = maxRows;
  }

  async exchange(
    changes: readonly ThrottleChange[],
    since: number,
    nowMs: number,
  ): Promise<{ rows: ThrottleRow[]; mark: number }> {
    const copies = checkChanges(changes);
    if (copies.length > 0) await this.#parts.write(() => this.#add(copies, Math.floor(nowMs)));
    return this.#parts.read(() => this.#since(since, Math.floor(nowMs)));
  }

  async find(prefix: Uint8Array): Promise<ThrottleRow[]> {
    checkPrefix(prefix);
    return this.#parts.read(() => this.#find(prefix));
  }

  async clear(prefix: Uint8Array, nowMs: number): Promise<number> {
    checkPrefix(prefix);
    return this.#parts.write(() => {
      const full = this.#find(prefix).filter(({ emptyAtMs }) => emptyAtMs > nowMs);
      for (const { key } of full) {
        const sql = 'UPDATE throttle SET empty_at_ms = 0, mark = ? WHERE key = ?';
        this.#parts.sql(sql).run(this.#nextMark(), key);
      }
      const told = 'INSERT OR REPLACE INTO throttle VALUES (?, ?, ?)';
      this.#parts.sql(told).run(clearedKey(prefix), Math.floor(nowMs) + CLEARED_MS, this.#nextMark());
      return full.length;
    });
  }

  #find(prefix: Uint8Array): ThrottleRow[] {
    const from = new Uint8Array(THROTTLE_KEY_BYTES);
    from.set(prefix);
    const to = new Uint8Array(THROTTLE_KEY_BYTES).fill(0xff);
    to.set(prefix);
    const rows = this.#parts.sql('SELECT * FROM throttle WHERE key BETWEEN ? AND ?').all(from, to).map(decode);
    return rows.filter(({ key }) => key[KIND_BYTE] !== CLEARED_KIND);
  }

  #nextMark(): number {
    return integer(this.#parts.sql('UPDATE throttle_mark SET mark = mark + 1 RETURNING mark').get(), 'mark');
  }

  #add(changes: readonly ThrottleChange[], nowMs: number): void {
    const sql = `INSERT INTO throttle VALUES (?1, min(?2 + ?3, ?2 + ?4), ?5)
      ON CONFLICT (key) DO UPDATE SET empty_at_ms = min(max(empty_at_ms, ?2) + ?3, ?2 + ?4), mark = ?5`;
    const statement = this.#parts.sql(sql);
    for (const { key, addMs, maxAheadMs } of changes) {
      statement.run(key, nowMs, Math.ceil(addMs), Math.ceil(maxAheadMs), this.#nextMark());
      this.#maxAheadMs.set(key[KIND_BYTE]!, Math.max(1, Math.ceil(maxAheadMs)));
    }
    this.#untidy += changes.length;
    if (this.#untidy < TIDY_EVERY) return;
    this.#untidy = 0;
    this.#parts.sql('DELETE FROM throttle WHERE empty_at_ms BETWEEN 1 AND ?').run(nowMs);
    const count = integer(this.#parts.sql('SELECT count(*) AS n FROM throttle').get(), 'n');
    if (count <= this.#maxRows) return;
    const forget = `DELETE FROM throttle WHERE key IN
      (SELECT key FROM throttle ORDER BY (empty_at_ms - ?) * ${this.#weight()} LIMIT ?)`;
    this.#parts.sql(forget).run(nowMs, count - Math.floor(SHARE_LEFT * this.#maxRows));
  }

  /** What makes shares of levels, comparable between kinds. */
  #weight(): string {
    const kinds = [...this.#maxAheadMs].filter(([kind]) => kind !== MARK_KIND).sort(([a], [b]) => a - b);
    const whens = kinds.map(([kind, ms]) => `WHEN x'${kind.toString(16).padStart(2, '0')}' THEN ${1 / ms}`);
    const marks = `WHEN x'${MARK_KIND.toString(16).padStart(2, '0')}' THEN 0.0`;
    // Of kinds that only other processes count, nothing is known: kept.
    return `CASE substr(key, ${KIND_BYTE + 1}, 1) ${[marks, ...whens].join(' ')} ELSE 1.0 END`;
  }

  #since(since: number, nowMs: number): { rows: ThrottleRow[]; mark: number } {
    const mark = integer(this.#parts.sql('SELECT mark FROM throttle_mark').get(), 'mark');
    if (mark === since) return { rows: [], mark };
    const sql = 'SELECT * FROM throttle WHERE mark > ? AND empty_at_ms > ? ORDER BY mark DESC LIMIT ?';
    // Who has just come need not hear of empty ones.
    const rows = this.#parts.sql(sql).all(since, since > 0 ? -1 : nowMs, PAGE);
    return { rows: rows.map(decode), mark };
  }
}

function decode(row: SqliteRow): ThrottleRow {
  return { key: bytes(row, 'key', THROTTLE_KEY_BYTES), emptyAtMs: integer(row, 'empty_at_ms') };
}
