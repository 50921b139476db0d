import { BYTES } from '../../proto/index.js';

/** So many are kept in one text. */
const MAX_FEW = 8;

/** Where texts come together; nonces are public. */
const bytes = Buffer.allocUnsafeSlow(MAX_FEW * BYTES.nonce);

/**
 * The nonces of one connection, each of 32 bytes. Most have three all their life, which are kept in one text: a set of
 * texts would take three times as much, and there may be a great many connections.
 */
export class SeenNonces {
  #few = '';
  #many: Set<string> | undefined;

  /** Remembers a nonce, and answers whether it was new. */
  add(nonce: Uint8Array): boolean {
    bytes.set(nonce);
    const key = bytes.toString('latin1', 0, BYTES.nonce);
    if (isAmong(this.#few, key) || this.#many?.has(key) === true) return false;
    const { length } = this.#few;
    if (length === bytes.length) {
      this.#many ??= new Set();
      this.#many.add(key);
    } else {
      bytes.write(this.#few, 'latin1');
      bytes.set(nonce, length);
      this.#few = bytes.toString('latin1', 0, length + BYTES.nonce);
    }
    return true;
  }
}

function isAmong(few: string, key: string): boolean {
  for (let at = 0; at < few.length; at += BYTES.nonce) if (few.startsWith(key, at)) return true;
  return false;
}
