import { BlindsaltError } from '../../../proto/errors.js';
import { storeFailed, type Database } from './sqlite-driver.js';

/** After a commit, the next one waits so many times as long as that took: most of the time is left for other work. */
const PAUSE_RATIO = 8;
/** Nobody waits longer than this for others to join, milliseconds. */
const MAX_PAUSE_MS = 10;
/** The same after a commit that several shared: where there is a crowd, more are coming. */
const MAX_CROWD_PAUSE_MS = 25;
/** So many waiting jobs are enough company, and as much as is written without letting other work in between. */
const FULL_BATCH = 64;
/** So many of those that waited go on in one turn of the event loop: what they do then takes longer than the writing did. */
const SETTLED_AT_ONCE = 16;

interface Waiting {
  /** Runs the job inside the transaction; afterwards `settle` resolves with its outcome. Throws what the job throws. */
  readonly attempt: () => void;
  /** Afterwards `settle` rejects with that. */
  readonly fail: (error: unknown) => void;
  readonly settle: () => void;
}

export interface CommitListener {
  /** A transaction has begun, or goes on after something in it was undone: what was read before may be different now. */
  begun(): void;
  /** The transaction is about to be committed, or what a job did in a savepoint to be kept; here more can be written. Throws as jobs do. */
  finishing(): void;
  /** What was written is on disk. Called before those who wait for it go on. */
  committed(): void;
}

/** A job of a batch threw. */
class JobFailed extends Error {}

function toStoreError(cause: unknown): BlindsaltError {
  return cause instanceof BlindsaltError ? cause : storeFailed('The store could not be written.', cause);
}

/**
 * Group commit: jobs that wait together run in one transaction, and share the flush to disk. After a time without writes
 * the next one goes at once; while they keep coming, commits keep a distance from each other. A job that throws is undone
 * alone: the batch begins again, now with each job in a savepoint of its own, which costs too much to be the rule. So jobs
 * may run twice, and the second run's effects are to replace the first's. When the transaction itself fails, nothing of it
 * happened and every job of it is rejected with `store-failed`; the next batch starts afresh.
 *
 * A turn of the event loop either writes one batch or lets some of the last one go on, so that a crowd holds up nobody
 * else for long; the next batch is written when all of the last one have gone on.
 */
export class CommitQueue {
  readonly #db: Database;
  readonly #listener: CommitListener;
  #waiting: Waiting[] = [];
  /** Their batch is on disk, or has failed. */
  #done: Waiting[] = [];
  #scheduled: NodeJS.Timeout | NodeJS.Immediate | undefined;
  #isTimer = false;
  /** On the monotonic clock: before this no commit but of a full batch. */
  #notBeforeMs = 0;

  /** The listener's other methods must not throw. */
  constructor(db: Database, listener: CommitListener) {
    this.#db = db;
    this.#listener = listener;
  }

  /** Resolves with the job's result once it is on disk. Jobs are synchronous and own their arguments. */
  run<T>(job: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let outcome: { readonly value: T } | { readonly error: BlindsaltError };
      this.#waiting.push({
        attempt: () => void (outcome = { value: job() }),
        fail: (error) => void (outcome = { error: toStoreError(error) }),
        settle: () => ('value' in outcome ? resolve(outcome.value) : reject(outcome.error)),
      });
      this.#schedule();
    });
  }

  #schedule(): void {
    const isUrgent = this.#done.length > 0 || this.#waiting.length >= FULL_BATCH;
    if (this.#scheduled !== undefined && !(isUrgent && this.#isTimer)) return;
    this.#unschedule();
    const waitMs = isUrgent ? 0 : this.#notBeforeMs - performance.now();
    this.#isTimer = waitMs > 0;
    // Those of this turn of the event loop join in any case, as far as there is room.
    this.#scheduled = this.#isTimer ? setTimeout(() => this.#turn(), waitMs) : setImmediate(() => this.#turn());
  }

  #unschedule(): void {
    if (this.#isTimer) clearTimeout(this.#scheduled as NodeJS.Timeout | undefined);
    else clearImmediate(this.#scheduled as NodeJS.Immediate | undefined);
    this.#scheduled = undefined;
  }

  /** Runs all that is waiting, at once. */
  flush(): void {
    while (this.#done.length > 0 || this.#waiting.length > 0) {
      this.#settle(Infinity);
      this.#write();
    }
    this.#unschedule();
  }

  #turn(): void {
    this.#scheduled = undefined;
    if (this.#done.length === 0) this.#write();
    else this.#settle(SETTLED_AT_ONCE);
    if (this.#done.length > 0 || this.#waiting.length > 0) this.#schedule();
  }

  /** Writes a batch. */
  #write(): void {
    const batch = this.#waiting.splice(0, FULL_BATCH);
    if (batch.length === 0) return;
    const startMs = performance.now();
    const failure = this.#commit(batch);
    const endMs = performance.now();
    const maxPauseMs = batch.length > 1 ? MAX_CROWD_PAUSE_MS : MAX_PAUSE_MS;
    // Who found no room has waited long enough.
    const isMore = this.#waiting.length > 0;
    this.#notBeforeMs = isMore ? endMs : endMs + Math.min(maxPauseMs, PAUSE_RATIO * (endMs - startMs));
    if (failure === undefined) this.#listener.committed();
    else for (const { fail } of batch) fail(failure);
    this.#done = batch;
    if (batch.length <= SETTLED_AT_ONCE) this.#settle(Infinity);
  }

  #settle(max: number): void {
    for (const { settle } of this.#done.splice(0, max)) settle();
  }

  /** Answers why nothing of the batch happened; undefined when it is on disk. */
  #commit(batch: readonly Waiting[]): BlindsaltError | undefined {
    let failure = this.#transact(() => this.#attemptAll(batch));
    if (failure instanceof JobFailed) failure = this.#transact(() => this.#attemptEach(batch));
    return failure === undefined ? undefined : storeFailed('The store could not be written.', failure);
  }

  /** Runs `jobs` in a transaction; answers what was thrown, after which nothing of it happened. */
  #transact(jobs: () => void): unknown {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      this.#listener.begun();
      jobs();
      this.#listener.finishing();
      this.#db.exec('COMMIT');
      return undefined;
    } catch (error) {
      try {
        this.#db.exec('ROLLBACK');
      } catch {
        // SQLite has rolled back by itself, or the transaction never began.
      }
      return error;
    }
  }

  #attemptAll(batch: readonly Waiting[]): void {
    for (const { attempt } of batch) {
      try {
        attempt();
      } catch {
        throw new JobFailed();
      }
    }
  }

  #attemptEach(batch: readonly Waiting[]): void {
    for (const { attempt, fail } of batch) {
      this.#db.exec('SAVEPOINT job');
      try {
        attempt();
        this.#listener.finishing();
        this.#db.exec('RELEASE job');
      } catch (error) {
        fail(error);
        try {
          this.#db.exec('ROLLBACK TO job; RELEASE job');
        } catch {
          // SQLite gave up the whole transaction, as it may on a full disk: then all jobs fail, and for that reason.
          throw error;
        }
        this.#listener.begun();
      }
    }
  }
}
