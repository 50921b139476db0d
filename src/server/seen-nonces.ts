import { BYTES } from '../../proto/index.js';

/** So many are kept in one text. */
const MAX_FEW = 8;

/** Where texts come together; nonces are public. */
const bytes = Buffer.allocUnsafeSlow(MAX_FEW * BYTES.nonce);

/**
 * The nonces of one connection, each of 32 bytes. Most have three all their life, which are kept in one text: a set of
 * texts would take three times as much, and there may be a great many connections.
 */
export type SeenNonces = string | Set<string>;

export const NO_NONCES: SeenNonces = '';

/** What is to be kept with one more nonce; undefined: that one was seen. */
export function withNonce(seen: SeenNonces, nonce: Uint8Array): SeenNonces | undefined {
  bytes.set(nonce);
  const key = bytes.toString('latin1', 0, BYTES.nonce);
  if (typeof seen !== 'string') return seen.has(key) ? undefined : seen.add(key);
  if (isAmong(seen, key)) return undefined;
  const { length } = seen;
  if (length === bytes.length) return new Set(parts(seen)).add(key);
  bytes.write(seen, 'latin1');
  bytes.set(nonce, length);
  return bytes.toString('latin1', 0, length + BYTES.nonce);
}

function isAmong(few: string, key: string): boolean {
  for (let at = 0; at < few.length; at += BYTES.nonce) if (few.startsWith(key, at)) return true;
  return false;
}

function parts(few: string): string[] {
  return Array.from({ length: MAX_FEW }, (_, i) => few.slice(i * BYTES.nonce, (i + 1) * BYTES.nonce));
}
