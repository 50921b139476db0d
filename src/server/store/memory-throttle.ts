import { toHex } from '../hex.js';
import type { ThrottleChange, ThrottleRow, ThrottleStore } from '../throttle/store.js';
import {
  checkChanges,
  checkPrefix,
  CLEARED_KIND,
  CLEARED_MS,
  clearedKey,
  KIND_BYTE,
  MARK_KIND,
  MAX_ROWS,
  SHARE_LEFT,
} from './throttle-checks.js';

interface Kept {
  readonly key: Uint8Array;
  emptyAtMs: number;
  maxAheadMs: number;
  mark: number;
}

/** Counters of attempts for several engines on one store in memory. */
export class MemoryThrottle implements ThrottleStore {
  readonly #rows = new Map<string, Kept>();
  readonly #assertOpen: () => void;
  readonly #maxRows: number;
  #mark = 0;

  constructor(assertOpen: () => void, maxRows = MAX_ROWS) {
    this.#assertOpen = assertOpen;
    this.#maxRows = maxRows;
  }

  async exchange(
    changes: readonly ThrottleChange[],
    since: number,
    nowMs: number,
  ): Promise<{ rows: ThrottleRow[]; mark: number }> {
    this.#assertOpen();
    for (const { key, addMs, maxAheadMs } of checkChanges(changes)) {
      const name = toHex(key);
      const kept = this.#rows.get(name) ?? { key, emptyAtMs: 0, maxAheadMs, mark: 0 };
      kept.emptyAtMs = Math.min(Math.max(kept.emptyAtMs, nowMs) + addMs, nowMs + maxAheadMs);
      kept.mark = ++this.#mark;
      this.#rows.set(name, kept);
    }
    if (this.#rows.size > this.#maxRows) this.#forget(nowMs);
    const rows: ThrottleRow[] = [];
    if (this.#mark === since) return { rows, mark: since };
    for (const { key, emptyAtMs, mark } of this.#rows.values()) {
      if (mark > since && (since > 0 || emptyAtMs > nowMs)) rows.push({ key: Uint8Array.from(key), emptyAtMs });
    }
    return { rows, mark: this.#mark };
  }

  async find(prefix: Uint8Array): Promise<ThrottleRow[]> {
    this.#assertOpen();
    const start = toHex(checkPrefix(prefix));
    const found = [...this.#rows].filter(
      ([name, { key }]) => name.startsWith(start) && key[KIND_BYTE] !== CLEARED_KIND,
    );
    return found.map(([, { key, emptyAtMs }]) => ({ key: Uint8Array.from(key), emptyAtMs }));
  }

  async clear(prefix: Uint8Array, nowMs: number): Promise<number> {
    this.#assertOpen();
    const start = toHex(checkPrefix(prefix));
    let count = 0;
    for (const [name, kept] of this.#rows) {
      if (!name.startsWith(start) || kept.emptyAtMs <= nowMs || kept.key[KIND_BYTE] === CLEARED_KIND) continue;
      kept.emptyAtMs = 0;
      kept.mark = ++this.#mark;
      count += 1;
    }
    const key = clearedKey(prefix);
    const told = { key, emptyAtMs: nowMs + CLEARED_MS, maxAheadMs: CLEARED_MS, mark: ++this.#mark };
    this.#rows.set(toHex(key), told);
    return count;
  }

  #forget(nowMs: number): void {
    for (const [name, { emptyAtMs }] of this.#rows) if (emptyAtMs <= nowMs) this.#rows.delete(name);
    if (this.#rows.size <= this.#maxRows) return;
    const share = ({ key, emptyAtMs, maxAheadMs }: Kept): number =>
      key[KIND_BYTE] === MARK_KIND ? 0 : (emptyAtMs - nowMs) / maxAheadMs;
    const byShare = [...this.#rows].map(([name, kept]) => ({ name, share: share(kept) }));
    byShare.sort((a, b) => a.share - b.share);
    const excess = byShare.length - Math.floor(SHARE_LEFT * this.#maxRows);
    for (const { name } of byShare.slice(0, excess)) this.#rows.delete(name);
  }
}
