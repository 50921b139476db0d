import type { Crypto, HmacKey } from '../crypto/types.js';

/** What HMAC makes of each key, which would be half of the work of each tag: as secret as the key. */
const hashedKeys = new WeakMap<Uint8Array, { readonly crypto: Crypto; readonly hashed: HmacKey }>();

/**
 * HMAC-SHA-512 under a key that is used for many messages and never changes, such as those of `ServerKeys`; 64 bytes.
 * @param message at most 65536 bytes
 */
export function hmacUnder(crypto: Crypto, key: Uint8Array, message: Uint8Array): Uint8Array {
  const known = hashedKeys.get(key);
  if (known?.crypto === crypto) return known.hashed.hmac(message);
  const hashed = crypto.createHmacKey(key);
  hashedKeys.set(key, { crypto, hashed });
  return hashed.hmac(message);
}

/** Overwrites what `hmacUnder` keeps of a key; the next tag under it begins anew. */
export function forgetHashed(key: Uint8Array): void {
  hashedKeys.get(key)?.hashed.wipe();
  hashedKeys.delete(key);
}
