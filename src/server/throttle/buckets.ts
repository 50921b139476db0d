import { kindOf } from './kinds.js';

/** A leaking bucket's measures: it holds `burst` attempts, and one leaks out every `intervalMs`. */
export interface BucketRate {
  readonly burst: number;
  readonly intervalMs: number;
  /** Says only that something happened there. Made by the thousand: goes first when there are too many, and leaves nothing. */
  readonly isMark?: boolean;
}

interface Entry {
  /** When it is empty again. */
  emptyAtMs: number;
  /** Attempts that are not decided yet: counted here, told to nobody. */
  pending: number;
  /** Decided attempts that the store has not heard of. */
  unsent: number;
}

/** Places in which evicted counters leave their level, for each kind. */
const FLOOR_PLACES = 16_384;
/** Most that a bucket may be overfull, by several processes at a time: as much again. */
const MAX_OVERFULL = 2;
const SAMPLE = 1000;

/** What stands behind the kind where there is one counter of it for an account. */
export const ALONE = '0'.repeat(16);

/**
 * Leaking buckets in bounded memory. A decided attempt leaks from the moment of its decision, so a refund cannot give
 * back what has leaked meanwhile. When there are too many, marks go, then the emptiest, which leave their level in a place
 * shared with others: nobody erases a record by making many, at worst some innocent bucket begins with a few attempts in it.
 */
export class Buckets {
  readonly #rates: ReadonlyMap<string, BucketRate>;
  readonly #nowMs: () => number;
  readonly #maxEntries: number;
  readonly #entries = new Map<string, Entry>();
  /** Keys with something that the store has not heard of; undefined without a store. */
  #unsent: Set<string> | undefined;
  readonly #floors = new Map<string, Float64Array>();

  constructor(rates: ReadonlyMap<string, BucketRate>, nowMs: () => number, maxEntries: number) {
    this.#rates = rates;
    this.#nowMs = nowMs;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  #rate(key: string): BucketRate {
    const rate = this.#rates.get(kindOf(key));
    if (rate === undefined) throw new RangeError('a bucket of no kind');
    return rate;
  }

  maxAheadMs(key: string): number {
    const { burst, intervalMs } = this.#rate(key);
    return MAX_OVERFULL * burst * intervalMs;
  }

  /** What so many attempts in it are worth. */
  addMs(key: string, count: number): number {
    return count * this.#rate(key).intervalMs;
  }

  /** How far ahead of now it is empty; whatever the clocks did, never longer than its size says. */
  #aheadMs(key: string): number {
    const nowMs = this.#nowMs();
    const emptyAtMs = this.#entries.get(key)?.emptyAtMs ?? this.#floor(key);
    return Math.min(Math.max(0, emptyAtMs - nowMs), this.maxAheadMs(key));
  }

  #floor(key: string): number {
    return this.#floors.get(kindOf(key))?.[placeOf(key)] ?? 0;
  }

  /** Until it takes one more, milliseconds; 0: it does. */
  waitMs(key: string): number {
    const { burst, intervalMs } = this.#rate(key);
    const pending = this.#entries.get(key)?.pending ?? 0;
    const overMs = this.#aheadMs(key) + (pending + 1 - burst) * intervalMs;
    return Math.max(0, overMs);
  }

  isEmpty(key: string): boolean {
    return this.#aheadMs(key) === 0 && (this.#entries.get(key)?.pending ?? 0) === 0;
  }

  /** Attempts in it, rounded up. */
  level(key: string): number {
    const { intervalMs } = this.#rate(key);
    return Math.ceil(this.#aheadMs(key) / intervalMs) + (this.#entries.get(key)?.pending ?? 0);
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#entries.size >= this.#maxEntries) this.#evict();
      entry = { emptyAtMs: this.#floor(key), pending: 0, unsent: 0 };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  /** Counts an attempt that is not decided yet. */
  hold(key: string): void {
    this.#entry(key).pending += 1;
  }

  /** Decides it: it stays counted, or never was. */
  settle(key: string, isKept: boolean): void {
    const entry = this.#entry(key);
    entry.pending -= 1;
    if (isKept) this.#add(key, entry);
    else if (entry.pending === 0 && entry.emptyAtMs <= this.#nowMs()) this.#entries.delete(key);
  }

  /** Counts a decided attempt. */
  charge(key: string): void {
    this.#add(key, this.#entry(key));
  }

  #add(key: string, entry: Entry): void {
    entry.emptyAtMs = this.#nowMs() + Math.min(this.#aheadMs(key) + this.#rate(key).intervalMs, this.maxAheadMs(key));
    if (this.#unsent === undefined) return;
    entry.unsent += 1;
    this.#unsent.add(key);
  }

  /** From now on remembers what the store has to hear of. */
  share(): void {
    this.#unsent ??= new Set();
  }

  /** Takes what the store has not heard of, at most so many: attempts by key. */
  takeUnsent(max: number): Map<string, number> {
    const taken = new Map<string, number>();
    for (const key of this.#unsent ?? []) {
      if (taken.size >= max) break;
      this.#unsent?.delete(key);
      const entry = this.#entries.get(key);
      // Evicted meanwhile.
      if (entry === undefined || entry.unsent === 0) continue;
      taken.set(key, entry.unsent);
      entry.unsent = 0;
    }
    return taken;
  }

  /** Gives back what could not be sent. */
  putBack(taken: ReadonlyMap<string, number>): void {
    for (const [key, count] of taken) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      entry.unsent += count;
      this.#unsent?.add(key);
    }
  }

  /**
   * Takes what the store says, and adds what it has not heard of. Less than what is known here it may say only where an
   * administrator emptied the bucket (0): a store that had too many has forgotten some, which lets nobody through here.
   */
  learn(key: string, emptyAtMs: number): void {
    if (!this.#rates.has(kindOf(key))) return;
    const isEmptied = emptyAtMs === 0;
    const nowMs = this.#nowMs();
    if (!this.#entries.has(key) && emptyAtMs <= nowMs) {
      const floor = this.#floors.get(kindOf(key));
      if (isEmptied && floor !== undefined) floor[placeOf(key)] = 0;
      return;
    }
    const entry = this.#entry(key);
    const unsentMs = entry.unsent * this.#rate(key).intervalMs;
    const toldMs = unsentMs === 0 ? emptyAtMs : Math.max(emptyAtMs, nowMs) + unsentMs;
    // Whoever told it may have a clock that is ahead.
    const possibleMs = Math.min(toldMs, nowMs + this.maxAheadMs(key));
    entry.emptyAtMs = isEmptied ? possibleMs : Math.max(entry.emptyAtMs, possibleMs);
  }

  /** Keys of this account, or whatever the first 24 digits stand for. */
  keysOf(prefix: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix));
  }

  /** Empties those buckets. */
  clear(prefix: string): void {
    for (const key of this.keysOf(prefix)) {
      const entry = this.#entries.get(key)!;
      entry.emptyAtMs = 0;
      entry.unsent = 0;
      this.#unsent?.delete(key);
    }
    for (const [kind, floor] of this.#floors) floor[placeOf(`${prefix}${kind}${ALONE}`)] = 0;
  }

  #evict(): void {
    const nowMs = this.#nowMs();
    for (const [key, entry] of this.#entries) {
      if (entry.emptyAtMs <= nowMs && entry.pending === 0) this.#entries.delete(key);
    }
    if (this.#entries.size < 0.9 * this.#maxEntries) return;
    const levels: number[] = [];
    const stride = Math.max(1, Math.floor(this.#entries.size / SAMPLE));
    let i = 0;
    for (const key of this.#entries.keys()) if (i++ % stride === 0) levels.push(this.#share(key));
    levels.sort((a, b) => a - b);
    const threshold = levels[Math.floor(levels.length / 5)]!;
    let excess = Math.ceil(this.#maxEntries / 5);
    for (const [key, { emptyAtMs, pending }] of this.#entries) {
      if (excess === 0) break;
      if (pending > 0 || this.#share(key) > threshold) continue;
      this.#entries.delete(key);
      this.#leave(key, emptyAtMs);
      excess -= 1;
    }
  }

  /** How full it is, 0 to 2. */
  #share(key: string): number {
    const { burst, intervalMs, isMark = false } = this.#rate(key);
    if (isMark) return 0;
    return this.#aheadMs(key) / (burst * intervalMs);
  }

  #leave(key: string, emptyAtMs: number): void {
    // A place is shared: marks in it would last for days, and soon in all of them.
    if (this.#rate(key).isMark === true) return;
    let floor = this.#floors.get(kindOf(key));
    if (floor === undefined) {
      floor = new Float64Array(FLOOR_PLACES);
      this.#floors.set(kindOf(key), floor);
    }
    const place = placeOf(key);
    floor[place] = Math.max(floor[place]!, emptyAtMs);
  }
}

/** Keys are hashes under a secret: nobody chooses his place. */
function placeOf(key: string): number {
  return (parseInt(key.slice(0, 7), 16) ^ parseInt(key.slice(26, 33), 16)) % FLOOR_PLACES;
}
