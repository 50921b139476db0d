// HMAC-SHA-512 (RFC 2104, 4231). The inner and outer hash take one context each, given by the caller.

import { bytes, HASH } from './memory';
import { sha512Final, sha512Init, sha512ResumeAfterBlock, sha512Update } from './sha512';

/**
 * Starts an HMAC in the two contexts at `hmac` (inner) and `hmac + HASH` (outer). The key has at most 128 bytes: a
 * longer one is hashed by the caller first. Uses bytes 0 and 1.
 */
export function hmacInit(hmac: usize, key: usize, keyLength: i32): void {
  const block = bytes(0);
  memory.fill(block, 0, 128);
  memory.copy(block, key, keyLength);
  for (let i: usize = 0; i < 128; i += 8) store<u64>(block + i, load<u64>(block + i) ^ 0x3636363636363636);
  sha512Init(hmac);
  sha512Update(hmac, block, 128);
  for (let i: usize = 0; i < 128; i += 8) store<u64>(block + i, load<u64>(block + i) ^ 0x6a6a6a6a6a6a6a6a);
  sha512Init(hmac + HASH);
  sha512Update(hmac + HASH, block, 128);
}

/** Starts as `hmacInit` with the key whose states after the inner and the outer pad, 64 bytes each, are at `states`. */
export function hmacResume(hmac: usize, states: usize): void {
  sha512ResumeAfterBlock(hmac, states);
  sha512ResumeAfterBlock(hmac + HASH, states + 64);
}

/** Writes the 64-byte tag over what was absorbed into the inner context. Uses bytes 0. */
export function hmacFinal(hmac: usize, tag: usize): void {
  sha512Final(hmac, bytes(0));
  sha512Update(hmac + HASH, bytes(0), 64);
  sha512Final(hmac + HASH, tag);
}
