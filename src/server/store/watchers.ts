import type { StoreChange } from '../store.js';

type Listener = (change: StoreChange) => void;

function copyChange(change: StoreChange): StoreChange {
  switch (change.kind) {
    case 'session-ended':
      return { ...change, sessionId: new Uint8Array(change.sessionId), userId: new Uint8Array(change.userId) };
    case 'session-epoch':
      return { ...change, sessionId: new Uint8Array(change.sessionId) };
    case 'user-changed':
      return { ...change, userId: new Uint8Array(change.userId) };
    case 'gap':
      return { ...change };
  }
}

/** Those who watch a store. */
export class Watchers {
  readonly #listeners = new Set<Listener>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a listener, as often as it is given, and answers how to remove it. */
  add(listener: Listener): () => void {
    const own: Listener = (change) => listener(change);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  clear(): void {
    this.#listeners.clear();
  }

  /** A listener that throws harms neither the store nor the others; its error surfaces as an uncaught exception. */
  tell(change: StoreChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(copyChange(change));
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
