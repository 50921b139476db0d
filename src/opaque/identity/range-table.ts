/** Runs of code points: where each begins, as distances, and the value that it has. See `decodeIntegers`. */
export interface EncodedTable {
  readonly starts: string;
  readonly values: string;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Five bits a character, lowest first; characters of the alphabet's second half are continued. */
export function decodeIntegers(text: string): number[] {
  const integers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    value += (digit & 31) << shift;
    if (digit >= 32) {
      shift += 5;
    } else {
      integers.push(value);
      value = 0;
      shift = 0;
    }
  }
  return integers;
}

/** Sums of distances: ascending integers. */
export function decodeAscending(text: string): Uint32Array {
  let sum = 0;
  return Uint32Array.from(decodeIntegers(text), (distance) => (sum += distance));
}

/** The index of the last element of `ascending` that is at most `value`, or -1. */
export function lastAtMost(ascending: Uint32Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The function that looks a code point up in a table, which it decodes when it is first called. */
export function lookupIn(table: EncodedTable): (codePoint: number) => number {
  let starts: Uint32Array | undefined;
  let values: number[] = [];
  return (codePoint) => {
    if (starts === undefined) {
      values = decodeIntegers(table.values);
      starts = decodeAscending(table.starts);
    }
    return values[lastAtMost(starts, codePoint)] ?? 0;
  };
}
