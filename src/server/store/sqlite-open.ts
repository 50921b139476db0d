import { closeSync, constants, fchmodSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { BlindsaltError } from '../../../proto/errors.js';
import { loadDriver, storeFailed, type Database, type SqliteDriver } from './sqlite-driver.js';
import { migrate } from './sqlite-schema.js';

export interface SqliteStoreOptions {
  /** Where SQLite comes from; by default Node's own module where there is one, else the package. */
  readonly driver?: SqliteDriver | undefined;
  /** How long to wait for another process that writes, milliseconds (0–60000); 2000 by default. */
  readonly busyTimeoutMs?: number | undefined;
  /** Bytes that the file may grow to, without its log; writes beyond fail with `store-failed`. Unlimited by default. */
  readonly maxBytes?: number | undefined;
}

/**
 * Creates the file for this user alone, whatever the umask; SQLite gives -wal and -shm the same mode. An existing file stays
 * as it is, but must not be writable by others: who writes it gives out roles. That others read it is the operator's to allow.
 */
function createPrivateFile(path: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return checkMode(path);
    throw error;
  }
  try {
    if (process.platform !== 'win32') fchmodSync(file, 0o600);
  } finally {
    closeSync(file);
  }
  if (process.platform === 'win32') return;
  const directory = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function checkMode(path: string): void {
  if (process.platform === 'win32') return;
  const { mode } = statSync(path);
  if ((mode & 0o022) !== 0) {
    throw storeFailed(`Other users may write to the store ${path}. Run: chmod go-w ${path}`, undefined, 'mode');
  }
}

const isBusy = (error: unknown): boolean => /\b(locked|busy)\b/i.test(error instanceof Error ? error.message : '');

function limitSize(db: Database, maxBytes: number): void {
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
  // SQLite raises a limit below the present size to that size: such a file can be read, and not grow.
  db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize))}`);
}

function configure(db: Database, busyTimeoutMs: number): void {
  db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}; PRAGMA trusted_schema = OFF`);
  if (db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'] !== 'wal') {
    throw storeFailed('The file system does not allow a write-ahead log.', undefined, 'no-wal');
  }
  // Each commit reaches the disk before it is acknowledged; what is deleted is overwritten with zeros.
  db.exec('PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON');
  // Pages that many logins change are written back once: after 4,096 pages (16 MiB) of log, each page kept in memory.
  db.exec('PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY');
  migrate(db);
}

/** Opens the file, creates it when it is missing, and brings its schema up to date. Throws `store-failed` (`reason` `mode`: others may write it). */
export async function openDatabase(path: string, options: SqliteStoreOptions): Promise<Database> {
  const busyTimeoutMs = options.busyTimeoutMs ?? 2000;
  if (!Number.isInteger(busyTimeoutMs) || busyTimeoutMs < 0 || busyTimeoutMs > 60_000) {
    throw new BlindsaltError('option-invalid', 'busyTimeoutMs must be an integer from 0 to 60000');
  }
  const { maxBytes } = options;
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw new BlindsaltError('option-invalid', 'maxBytes must be a positive integer');
  }
  const open = await loadDriver(options.driver);
  // Absolute, so that names which SQLite knows (":memory:", "file:…") are files like any other.
  const file = resolve(path);
  const deadline = Date.now() + busyTimeoutMs;
  for (;;) {
    let db: Database | undefined;
    try {
      createPrivateFile(file);
      db = open(file);
      configure(db, busyTimeoutMs);
      if (maxBytes !== undefined) limitSize(db, maxBytes);
      return db;
    } catch (cause) {
      db?.close();
      // Turning on the write-ahead log needs the file alone, and does not wait by itself.
      if (isBusy(cause) && Date.now() < deadline) {
        await new Promise((resume) => setTimeout(resume, 20));
        continue;
      }
      if (cause instanceof BlindsaltError) throw cause;
      throw storeFailed(`The store ${path} could not be opened.`, cause);
    }
  }
}

/**
 * Writes the log back and closes. SQLite does the former by itself at the last close; but with @photostructure/sqlite the
 * connection lives on until its statements are collected as garbage, and so would the log, with what was deleted.
 */
export function closeDatabase(db: Database): void {
  try {
    db.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // Another process reads, or the disk is full. Nothing is lost: the log stays, and whoever opens the file reads it.
  } finally {
    db.close();
  }
}
