/** Something that may run out of time. */
export interface Timed {
  /** On the monotonic clock, milliseconds; may move to later at any time. */
  readonly dueMs: number;
  /** Called once `dueMs` has passed; the entry has been taken out. */
  onDue(): void;
  /** Where it is put in; the deadlines' own. */
  deadline?: number | undefined;
}

/** Steps in which deadlines are rounded up. */
const GRANULARITY_MS = 50;

/**
 * Many deadlines on one timer. An entry whose deadline has moved to later costs nothing until its old one comes up, so
 * every message may move one. Entries fire up to 50 ms late, never early.
 */
export class Deadlines {
  readonly #buckets = new Map<number, Set<Timed>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerBucket = Infinity;

  constructor(readonly monotonicMs: () => number = () => performance.now()) {}

  /** Puts an entry in, or moves it to its deadline if that has become earlier. */
  add(entry: Timed): void {
    this.delete(entry);
    if (!Number.isFinite(entry.dueMs)) return;
    const bucket = Math.ceil(entry.dueMs / GRANULARITY_MS);
    entry.deadline = bucket;
    const set = this.#buckets.get(bucket);
    if (set === undefined) this.#buckets.set(bucket, new Set([entry]));
    else set.add(entry);
    if (bucket < this.#timerBucket) this.#arm(bucket);
  }

  delete(entry: Timed): void {
    const bucket = entry.deadline;
    if (bucket === undefined) return;
    entry.deadline = undefined;
    const set = this.#buckets.get(bucket)!;
    set.delete(entry);
    if (set.size === 0) this.#buckets.delete(bucket);
  }

  /** Forgets all entries. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timerBucket = Infinity;
    for (const set of this.#buckets.values()) for (const entry of set) entry.deadline = undefined;
    this.#buckets.clear();
  }

  #arm(bucket: number): void {
    clearTimeout(this.#timer);
    this.#timerBucket = bucket;
    // setTimeout takes 31 bits; a day is enough, the rest is waited for again.
    const delay = Math.min(Math.max(0, bucket * GRANULARITY_MS - this.monotonicMs()), 86_400_000);
    this.#timer = setTimeout(() => this.#fire(), Math.ceil(delay));
    // A server lives by its listening socket, not by our timer.
    this.#timer.unref();
  }

  #fire(): void {
    this.#timerBucket = Infinity;
    const now = this.monotonicMs();
    const due = [...this.#buckets.keys()].filter((bucket) => bucket * GRANULARITY_MS <= now);
    for (const bucket of due) {
      for (const entry of [...(this.#buckets.get(bucket) ?? [])]) {
        // An entry before it may have taken it out.
        if (entry.deadline !== bucket) continue;
        this.delete(entry);
        if (entry.dueMs > now) this.add(entry);
        else entry.onDue();
      }
    }
    let next = Infinity;
    for (const bucket of this.#buckets.keys()) next = Math.min(next, bucket);
    if (next < this.#timerBucket) this.#arm(next);
  }
}
