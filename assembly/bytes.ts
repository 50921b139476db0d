// Byte strings: comparison without early exit, and big-endian length prefixes.

/** 1 when the `length` bytes at `a` and `b` are the same, else 0; the time depends on `length` only. */
export function equalBytes(a: usize, b: usize, length: i32): i32 {
  let difference: u32 = 0;
  for (let i = 0; i < length; i++) difference |= load<u8>(a + i) ^ load<u8>(b + i);
  return <i32>((difference - 1) >> 31);
}

/** 1 when the 32 bytes at `a` and `b` are the same, else 0. */
export function equal32(a: usize, b: usize): i32 {
  const x =
    (load<u64>(a) ^ load<u64>(b)) |
    (load<u64>(a, 8) ^ load<u64>(b, 8)) |
    (load<u64>(a, 16) ^ load<u64>(b, 16)) |
    (load<u64>(a, 24) ^ load<u64>(b, 24));
  return <i32>(((x | (0 - x)) >> 63) ^ 1);
}

/** 1 when the 32 bytes at `a` are all zero, else 0. */
export function isZero32(a: usize): i32 {
  const x = load<u64>(a) | load<u64>(a, 8) | load<u64>(a, 16) | load<u64>(a, 24);
  return <i32>(((x | (0 - x)) >> 63) ^ 1);
}

export function copy32(d: usize, s: usize): void {
  v128.store(d, v128.load(s));
  v128.store(d, v128.load(s, 16), 16);
}
