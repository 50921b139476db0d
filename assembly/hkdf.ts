// HKDF-Expand with SHA-512, RFC 5869 section 2.3. (Extract is HMAC with the salt as key.)

import { bytes, HASH, hash } from './memory';
import { hmacFinal, hmacInit } from './hmac';
import { sha512Update } from './sha512';

/**
 * Writes `length` (at most 255 * 64) bytes to `d`; the key `prk` has at most 128 bytes, the info is `info` followed by
 * `label`. Uses hashes 0 to 3, and bytes 0 to 3.
 */
export function hkdfExpandLabel(
  d: usize,
  length: i32,
  prk: usize,
  prkLength: i32,
  info: usize,
  infoLength: i32,
  label: usize,
  labelLength: i32,
): void {
  const hmac = hash(0);
  const keyed = hash(2);
  const block = bytes(2);
  const counter = bytes(3);
  hmacInit(keyed, prk, prkLength);
  for (let n: i32 = 1; length > 0; n++) {
    memory.copy(hmac, keyed, 2 * HASH);
    if (n > 1) sha512Update(hmac, block, 64);
    sha512Update(hmac, info, infoLength);
    sha512Update(hmac, label, labelLength);
    store<u8>(counter, <u8>n);
    sha512Update(hmac, counter, 1);
    hmacFinal(hmac, block);
    const part = length < 64 ? length : 64;
    memory.copy(d, block, part);
    d += part;
    length -= part;
  }
}

/** As `hkdfExpandLabel`, without a label. */
export function hkdfExpand(d: usize, length: i32, prk: usize, prkLength: i32, info: usize, infoLength: i32): void {
  hkdfExpandLabel(d, length, prk, prkLength, info, infoLength, 0, 0);
}
