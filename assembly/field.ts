// The field GF(p), p = 2^255 - 19, two elements at a time.
//
// All arithmetic is on pairs: 80 bytes that hold two independent elements, the first and the second, in the two lanes
// of five vectors. Formulas that need one element put it into both or ignore the second. The contract, which each back
// end fulfils (d, a, b are pointers to pairs; any of them may be the same):
//
//   mul(d, a, b)            d = a·b in each lane; b may be what lookup returned
//   square(d, a)            d = a²
//   squareTimes(d, a, n)    d = a^(2^n), n ≥ 1
//   add, sub, neg           sums, differences, negatives
//   firsts(d, a, b)         d = (first of a, first of b)
//   seconds(d, a, b)        d = (second of a, second of b)
//   select(d, a, b, bits)   in lane i: d = b when bit i of `bits` is set, else a; constant-time
//   fromBytes(d, s, lane)   reads 32 bytes, little-endian, bit 255 ignored, into one lane
//   toBytes(s, a, lane)     writes the canonical 32 bytes of one lane
//   lookup(d, table, i, m)  point i of a table of 8 cached points (1 to 8; 0 is the neutral element), negated when m is
//                           -1 and not when it is 0; reads the whole table; constant-time
//   cachedSigned(d, c, m)   the cached point c, negated when m is -1 and not when it is 0; constant-time
//   doubleStage, addStage, finishDoubleForm, finishAddForm: the halves of the point formulas, see edwards.ts
//
// Every function is constant-time: no branch and no address depends on an element, an index or a mask.

export * from './field-extmul';
