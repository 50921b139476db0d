/** A queue whose next entry can be waited for, for a while. */
export class Mailbox<T> {
  readonly #entries: T[] = [];
  readonly #waiting: ((entry: T) => void)[] = [];
  #last: { readonly entry: T } | undefined;

  /** After `end` nothing is taken in any more. */
  put(entry: T): void {
    if (this.#last !== undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#entries.push(entry);
    else waiting(entry);
  }

  /** The last entry: for all who wait, and for everybody who comes once the rest is taken. The first end counts. */
  end(entry: T): void {
    if (this.#last !== undefined) return;
    this.#last = { entry };
    for (const waiting of this.#waiting.splice(0)) waiting(entry);
  }

  /** The next entry; undefined when none came in time. Who waits longest is served first. */
  take(timeoutMs: number): Promise<T | undefined> {
    if (this.#entries.length > 0) return Promise.resolve(this.#entries.shift());
    if (this.#last !== undefined) return Promise.resolve(this.#last.entry);
    return new Promise((resolve) => {
      const serve = (entry: T): void => {
        clearTimeout(timer);
        resolve(entry);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(serve), 1);
        resolve(undefined);
      }, timeoutMs);
      this.#waiting.push(serve);
    });
  }
}
