/** Waiting times between attempts: random, up to a bound that doubles, so that a crowd does not come back at once. */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  #failures = 0;

  constructor(initialMs: number, maxMs: number) {
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
  }

  get failures(): number {
    return this.#failures;
  }

  /** @param leastMs what the server asked for */
  next(leastMs = 0): number {
    const bound = Math.min(this.#maxMs, this.#initialMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return leastMs + Math.random() * bound;
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Waits, or until the signal fires, whichever is first. Clocks that are set do not matter. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, Math.min(ms, 2 ** 31 - 1));
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
