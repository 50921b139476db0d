import { BlindsaltError } from '../../../proto/errors.js';

/** Where the SQLite engine comes from: Node's own module (unflagged from 22.13 on), or a package with the same API. */
export type SqliteDriver = 'node:sqlite' | '@photostructure/sqlite';

export type SqliteValue = number | string | Uint8Array | null;
export type SqliteRow = Readonly<Record<string, SqliteValue>>;

/** The columns in their order. */
export type SqliteTuple = readonly SqliteValue[];

export interface Statement {
  run(...values: SqliteValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
  get(...values: SqliteValue[]): SqliteRow | undefined;
  all(...values: SqliteValue[]): SqliteRow[];
  /** Not before Node 22.16. */
  setReturnArrays?(isOn: boolean): void;
}

/** A statement whose rows are arrays. One that answers none runs by `get` too, for less than by `run`. */
export interface TupleStatement {
  get(...values: SqliteValue[]): SqliteTuple | undefined;
  all(...values: SqliteValue[]): SqliteTuple[];
}

/** The part of node:sqlite's DatabaseSync that the store uses. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface DriverModule {
  readonly DatabaseSync: new (path: string) => Database;
}

// A variable, since the type declarations of Node 20 do not know this module, nor does that runtime.
const BUILT_IN: string = 'node:sqlite';

function load(driver: SqliteDriver): Promise<unknown> {
  return driver === 'node:sqlite' ? import(BUILT_IN) : import('@photostructure/sqlite');
}

/** Wraps what went wrong below the store; SQLite's messages name tables and columns, never values. */
export function storeFailed(message: string, cause?: unknown, reason?: string): BlindsaltError {
  return new BlindsaltError('store-failed', message, { cause, reason });
}

/**
 * Loads the wanted driver, or the first of both that loads. Throws `store-failed` (reason `driver-missing`) when none
 * does, and `option-invalid` for an unknown name.
 */
export async function loadDriver(wanted?: SqliteDriver): Promise<(path: string) => Database> {
  if (wanted !== undefined && wanted !== 'node:sqlite' && wanted !== '@photostructure/sqlite') {
    throw new BlindsaltError('option-invalid', 'driver must be node:sqlite or @photostructure/sqlite');
  }
  const failures: unknown[] = [];
  for (const driver of wanted ? [wanted] : (['node:sqlite', '@photostructure/sqlite'] as const)) {
    try {
      const { DatabaseSync } = (await load(driver)) as DriverModule;
      if (typeof DatabaseSync !== 'function') throw new TypeError(`${driver} exports no DatabaseSync`);
      return (path) => new DatabaseSync(path);
    } catch (cause) {
      failures.push(cause);
    }
  }
  throw storeFailed(
    wanted
      ? `SQLite is not available: ${wanted} does not load.`
      : 'SQLite is not available: use Node 22.13 or later, or install the optional package @photostructure/sqlite.',
    failures.length === 1 ? failures[0] : new AggregateError(failures),
    'driver-missing',
  );
}
