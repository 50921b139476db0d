// The two field back ends: the compiled functions driven to the bounds that scripts/check-limb-bounds.js proves.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasFusedMultiplyAdd } from '../../src/crypto/index.js';
import { compileAssembly } from '../support/compile-assembly.js';
import { fromInteger, toInteger } from '../support/noble-crypto.js';

const P = 2n ** 255n - 19n;
const modulo = (x: bigint): bigint => ((x % P) + P) % P;

interface FieldExports {
  readonly memory: WebAssembly.Memory;
  readonly IN: WebAssembly.Global;
  readonly OUT: WebAssembly.Global;
  readonly init: () => void;
  readonly at: (index: number) => number;
  readonly read: (d: number) => void;
  readonly write: (a: number) => void;
  readonly fieldAdd: (d: number, a: number, b: number) => void;
  readonly fieldSub: (d: number, a: number, b: number) => void;
  readonly fieldMul: (d: number, a: number, b: number) => void;
  readonly fieldSquare: (d: number, a: number) => void;
  readonly fieldSquareTimes: (d: number, a: number, count: number) => void;
  readonly fieldNeg: (d: number, a: number) => void;
  readonly fieldFirsts: (d: number, a: number, b: number) => void;
  readonly fieldSeconds: (d: number, a: number, b: number) => void;
  readonly fieldSelect: (d: number, a: number, b: number, bits: number) => void;
  readonly fieldLookup: (d: number, table: number, index: number, negate: number) => void;
  readonly fieldCachedSigned: (d: number, c: number, negate: number) => void;
  readonly pointDouble: (d: number, p: number, addForm: number) => void;
  readonly pointAdd: (d: number, p: number, c: number, addForm: number) => void;
  readonly fieldIsZero: (a: number) => number;
  readonly fieldIsNegative: (a: number) => number;
  readonly fieldIsEqual: (a: number, b: number) => number;
  readonly fieldSqrtRatio: (d: number, u: number, v: number) => number;
  readonly fieldInverseSqrt: (d: number, v: number) => number;
}

/** How a back end keeps a number, and how far its limbs may go. */
interface Layout {
  readonly limbs: number;
  /** The exponent of limb i. */
  readonly weight: (i: number) => bigint;
  readonly tight: (i: number) => { min: bigint; max: bigint };
  /** What the second factor of a product may be. */
  readonly loose: (i: number) => { min: bigint; max: bigint };
  readonly set: (view: DataView, pair: number, lane: number, i: number, limb: bigint) => void;
}

const extmul: Layout = {
  limbs: 10,
  weight: (i) => BigInt(51 * (i >> 1) + 26 * (i & 1)),
  tight: (i) => ({ min: 0n, max: i & 1 ? 2n ** 25n + 2n ** 14n : 2n ** 26n + 2n ** 6n }),
  loose: (i) => ({ min: 0n, max: i & 1 ? 2n ** 26n : 2n ** 27n }),
  set: (view, pair, lane, i, limb) => view.setUint32(pair + 16 * (i >> 1) + 8 * (i & 1) + 4 * lane, Number(limb), true),
};

const balanced = (): { min: bigint; max: bigint } => ({ min: -(2n ** 50n) - 2n ** 10n, max: 2n ** 50n + 2n ** 10n });
const fma: Layout = {
  limbs: 5,
  weight: (i) => BigInt(51 * i),
  tight: balanced,
  loose: balanced,
  set: (view, pair, lane, i, limb) => view.setFloat64(pair + 16 * i + 8 * lane, Number(limb), true),
};

function fieldSuite(name: string, layout: Layout, flags: string[]): void {
  describe(name, () => {
    const field = compileAssembly<FieldExports>('assembly/testing/field.ts', ...flags);
    field.init();
    const view = new DataView(field.memory.buffer);
    const bytes = new Uint8Array(field.memory.buffer);

    /** Limbs that are mostly at the very ends of what is allowed. */
    const limbsWithin = (bound: Layout['tight']): fc.Arbitrary<bigint[]> =>
      fc.tuple(
        ...Array.from({ length: layout.limbs }, (_, i) => {
          const { min, max } = bound(i);
          return fc.oneof(
            { weight: 3, arbitrary: fc.constantFrom(min, max) },
            { weight: 1, arbitrary: fc.constantFrom(min + 1n, max - 1n, 0n, 1n) },
            { weight: 1, arbitrary: fc.bigInt(min, max) },
          );
        }),
      );
    const pairOf = (bound: Layout['tight']): fc.Arbitrary<[bigint[], bigint[]]> =>
      fc.tuple(limbsWithin(bound), limbsWithin(bound));
    const value = (limbs: bigint[]): bigint =>
      modulo(limbs.reduce((sum, limb, i) => sum + (limb << layout.weight(i)), 0n));
    const put = (index: number, lanes: [bigint[], bigint[]]): [bigint, bigint] => {
      lanes.forEach((limbs, lane) => limbs.forEach((limb, i) => layout.set(view, field.at(index), lane, i, limb)));
      return [value(lanes[0]), value(lanes[1])];
    };
    const get = (index: number): [bigint, bigint] => {
      field.write(index);
      const out = field.OUT.value as number;
      return [toInteger(bytes.subarray(out, out + 32)), toInteger(bytes.subarray(out + 32, out + 64))];
    };
    const putIntegers = (index: number, a: bigint, b: bigint): void => {
      bytes.set(fromInteger(a), field.IN.value as number);
      bytes.set(fromInteger(b), (field.IN.value as number) + 32);
      field.read(index);
    };
    const both = (f: (a: bigint, b: bigint) => bigint, x: [bigint, bigint], y: [bigint, bigint]): [bigint, bigint] => [
      modulo(f(x[0], y[0])),
      modulo(f(x[1], y[1])),
    ];
    const tight = pairOf(layout.tight);
    const loose = pairOf(layout.loose);

    test('products, sums and differences of limbs at their bounds, in every aliasing', () => {
      fc.assert(
        fc.property(tight, tight, loose, (a, b, c) => {
          const [x, y, z] = [put(0, a), put(1, b), put(2, c)];
          field.fieldMul(3, 0, 2);
          expect(get(3)).toEqual(both((p, q) => p * q, x, z));
          field.fieldMul(2, 0, 2);
          expect(get(2)).toEqual(both((p, q) => p * q, x, z));
          field.fieldAdd(4, 0, 1);
          expect(get(4)).toEqual(both((p, q) => p + q, x, y));
          field.fieldSub(5, 0, 1);
          expect(get(5)).toEqual(both((p, q) => p - q, x, y));
          field.fieldNeg(6, 1);
          expect(get(6)).toEqual(both((p) => -p, y, y));
          field.fieldSquare(7, 1);
          expect(get(7)).toEqual(both((p) => p * p, y, y));
          field.fieldMul(8, 1, 1);
          expect(get(8)).toEqual(get(7));
          field.fieldSub(9, 1, 1);
          expect(field.fieldIsZero(9)).toBe(3);
          // what came out is tight again
          field.fieldMul(10, 4, 5);
          expect(get(10)).toEqual(both((p, q) => p * p - q * q, x, y));
          field.fieldAdd(0, 0, 0);
          expect(get(0)).toEqual(both((p) => 2n * p, x, x));
          field.fieldSquareTimes(1, 1, 5);
          expect(get(1)).toEqual(both((p) => p ** 32n, y, y));
        }),
        { numRuns: 400 },
      );
    });

    test('bytes in and out: every integer becomes its canonical residue', () => {
      const edges = [0n, 1n, 18n, 19n, 20n, P - 1n, P, P + 1n, 2n ** 255n - 1n, 2n ** 254n, 2n ** 51n - 1n, 2n ** 50n];
      const integers = fc.oneof(fc.constantFrom(...edges), fc.bigInt(0n, 2n ** 255n - 1n));
      fc.assert(
        fc.property(integers, integers, (a, b) => {
          putIntegers(0, a, b);
          expect(get(0)).toEqual([modulo(a), modulo(b)]);
          // bit 255 is ignored
          putIntegers(0, a + 2n ** 255n, b + 2n ** 255n);
          expect(get(0)).toEqual([modulo(a), modulo(b)]);
          expect(field.fieldIsZero(0)).toBe(Number(modulo(a) === 0n) | (Number(modulo(b) === 0n) << 1));
          expect(field.fieldIsNegative(0)).toBe(Number(modulo(a) & 1n) | (Number(modulo(b) & 1n) << 1));
          putIntegers(1, a, a);
          expect(field.fieldIsEqual(0, 1)).toBe(1 | (Number(modulo(a) === modulo(b)) << 1));
        }),
        { numRuns: 1000 },
      );
      fc.assert(
        fc.property(tight, (a) => {
          const expected = put(0, a);
          expect(get(0)).toEqual(expected);
        }),
      );
    });

    test('lanes: firsts, seconds, select', () => {
      putIntegers(0, 11n, 12n);
      putIntegers(1, 21n, 22n);
      field.fieldFirsts(2, 0, 1);
      expect(get(2)).toEqual([11n, 21n]);
      field.fieldSeconds(2, 0, 1);
      expect(get(2)).toEqual([12n, 22n]);
      [
        [11n, 12n],
        [21n, 12n],
        [11n, 22n],
        [21n, 22n],
      ].forEach((expected, bits) => {
        field.fieldSelect(2, 0, 1, bits);
        expect(get(2)).toEqual(expected);
      });
    });

    test('look-up: every index, both signs; a second negation undoes the first', () => {
      // eight cached points at pairs 4 to 19
      for (let i = 0; i < 8; i++) {
        putIntegers(4 + 2 * i, BigInt(100 + i), BigInt(200 + i));
        putIntegers(5 + 2 * i, BigInt(300 + i), BigInt(400 + i));
      }
      for (let index = 0; index <= 8; index++) {
        const i = BigInt(index - 1);
        const [a, b, c, d] = index ? [100n + i, 200n + i, 300n + i, 400n + i] : [1n, 2n, 1n, 0n];
        field.fieldLookup(0, 4, index, 0);
        expect([get(0), get(1)]).toEqual([
          [a, b],
          [c, d],
        ]);
        field.fieldLookup(0, 4, index, -1);
        expect([get(0), get(1)]).toEqual([
          [c, b],
          [a, modulo(-d)],
        ]);
        field.fieldCachedSigned(2, 0, -1);
        expect([get(2), get(3)]).toEqual([
          [a, b],
          [c, d],
        ]);
        field.fieldCachedSigned(2, 0, 0);
        expect(get(3)).toEqual([a, modulo(-d)]);
      }
    });

    test('point formulas on limbs at their bounds', () => {
      fc.assert(
        fc.property(tight, tight, loose, loose, (p0, p1, c0, c1) => {
          const [[x, y], [sum, z]] = [put(0, p0), put(1, p1)];
          for (const addForm of [0, 1]) {
            put(0, p0);
            put(1, p1);
            field.pointDouble(2, 0, addForm);
            const e = sum * sum - x * x - y * y;
            const g = y * y - x * x;
            const [f, h] = [2n * z * z + x * x - y * y, x * x + y * y];
            const [x3, y3, t3, z3] = [e * f, g * h, e * h, g * f];
            expect([...get(2), ...get(3)]).toEqual(
              (addForm ? [y3 - x3, z3, y3 + x3, t3] : [x3, y3, x3 + y3, z3]).map(modulo),
            );
          }
          const [[minus, zz], [plus, t]] = [put(0, p0), put(1, p1)];
          const [[minus2, zz2], [plus2, t2]] = [put(4, c0), put(5, c1)];
          for (const addForm of [0, 1]) {
            field.pointAdd(2, 0, 4, addForm);
            const [a, d, b, c] = [minus * minus2, zz * zz2, plus * plus2, t * t2];
            const [e, g, f, h] = [a - b, d + c, d - c, b + a];
            const [x3, y3, t3, z3] = [e * f, g * h, e * h, g * f];
            expect([...get(2), ...get(3)]).toEqual(
              (addForm ? [y3 - x3, z3, y3 + x3, t3] : [x3, y3, x3 + y3, z3]).map(modulo),
            );
          }
        }),
        { numRuns: 300 },
      );
    });

    test('square roots of ratios, RFC 9496 section 4.2', () => {
      const SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752n;
      const integers = fc.oneof(fc.constantFrom(0n, 1n, 2n, P - 1n, P - 2n), fc.bigInt(0n, P - 1n));
      fc.assert(
        fc.property(integers, integers, integers, integers, (u0, u1, v0, v1) => {
          putIntegers(0, u0, u1);
          putIntegers(1, v0, v1);
          const square = field.fieldSqrtRatio(2, 0, 1);
          const roots = get(2);
          [
            [u0, v0],
            [u1, v1],
          ].forEach(([u, v], lane) => {
            const r = roots[lane as 0 | 1];
            expect(r & 1n).toBe(0n);
            const wasSquare = (square >> lane) & 1;
            const image = modulo(r * r * v!);
            if (u === 0n || v === 0n) expect([wasSquare, r]).toEqual([u === 0n ? 1 : 0, 0n]);
            else expect(image).toBe(wasSquare ? u : modulo(SQRT_M1 * u!));
          });
        }),
        { numRuns: 200 },
      );
    });

    test('inverse square roots', () => {
      const SQRT_M1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752n;
      const integers = fc.oneof(fc.constantFrom(0n, 1n, 2n, P - 1n, P - 2n), fc.bigInt(0n, P - 1n));
      fc.assert(
        fc.property(integers, integers, (v0, v1) => {
          putIntegers(0, v0, v1);
          const square = field.fieldInverseSqrt(1, 0);
          const roots = get(1);
          [v0, v1].forEach((v, lane) => {
            const wasSquare = (square >> lane) & 1;
            const image = modulo(roots[lane as 0 | 1] ** 2n * v);
            if (v === 0n) expect([wasSquare, image]).toEqual([0, 0n]);
            else expect(image).toBe(wasSquare ? 1n : SQRT_M1);
          });
        }),
        { numRuns: 200 },
      );
    });
  });
}

fieldSuite('field on extmul', extmul, []);
if (hasFusedMultiplyAdd()) fieldSuite('field on fused multiply-add', fma, ['--enable', 'relaxed-simd']);
else test.skip('field on fused multiply-add: needs an engine that has it', () => undefined);
