// expand_message_xmd with SHA-512 (RFC 9380 section 5.3.1), and hashing to group elements and scalars (RFC 9497
// section 4.1). The message goes through hash 0 in as many parts as the caller likes:
// xmdInit, sha512Update(hash(0), …), then one of the three endings.

import { bytes, HASH, hash } from './memory';
import { fromUniformBytes } from './ristretto255';
import { scalarFromWide } from './scalar';
import { sha512Final, sha512Init, sha512Update } from './sha512';

/** A hash that has absorbed Z_pad, one block of zeros. */
const STARTED: usize = memory.data(208, 16);

/** Fills STARTED, once. Uses bytes 0 and 1. */
export function initXmd(): void {
  memory.fill(bytes(0), 0, 128);
  sha512Init(STARTED);
  sha512Update(STARTED, bytes(0), 128);
}

export function xmdInit(): void {
  memory.copy(hash(0), STARTED, HASH);
}

/** Absorbs DST_prime: the tag, then its length in one byte. Uses bytes 3. */
function absorbTag(context: usize, dst: usize, dstLength: i32): void {
  sha512Update(context, dst, dstLength);
  store<u8>(bytes(3), <u8>dstLength);
  sha512Update(context, bytes(3), 1);
}

/** Writes `length` (1 to 255 * 64) expanded bytes to `d`; `dst` has 1 to 255 bytes. Uses hashes 0 and 1, bytes 0 to 3. */
export function xmdFinal(d: usize, length: i32, dst: usize, dstLength: i32): void {
  const b0 = bytes(0);
  const mixed = bytes(1);
  const block = bytes(2);
  const small = bytes(3);
  store<u8>(small, <u8>(length >> 8));
  store<u8>(small, <u8>length, 1);
  store<u8>(small, 0, 2);
  sha512Update(hash(0), small, 3);
  absorbTag(hash(0), dst, dstLength);
  sha512Final(hash(0), b0);
  memory.fill(block, 0, 64);
  for (let n = 1; length > 0; n++) {
    for (let i: usize = 0; i < 64; i += 8) store<u64>(mixed + i, load<u64>(b0 + i) ^ load<u64>(block + i));
    sha512Init(hash(1));
    sha512Update(hash(1), mixed, 64);
    store<u8>(small, <u8>n);
    sha512Update(hash(1), small, 1);
    absorbTag(hash(1), dst, dstLength);
    sha512Final(hash(1), block);
    const part = length < 64 ? length : 64;
    memory.copy(d, block, part);
    d += part;
    length -= part;
  }
}

/** Ends with a point in add form. Uses what `fromUniformBytes` uses, and bytes 4. */
export function groupFinal(d: usize, dst: usize, dstLength: i32): void {
  xmdFinal(bytes(4), 64, dst, dstLength);
  fromUniformBytes(d, bytes(4));
}

/** Ends with a scalar. Uses what `scalarFromWide` uses, and bytes 4. */
export function scalarFinal(d: usize, dst: usize, dstLength: i32): void {
  xmdFinal(bytes(4), 64, dst, dstLength);
  scalarFromWide(d, bytes(4));
}
