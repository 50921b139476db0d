import type { ThrottleChange, ThrottleRow, ThrottleStore } from '../throttle/store.js';
import { checkChanges, checkPrefix } from './throttle-checks.js';

interface Kept {
  readonly key: Uint8Array;
  emptyAtMs: number;
  mark: number;
}

/** More counters than any process keeps; the emptiest go first. */
const MAX_ROWS = 200_000;

/** Counters of attempts for several engines on one store in memory. */
export class MemoryThrottle implements ThrottleStore {
  readonly #rows = new Map<string, Kept>();
  readonly #assertOpen: () => void;
  #mark = 0;

  constructor(assertOpen: () => void) {
    this.#assertOpen = assertOpen;
  }

  async exchange(
    changes: readonly ThrottleChange[],
    since: number,
    nowMs: number,
  ): Promise<{ rows: ThrottleRow[]; mark: number }> {
    this.#assertOpen();
    for (const { key, addMs, maxAheadMs } of checkChanges(changes)) {
      const name = Buffer.from(key).toString('hex');
      const kept = this.#rows.get(name) ?? { key, emptyAtMs: 0, mark: 0 };
      kept.emptyAtMs = Math.min(Math.max(kept.emptyAtMs, nowMs) + addMs, nowMs + maxAheadMs);
      kept.mark = ++this.#mark;
      this.#rows.set(name, kept);
    }
    if (this.#rows.size > MAX_ROWS) this.#forget(nowMs);
    const rows: ThrottleRow[] = [];
    if (this.#mark === since) return { rows, mark: since };
    for (const { key, emptyAtMs, mark } of this.#rows.values()) {
      if (mark > since && (since > 0 || emptyAtMs > nowMs)) rows.push({ key: Uint8Array.from(key), emptyAtMs });
    }
    return { rows, mark: this.#mark };
  }

  async find(prefix: Uint8Array): Promise<ThrottleRow[]> {
    this.#assertOpen();
    const start = Buffer.from(checkPrefix(prefix)).toString('hex');
    const found = [...this.#rows].filter(([name]) => name.startsWith(start));
    return found.map(([, { key, emptyAtMs }]) => ({ key: Uint8Array.from(key), emptyAtMs }));
  }

  async clear(prefix: Uint8Array, nowMs: number): Promise<number> {
    this.#assertOpen();
    const start = Buffer.from(checkPrefix(prefix)).toString('hex');
    let count = 0;
    for (const [name, kept] of this.#rows) {
      if (!name.startsWith(start) || kept.emptyAtMs <= nowMs) continue;
      kept.emptyAtMs = 0;
      kept.mark = ++this.#mark;
      count += 1;
    }
    return count;
  }

  #forget(nowMs: number): void {
    for (const [name, { emptyAtMs }] of this.#rows) if (emptyAtMs <= nowMs) this.#rows.delete(name);
    const excess = this.#rows.size - MAX_ROWS;
    if (excess <= 0) return;
    const byLevel = [...this.#rows].sort(([, a], [, b]) => a.emptyAtMs - b.emptyAtMs);
    for (const [name] of byLevel.slice(0, excess)) this.#rows.delete(name);
  }
}
