// SHA-512, FIPS 180-4. A context is 208 bytes: state (8 words), block buffer (128 bytes), length so far (8 bytes).
// The host may keep a context between calls: it holds no pointers.

import { SCHEDULE } from './memory';
import { SHA512_INITIAL, SHA512_ROUND } from './tables';

const BUFFER: i32 = 64;
const LENGTH: i32 = 192;

export function sha512Init(context: usize): void {
  memory.copy(context, SHA512_INITIAL, 64);
  store<u64>(context, 0, LENGTH);
}

/** Starts with the state that another context, whose first words it is, had after one block. */
export function sha512ResumeAfterBlock(context: usize, state: usize): void {
  memory.copy(context, state, 64);
  store<u64>(context, 128, LENGTH);
}

/** Absorbs `length` bytes. */
export function sha512Update(context: usize, data: usize, length: i32): void {
  const total = load<u64>(context, LENGTH);
  store<u64>(context, total + <u64>length, LENGTH);
  let filled = <i32>(total & 127);
  if (filled) {
    const room = 128 - filled;
    const part = length < room ? length : room;
    memory.copy(context + BUFFER + filled, data, part);
    data += part;
    length -= part;
    filled += part;
    if (filled < 128) return;
    compress(context, context + BUFFER);
  }
  while (length >= 128) {
    compress(context, data);
    data += 128;
    length -= 128;
  }
  if (length) memory.copy(context + BUFFER, data, length);
}

/** Pads, and writes the 64-byte digest to `digest`. The context is used up. */
export function sha512Final(context: usize, digest: usize): void {
  const total = load<u64>(context, LENGTH);
  let filled = <i32>(total & 127);
  store<u8>(context + filled, 0x80, BUFFER);
  filled++;
  if (filled > 112) {
    memory.fill(context + BUFFER + filled, 0, 128 - filled);
    compress(context, context + BUFFER);
    filled = 0;
  }
  // The length in bits has 128 bits; 2^61 bytes cannot be reached, so all but the low 64 are zero.
  memory.fill(context + BUFFER + filled, 0, 120 - filled);
  store<u64>(context, bswap<u64>(total << 3), BUFFER + 120);
  compress(context, context + BUFFER);
  for (let i = 0; i < 64; i += 8) store<u64>(digest + i, bswap<u64>(load<u64>(context + i)));
}

@inline
function bigSigma0(x: u64): u64 {
  return rotr<u64>(x, 28) ^ rotr<u64>(x, 34) ^ rotr<u64>(x, 39);
}

@inline
function bigSigma1(x: u64): u64 {
  return rotr<u64>(x, 14) ^ rotr<u64>(x, 18) ^ rotr<u64>(x, 41);
}

@inline
function smallSigma0(x: u64): u64 {
  return rotr<u64>(x, 1) ^ rotr<u64>(x, 8) ^ (x >> 7);
}

@inline
function smallSigma1(x: u64): u64 {
  return rotr<u64>(x, 19) ^ rotr<u64>(x, 61) ^ (x >> 6);
}

/** The part of a round's first sum that needs e, f, g, h; `at` points to the schedule, `k` to the constants. */
@inline
function sum1(e: u64, f: u64, g: u64, h: u64, w: u64, k: u64): u64 {
  return h + bigSigma1(e) + (g ^ (e & (f ^ g))) + k + w;
}

@inline
function sum0(a: u64, b: u64, c: u64): u64 {
  return bigSigma0(a) + ((a & b) | (c & (a | b)));
}

/** One block of 128 bytes. Rounds come in eights, so that the working variables change names instead of places. */
function compress(state: usize, block: usize): void {
  for (let i: usize = 0; i < 128; i += 16) {
    const words = v128.load(block + i);
    v128.store(SCHEDULE + i, v128.shuffle<u8>(words, words, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
  }
  for (let w: usize = SCHEDULE; w < SCHEDULE + 512; w += 8) {
    store<u64>(w, load<u64>(w) + smallSigma0(load<u64>(w, 8)) + load<u64>(w, 72) + smallSigma1(load<u64>(w, 112)), 128);
  }
  let a = load<u64>(state);
  let b = load<u64>(state, 8);
  let c = load<u64>(state, 16);
  let d = load<u64>(state, 24);
  let e = load<u64>(state, 32);
  let f = load<u64>(state, 40);
  let g = load<u64>(state, 48);
  let h = load<u64>(state, 56);
  let k: usize = SHA512_ROUND;
  for (let w: usize = SCHEDULE; w < SCHEDULE + 640; w += 64) {
    h = sum1(e, f, g, h, load<u64>(w), load<u64>(k));
    d += h;
    h += sum0(a, b, c);
    g = sum1(d, e, f, g, load<u64>(w, 8), load<u64>(k, 8));
    c += g;
    g += sum0(h, a, b);
    f = sum1(c, d, e, f, load<u64>(w, 16), load<u64>(k, 16));
    b += f;
    f += sum0(g, h, a);
    e = sum1(b, c, d, e, load<u64>(w, 24), load<u64>(k, 24));
    a += e;
    e += sum0(f, g, h);
    d = sum1(a, b, c, d, load<u64>(w, 32), load<u64>(k, 32));
    h += d;
    d += sum0(e, f, g);
    c = sum1(h, a, b, c, load<u64>(w, 40), load<u64>(k, 40));
    g += c;
    c += sum0(d, e, f);
    b = sum1(g, h, a, b, load<u64>(w, 48), load<u64>(k, 48));
    f += b;
    b += sum0(c, d, e);
    a = sum1(f, g, h, a, load<u64>(w, 56), load<u64>(k, 56));
    e += a;
    a += sum0(b, c, d);
    k += 64;
  }
  store<u64>(state, load<u64>(state) + a);
  store<u64>(state, load<u64>(state, 8) + b, 8);
  store<u64>(state, load<u64>(state, 16) + c, 16);
  store<u64>(state, load<u64>(state, 24) + d, 24);
  store<u64>(state, load<u64>(state, 32) + e, 32);
  store<u64>(state, load<u64>(state, 40) + f, 40);
  store<u64>(state, load<u64>(state, 48) + g, 48);
  store<u64>(state, load<u64>(state, 56) + h, 56);
}
