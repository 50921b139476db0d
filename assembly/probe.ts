// A module of its own, compiled with relaxed SIMD: does `relaxed_madd` round once? The specification allows two roundings,
// and the back end in field-fma.ts would then compute wrong results, not slow ones.

// (1 + 2^-30)² - (1 + 2^-29) is 2^-60: a product that is rounded before the addition loses it.
const FACTOR: usize = memory.data<f64>([1.000000000931322574615478515625, -1.000000000931322574615478515625], 16);
const ADDEND: usize = memory.data<f64>([-1.00000000186264514923095703125, 1.00000000186264514923095703125], 16);
const EXPECTED: usize = memory.data<u64>([0x3c30000000000000, 0xbc30000000000000], 16);

/** 1 when both lanes are fused. */
export function fused(): i32 {
  const factor = v128.load(FACTOR);
  const result = v128.relaxed_madd<f64>(factor, f64x2.abs(factor), v128.load(ADDEND));
  return i32(i64x2.all_true(i64x2.eq(result, v128.load(EXPECTED))));
}
