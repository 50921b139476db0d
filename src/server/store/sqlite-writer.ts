import { BlindsaltError } from '../../../proto/errors.js';
import { storeFailed, type Database } from './sqlite-driver.js';

interface Waiting {
  /** Runs the job inside the transaction; afterwards `settle` has its outcome. */
  readonly attempt: () => void;
  readonly settle: () => void;
  readonly reject: (error: BlindsaltError) => void;
}

function toStoreError(cause: unknown): BlindsaltError {
  return cause instanceof BlindsaltError ? cause : storeFailed('The store could not be written.', cause);
}

/**
 * Group commit: jobs that are queued in one turn of the event loop run in one transaction, each in a savepoint of its
 * own, and share the flush to disk. A job that throws is undone alone. When the transaction itself fails, nothing of it
 * happened and every job of it is rejected with `store-failed`; the next turn starts afresh.
 */
export class CommitQueue {
  readonly #db: Database;
  readonly #committed: () => void;
  #waiting: Waiting[] = [];

  /** `committed` is called after each commit, before those who wait for it go on; it must not throw. */
  constructor(db: Database, committed: () => void) {
    this.#db = db;
    this.#committed = committed;
  }

  /** Resolves with the job's result once it is on disk. Jobs are synchronous and own their arguments. */
  run<T>(job: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let outcome: { readonly value: T } | { readonly error: BlindsaltError };
      this.#waiting.push({
        attempt: () => {
          this.#db.exec('SAVEPOINT job');
          try {
            const value = job();
            this.#db.exec('RELEASE job');
            outcome = { value };
          } catch (error) {
            outcome = { error: toStoreError(error) };
            try {
              this.#db.exec('ROLLBACK TO job; RELEASE job');
            } catch {
              // SQLite gave up the whole transaction, as it may on a full disk: then all jobs fail, and for that reason.
              throw error;
            }
          }
        },
        settle: () => ('value' in outcome ? resolve(outcome.value) : reject(outcome.error)),
        reject,
      });
      if (this.#waiting.length === 1) setImmediate(() => this.flush());
    });
  }

  /** Runs what is waiting, at once. */
  flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length === 0) return;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const { attempt } of batch) attempt();
      this.#db.exec('COMMIT');
    } catch (cause) {
      try {
        this.#db.exec('ROLLBACK');
      } catch {
        // SQLite has rolled back by itself, or the transaction never began.
      }
      for (const { reject } of batch) reject(storeFailed('The store could not be written.', cause));
      return;
    }
    this.#committed();
    for (const { settle } of batch) settle();
  }
}
