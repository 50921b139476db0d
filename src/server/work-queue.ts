export interface WorkQueueOptions {
  /** Waiting jobs of all owners from which on the queue calls itself full; it takes more, for whoever has begun. */
  readonly maxWaiting: number;
  /** Waiting jobs of one owner. */
  readonly maxWaitingEach: number;
  /** Computing in one turn of the event loop, milliseconds; then everything else has its turn. */
  readonly sliceMs: number;
  readonly monotonicMs?: (() => number) | undefined;
}

/** Until something was measured: what a job takes, milliseconds. */
const FIRST_GUESS_MS = 0.3;
/** How much the latest job counts in the average. */
const WEIGHT = 1 / 64;
const MIN_RETRY_MS = 1000;

/**
 * Computing that would hold up the event loop when a crowd comes at once. Jobs run at once as long as the turn of the
 * event loop has time for them; then they wait, and run in slices, the owners in turn, each one's in their order.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #monotonicMs: () => number;
  readonly #waiting = new Map<object, (() => void)[]>();
  #count = 0;
  /** Since the last turn that was asked for. */
  #spentMs = 0;
  #averageMs = FIRST_GUESS_MS;
  #turn: NodeJS.Immediate | undefined;
  #isRunning = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
  }

  /** Jobs that wait. */
  get length(): number {
    return this.#count;
  }

  /** What can come later should. */
  get isFull(): boolean {
    return this.#count >= this.#options.maxWaiting;
  }

  /** When to come again, milliseconds: when what waits now will be done, and a random while, so that not all come at once. */
  get retryAfterMs(): number {
    const doneMs = Math.max(MIN_RETRY_MS, this.#count * this.#averageMs);
    return doneMs * (1 + 2 * Math.random());
  }

  /**
   * Runs a job now or in its turn. What it throws is an uncaught exception, and no matter of the queue's.
   * @returns false when its owner has too many waiting: it will not run
   */
  run(owner: object, job: () => void): boolean {
    const own = this.#waiting.get(owner);
    // From inside a job only later, so that no owner gets ahead of those who wait, nor any job into the middle of another.
    if (own === undefined && this.#count === 0 && !this.#isRunning && this.#spentMs < this.#options.sliceMs) {
      this.#do(job);
      return true;
    }
    if (own !== undefined && own.length >= this.#options.maxWaitingEach) return false;
    if (own === undefined) this.#waiting.set(owner, [job]);
    else own.push(job);
    this.#count += 1;
    this.#nextTurn();
    return true;
  }

  /** Forgets what waits for this owner. */
  forget(owner: object): void {
    this.#count -= this.#waiting.get(owner)?.length ?? 0;
    this.#waiting.delete(owner);
  }

  #nextTurn(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#spentMs = 0;
      this.#drain();
    });
  }

  #drain(): void {
    for (const [owner, jobs] of this.#waiting) {
      if (this.#spentMs >= this.#options.sliceMs) break;
      this.#waiting.delete(owner);
      const job = jobs.shift()!;
      this.#count -= 1;
      // Behind all others, which a Map's order of insertion gives.
      if (jobs.length > 0) this.#waiting.set(owner, jobs);
      this.#do(job);
    }
    if (this.#count > 0) this.#nextTurn();
  }

  #do(job: () => void): void {
    const beganMs = this.#monotonicMs();
    this.#isRunning = true;
    try {
      job();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
    this.#isRunning = false;
    const tookMs = this.#monotonicMs() - beganMs;
    this.#spentMs += tookMs;
    this.#averageMs += (tookMs - this.#averageMs) * WEIGHT;
    // Not after each job: few of them fill no turn, and each turn that is asked for costs a round of the event loop.
    if (this.#spentMs >= this.#options.sliceMs) this.#nextTurn();
  }
}
