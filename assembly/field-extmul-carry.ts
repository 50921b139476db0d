// Carrying for field-extmul.ts, where limbs, columns and bounds are explained.

// Constants are loaded from memory: some versions of V8 would rebuild a literal at each use.
const NINETEEN_FIRST: usize = memory.data<u32>([19, 19, 1, 1], 16);
export const MASK_26: usize = memory.data<u64>([0x3ffffff, 0x3ffffff], 16);
export const MASK_25: usize = memory.data<u64>([0x1ffffff, 0x1ffffff], 16);
const LIMB_MASK: usize = memory.data<u32>([0x3ffffff, 0x3ffffff, 0x1ffffff, 0x1ffffff], 16);
const EVEN_LANES: usize = memory.data<u32>([0xffffffff, 0xffffffff, 0, 0], 16);

@inline
export function times19(x: v128): v128 {
  return i64x2.add(i64x2.add(x, i64x2.shl(x, 1)), i64x2.shl(x, 4));
}

@inline
export function joinLimbs(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 0, 2, 4, 6);
}

/**
 * Carries ten columns (below 2^62) and stores the pair, tight. Two chains run side by side, 0 to 5 and 4 to 0, and meet:
 * each limb is reduced once, limbs 0 and 4 twice.
 */
@inline
export function storeCarried(
  d: usize,
  h0: v128,
  h1: v128,
  h2: v128,
  h3: v128,
  h4: v128,
  h5: v128,
  h6: v128,
  h7: v128,
  h8: v128,
  h9: v128,
): void {
  const m26 = v128.load(MASK_26);
  const m25 = v128.load(MASK_25);
  h1 = i64x2.add(h1, i64x2.shr_u(h0, 26));
  h0 = v128.and(h0, m26);
  h5 = i64x2.add(h5, i64x2.shr_u(h4, 26));
  h4 = v128.and(h4, m26);
  h2 = i64x2.add(h2, i64x2.shr_u(h1, 25));
  h1 = v128.and(h1, m25);
  h6 = i64x2.add(h6, i64x2.shr_u(h5, 25));
  h5 = v128.and(h5, m25);
  h3 = i64x2.add(h3, i64x2.shr_u(h2, 26));
  h2 = v128.and(h2, m26);
  h7 = i64x2.add(h7, i64x2.shr_u(h6, 26));
  h6 = v128.and(h6, m26);
  h4 = i64x2.add(h4, i64x2.shr_u(h3, 25));
  h3 = v128.and(h3, m25);
  h8 = i64x2.add(h8, i64x2.shr_u(h7, 25));
  h7 = v128.and(h7, m25);
  h5 = i64x2.add(h5, i64x2.shr_u(h4, 26));
  h4 = v128.and(h4, m26);
  h9 = i64x2.add(h9, i64x2.shr_u(h8, 26));
  h8 = v128.and(h8, m26);
  h0 = i64x2.add(h0, times19(i64x2.shr_u(h9, 25)));
  h9 = v128.and(h9, m25);
  h1 = i64x2.add(h1, i64x2.shr_u(h0, 26));
  h0 = v128.and(h0, m26);
  v128.store(d, joinLimbs(h0, h1));
  v128.store(d, joinLimbs(h2, h3), 16);
  v128.store(d, joinLimbs(h4, h5), 32);
  v128.store(d, joinLimbs(h6, h7), 48);
  v128.store(d, joinLimbs(h8, h9), 64);
}

/** Carries of one vector of 32-bit limbs: 26 bits from the even ones, 25 from the odd ones. */
@inline
function carries(x: v128): v128 {
  return v128.bitselect(i32x4.shr_u(x, 26), i32x4.shr_u(x, 25), v128.load(EVEN_LANES));
}

/** `x` without its own carries, plus the odd carries of the vector before it and its own even ones. */
@inline
function carried(x: v128, before: v128, own: v128): v128 {
  return i32x4.add(v128.and(x, v128.load(LIMB_MASK)), v128.shuffle<i64>(before, own, 1, 2));
}

/** Carries 32-bit limbs once, all at the same time, and stores the pair: enough for sums of a few tight ones. */
@inline
export function storeCarriedOnce(d: usize, x0: v128, x1: v128, x2: v128, x3: v128, x4: v128): void {
  const c0 = carries(x0);
  const c1 = carries(x1);
  const c2 = carries(x2);
  const c3 = carries(x3);
  const c4 = carries(x4);
  const into0 = i32x4.mul(v128.shuffle<i64>(c4, c0, 1, 2), v128.load(NINETEEN_FIRST));
  v128.store(d, i32x4.add(v128.and(x0, v128.load(LIMB_MASK)), into0));
  v128.store(d, carried(x1, c0, c1), 16);
  v128.store(d, carried(x2, c1, c2), 32);
  v128.store(d, carried(x3, c2, c3), 48);
  v128.store(d, carried(x4, c3, c4), 64);
}

/** Carries the ten columns at `columns`. */
export function carryColumns(d: usize, columns: usize): void {
  storeCarried(
    d,
    v128.load(columns),
    v128.load(columns, 16),
    v128.load(columns, 32),
    v128.load(columns, 48),
    v128.load(columns, 64),
    v128.load(columns, 80),
    v128.load(columns, 96),
    v128.load(columns, 112),
    v128.load(columns, 128),
    v128.load(columns, 144),
  );
}
