// Where everything lies. The module has no heap and no collector: all memory is static.
//
// What an operation writes, secret or not, is in one of three places: IN (arguments, written by the host), OUT (results,
// read by the host) and SCRATCH (everything in between). `wipe` clears all three, so nothing can be forgotten when a
// function is added; whoever needs room takes it from SCRATCH below. The tables made once by `init` are public.
// Operations that only hash, of which there are many, use one piece of SCRATCH in the middle and have a `wipe` for it.

/** Bytes of one field element pair: two elements side by side, see field.ts. */
export const PAIR: i32 = 80;
/** Bytes of one point: two pairs, see edwards.ts. */
export const POINT: i32 = 160;
/** Bytes of one scalar: nine limbs of eight bytes, see scalar.ts. */
export const SCALAR: i32 = 72;
/** Bytes of one SHA-512 context, see sha512.ts. */
export const HASH: i32 = 208;

/** The longest message part that fits into IN, together with the other arguments of any operation. */
export const MESSAGE_SIZE: i32 = 65536;
const IN_SIZE: i32 = 1024 + MESSAGE_SIZE;
const OUT_SIZE: i32 = 16384;
const SCRATCH_SIZE: i32 = 16976;

/** Arguments other than the message: at most 1024 bytes. */
export const IN: usize = memory.data(IN_SIZE, 16);
/** The message, or a part of it: at most MESSAGE_SIZE bytes. */
export const MESSAGE: usize = IN + 1024;
export const OUT: usize = memory.data(OUT_SIZE, 16);

const SCRATCH: usize = memory.data(SCRATCH_SIZE, 16);

// --- SCRATCH, piece by piece -------------------------------------------------------------------------------------
/** Raw products inside the field back end. */
export const FIELD_SCRATCH: usize = SCRATCH; // 240
/** Columns of two products, for the formulas that combine them before carrying. */
export const FIRST_COLUMNS: usize = FIELD_SCRATCH + 240; // 160
export const SECOND_COLUMNS: usize = FIRST_COLUMNS + 160; // 160
/** Field pairs for the formulas; each file says which of them its functions use. */
const PAIRS: usize = SECOND_COLUMNS + 160; // 48 * 80
/** Points for the formulas. */
const POINTS: usize = PAIRS + 48 * 80; // 12 * 160
/** Multiples of a point, for scalar multiplication. */
export const POINT_TABLE: usize = POINTS + 12 * 160; // 8 * 160
/** Signed digits of a scalar. */
export const DIGITS: usize = POINT_TABLE + 8 * 160; // 64
/** Scalars for the formulas. */
const SCALARS: usize = DIGITS + 64; // 24 * 72
/** Products of scalars before reduction. */
export const WIDE_SCALAR: usize = SCALARS + 24 * 72; // 144
/** Signed digits and tables of a sum of products, for verification. */
export const NAF: usize = WIDE_SCALAR + 144; // 4 * 144
export const KEY_TABLE: usize = NAF + 4 * 144; // 4 * 160
export const COMMITMENT_TABLE: usize = KEY_TABLE + 4 * 160; // 4 * 160
/** The message schedule of SHA-512. */
export const SCHEDULE: usize = COMMITMENT_TABLE + 4 * 160; // 640
/** Hash contexts; 0 is the one that the host fills through `hashUpdate`. */
const HASHES: usize = SCHEDULE + 640; // 4 * 208
/** Byte strings between two steps of an operation. */
const BYTES: usize = HASHES + 4 * 208; // 64 * 64
/** What hashing uses: SCHEDULE, HASHES and bytes 0 to 3. */
const HASHING: usize = SCHEDULE;
const HASHING_SIZE: i32 = 640 + 4 * 208 + 4 * 64;

@inline
export function pair(index: i32): usize {
  return PAIRS + <usize>(index * PAIR);
}

@inline
export function point(index: i32): usize {
  return POINTS + <usize>(index * POINT);
}

@inline
export function scalarAt(index: i32): usize {
  return SCALARS + <usize>(index * SCALAR);
}

@inline
export function hash(index: i32): usize {
  return HASHES + <usize>(index * HASH);
}

/** 64 bytes of scratch, number `index` (0 to 63). */
@inline
export function bytes(index: i32): usize {
  return BYTES + <usize>(index * 64);
}

/** Clears SCRATCH, and the first bytes of IN, MESSAGE and OUT: as many as the host says it used. */
export function wipe(inLength: i32, messageLength: i32, outLength: i32): void {
  memory.fill(SCRATCH, 0, SCRATCH_SIZE);
  wipeEnds(inLength, messageLength, outLength);
}

/** As `wipe`, after nothing but hashing, HMAC and HKDF: a tenth of SCRATCH. */
export function wipeHashing(inLength: i32, messageLength: i32, outLength: i32): void {
  memory.fill(HASHING, 0, HASHING_SIZE);
  wipeEnds(inLength, messageLength, outLength);
}

function wipeEnds(inLength: i32, messageLength: i32, outLength: i32): void {
  memory.fill(IN, 0, atMost(inLength, IN_SIZE));
  memory.fill(MESSAGE, 0, atMost(messageLength, MESSAGE_SIZE));
  memory.fill(OUT, 0, atMost(outLength, OUT_SIZE));
}

/** A length that no area has means all of the area. */
@inline
function atMost(length: i32, size: i32): i32 {
  return <u32>length < <u32>size ? length : size;
}
