/**
 * Objects by key. Nearly all keys have a single one, which stands there by itself: a set for each key would take as much
 * memory as most of what is kept of a connection.
 */
export class MultiMap<T extends object> {
  readonly #values = new Map<string, T | Set<T>>();

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** Those of a key, as they are now. */
  of(key: string): readonly T[] {
    const found = this.#values.get(key);
    if (found === undefined) return [];
    return found instanceof Set ? [...found] : [found];
  }

  /** Those of all keys, each key's together. */
  groups(): readonly (readonly T[])[] {
    return Array.from(this.#values.keys(), (key) => this.of(key));
  }

  add(key: string, value: T): void {
    const found = this.#values.get(key);
    if (found === undefined) this.#values.set(key, value);
    else if (found instanceof Set) found.add(value);
    else if (found !== value) this.#values.set(key, new Set([found, value]));
  }

  delete(key: string, value: T): void {
    const found = this.#values.get(key);
    if (found === value) this.#values.delete(key);
    if (!(found instanceof Set)) return;
    found.delete(value);
    if (found.size === 0) this.#values.delete(key);
  }
}
