const MINUTE_MS = 60_000;

/**
 * Bounds the requests of one connection after `welcome` (PROTOCOL.md 9.2): a minute's worth may come at once, then one for
 * each part of the minute.
 */
export class RequestRate {
  readonly #intervalMs: number;
  /** When all of a minute's worth is there again. */
  #fullAtMs = 0;
  #isWarned = false;

  constructor(perMinute: number) {
    this.#intervalMs = MINUTE_MS / perMinute;
  }

  /**
   * One request: 0 if it may be answered, else the milliseconds until one may.
   * @param nowMs monotonic
   * @returns `isIgnored`: that was said before, and this one came too early
   */
  take(nowMs: number): { readonly waitMs: number; readonly isIgnored: boolean } {
    const used = Math.max(this.#fullAtMs, nowMs) + this.#intervalMs;
    const waitMs = Math.max(0, Math.floor(used - nowMs - MINUTE_MS));
    const isIgnored = waitMs > 0 && this.#isWarned;
    this.#isWarned = waitMs > 0;
    if (waitMs === 0) this.#fullAtMs = used;
    return { waitMs, isIgnored };
  }
}
