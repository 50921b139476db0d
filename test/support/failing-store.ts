import { BlindsaltError } from '../../proto/index.js';
import type { Store } from '../../src/server/index.js';

/** A real store whose next call of a method can be made to fail as a full disk would, before it changes anything. */
export class FailingStore {
  readonly #failing = new Set<keyof Store>();
  readonly calls: (keyof Store)[] = [];
  readonly store: Store;

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (target, name: keyof Store) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        // Watching does not fail, and answers at once.
        if (name === 'watch') return target.watch.bind(target);
        return async (...args: unknown[]) => {
          this.calls.push(name);
          if (this.#failing.delete(name)) {
            throw new BlindsaltError('store-failed', undefined, { cause: new Error('disk full') });
          }
          return Reflect.apply(method, target, args) as unknown;
        };
      },
    });
  }

  failOnce(method: keyof Store): void {
    this.#failing.add(method);
  }
}
