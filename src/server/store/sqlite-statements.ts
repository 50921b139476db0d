import type { Database, SqliteRow, SqliteTuple, Statement, TupleStatement } from './sqlite-driver.js';

const toTuple = (row: SqliteRow): SqliteTuple => Object.values(row);

function prepareTuples(db: Database, sql: string): TupleStatement {
  const statement = db.prepare(sql);
  if (statement.setReturnArrays) {
    statement.setReturnArrays(true);
    return statement as Statement & TupleStatement;
  }
  return {
    get: (...values) => {
      const row = statement.get(...values);
      return row && toTuple(row);
    },
    all: (...values) => statement.all(...values).map(toTuple),
  };
}

/**
 * Statements by their text, prepared once. What runs at each login and resume asks for tuples, and for few columns that are
 * blobs: an object's property costs the driver several times as much as an element of an array, a blob more than both.
 */
export class Statements {
  readonly #db: Database;
  readonly #rows = new Map<string, Statement>();
  readonly #tuples = new Map<string, TupleStatement>();

  constructor(db: Database) {
    this.#db = db;
  }

  rows(sql: string): Statement {
    let statement = this.#rows.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#rows.set(sql, statement);
    }
    return statement;
  }

  /** Columns must have different names, none of them a number. */
  tuples(sql: string): TupleStatement {
    let statement = this.#tuples.get(sql);
    if (!statement) {
      statement = prepareTuples(this.#db, sql);
      this.#tuples.set(sql, statement);
    }
    return statement;
  }

  clear(): void {
    this.#rows.clear();
    this.#tuples.clear();
  }
}

/**
 * Bytes to be bound, in an array that lives on: a short-lived one would get memory outside V8's heap when the driver looks at it.
 * SQLite copies what is bound, so that the array is free for the next statement.
 */
export class BindSlot {
  readonly #bytes: Uint8Array;

  /** For byte strings of this length. */
  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  put(bytes: Uint8Array): Uint8Array {
    this.#bytes.set(bytes);
    return this.#bytes;
  }
}
