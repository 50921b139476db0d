import { BlindsaltError } from '../../../proto/errors.js';
import { storeFailed, type Database } from './sqlite-driver.js';

/** After a commit, the next one waits so many times as long as that took: most of the time is left for other work. */
const PAUSE_RATIO = 8;
/** Nobody waits longer than this for others to join, milliseconds. */
const MAX_PAUSE_MS = 10;
/** So many waiting jobs are enough company, and as much as is done without letting other work in between. */
const FULL_BATCH = 64;

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
 * Group commit: jobs that wait together run in one transaction, each in a savepoint of its own, and share the flush to
 * disk. After a time without writes the next one goes at once; while they keep coming, commits keep a distance from each
 * other. A job that throws is undone alone. When the transaction itself fails, nothing of it happened and every job of it
 * is rejected with `store-failed`; the next batch starts afresh.
 */
export class CommitQueue {
  readonly #db: Database;
  readonly #committed: () => void;
  #waiting: Waiting[] = [];
  #scheduled: NodeJS.Timeout | NodeJS.Immediate | undefined;
  #isTimer = false;
  /** On the monotonic clock: before this no commit but of a full batch. */
  #notBeforeMs = 0;

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
      this.#schedule();
    });
  }

  #schedule(): void {
    const isFull = this.#waiting.length >= FULL_BATCH;
    if (this.#scheduled !== undefined && !(isFull && this.#isTimer)) return;
    this.#unschedule();
    const waitMs = isFull ? 0 : this.#notBeforeMs - performance.now();
    this.#isTimer = waitMs > 0;
    // Those of this turn of the event loop join in any case.
    this.#scheduled = this.#isTimer ? setTimeout(() => this.flush(), waitMs) : setImmediate(() => this.flush());
  }

  #unschedule(): void {
    if (this.#isTimer) clearTimeout(this.#scheduled as NodeJS.Timeout | undefined);
    else clearImmediate(this.#scheduled as NodeJS.Immediate | undefined);
    this.#scheduled = undefined;
  }

  /** Runs what is waiting, at once. */
  flush(): void {
    this.#unschedule();
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length === 0) return;
    const startMs = performance.now();
    const failure = this.#commit(batch);
    const endMs = performance.now();
    this.#notBeforeMs = endMs + Math.min(MAX_PAUSE_MS, PAUSE_RATIO * (endMs - startMs));
    if (failure !== undefined) {
      for (const { reject } of batch) reject(failure);
      return;
    }
    this.#committed();
    for (const { settle } of batch) settle();
  }

  /** Answers why nothing of the batch happened; undefined when it is on disk. */
  #commit(batch: readonly Waiting[]): BlindsaltError | undefined {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const { attempt } of batch) attempt();
      this.#db.exec('COMMIT');
      return undefined;
    } catch (cause) {
      try {
        this.#db.exec('ROLLBACK');
      } catch {
        // SQLite has rolled back by itself, or the transaction never began.
      }
      return storeFailed('The store could not be written.', cause);
    }
  }
}
