// Carrying for field-fma.ts, where limbs, columns and bounds are explained.

// Constants are loaded from memory: some versions of V8 would rebuild a literal at each use.
/** 1.5·2^103. */
export const SPLIT: usize = memory.data<u64>([0x4668000000000000, 0x4668000000000000], 16);
export const MASK_51: usize = memory.data<u64>([0x7ffffffffffff, 0x7ffffffffffff], 16);
/** The bits of 2^52. */
export const EXPONENT: usize = memory.data<u64>([0x4330000000000000, 0x4330000000000000], 16);
/** 2^-51 and 19·2^-51, which bring a carry to the next limb, and from the last to the first. */
const NEXT: usize = memory.data<u64>([0x3cc0000000000000, 0x3cc0000000000000], 16);
const NEXT_19: usize = memory.data<u64>([0x3d03000000000000, 0x3d03000000000000], 16);

// Carrying adds 1024·p to make columns positive, and 2^50 + m to get balanced limbs: m is what the carry brings from the
// 1024·p of the limb before, 1024, or 19 times that for limb 0.
const M: u64 = 1024;
const CARRY_0: u64 = M * 0x7ffffffffffed + 0x4000000000000 + 19 * M;
const CARRY_K: u64 = M * 0x7ffffffffffff + 0x4000000000000 + M;
export const CARRY_BIAS_0: usize = memory.data<u64>([CARRY_0, CARRY_0], 16);
export const CARRY_BIAS: usize = memory.data<u64>([CARRY_K, CARRY_K], 16);
/** 2^52 + 2^50 + 19·1024 and 2^52 + 2^50 + 1024 as floats: their bits are those of 2^52 plus the integer. */
export const CENTRE_0: usize = memory.data<u64>(
  [0x4330000000000000 + 0x4000000000000 + 19 * M, 0x4330000000000000 + 0x4000000000000 + 19 * M],
  16,
);
export const CENTRE: usize = memory.data<u64>(
  [0x4330000000000000 + 0x4000000000000 + M, 0x4330000000000000 + 0x4000000000000 + M],
  16,
);

@inline
export function times19(x: v128): v128 {
  return i64x2.add(i64x2.add(x, i64x2.shl(x, 1)), i64x2.shl(x, 4));
}

/** A limb out of a column's low 51 bits and the carry into it, with the constants MASK_51, EXPONENT and CENTRE. */
@inline
export function limb(column: v128, carry: v128, mask: v128, exponent: v128, centre: v128): v128 {
  return f64x2.sub(v128.or(i64x2.add(v128.and(column, mask), carry), exponent), centre);
}

/** Carries five columns (below 2^60 in size) once, all at the same time, and stores the pair, tight. */
@inline
export function storeCarried(d: usize, f0: v128, f1: v128, f2: v128, f3: v128, f4: v128): void {
  const bias = v128.load(CARRY_BIAS);
  const mask = v128.load(MASK_51);
  const exponent = v128.load(EXPONENT);
  const centre = v128.load(CENTRE);
  f0 = i64x2.add(f0, v128.load(CARRY_BIAS_0));
  f1 = i64x2.add(f1, bias);
  f2 = i64x2.add(f2, bias);
  f3 = i64x2.add(f3, bias);
  f4 = i64x2.add(f4, bias);
  v128.store(d, limb(f0, times19(i64x2.shr_u(f4, 51)), mask, exponent, v128.load(CENTRE_0)));
  v128.store(d, limb(f1, i64x2.shr_u(f0, 51), mask, exponent, centre), 16);
  v128.store(d, limb(f2, i64x2.shr_u(f1, 51), mask, exponent, centre), 32);
  v128.store(d, limb(f3, i64x2.shr_u(f2, 51), mask, exponent, centre), 48);
  v128.store(d, limb(f4, i64x2.shr_u(f3, 51), mask, exponent, centre), 64);
}

/** x rounded to a multiple of 2^51. */
@inline
function carryOf(x: v128): v128 {
  return f64x2.sub(f64x2.add(x, v128.load(SPLIT)), v128.load(SPLIT));
}

/** Carries float limbs of up to 2^52 in size once, and stores the pair, tight. Every step is exact. */
@inline
export function storeCarriedOnce(d: usize, x0: v128, x1: v128, x2: v128, x3: v128, x4: v128): void {
  const c0 = carryOf(x0);
  const c1 = carryOf(x1);
  const c2 = carryOf(x2);
  const c3 = carryOf(x3);
  const c4 = carryOf(x4);
  v128.store(d, f64x2.add(f64x2.sub(x0, c0), f64x2.mul(c4, v128.load(NEXT_19))));
  v128.store(d, f64x2.add(f64x2.sub(x1, c1), f64x2.mul(c0, v128.load(NEXT))), 16);
  v128.store(d, f64x2.add(f64x2.sub(x2, c2), f64x2.mul(c1, v128.load(NEXT))), 32);
  v128.store(d, f64x2.add(f64x2.sub(x3, c3), f64x2.mul(c2, v128.load(NEXT))), 48);
  v128.store(d, f64x2.add(f64x2.sub(x4, c4), f64x2.mul(c3, v128.load(NEXT))), 64);
}
