// Proves the limb bounds that assembly/field-extmul.ts and field-fma.ts state. It runs the functions of those very files
// with intervals instead of numbers: nothing may overflow, every float operation must be exact, and what comes out must be
// within the bounds that the next function assumes. Prints what it checked; exits with 1 at the first violation.
//
// The sources are AssemblyScript; taken as TypeScript, with every integer a BigInt and the vector instructions given here,
// they run as they are. Not covered: fromBytes, toBytes and lookup, which test/crypto/field.test.ts drives to the bounds.
import { transformSync } from 'esbuild';
import { checkSources } from './abstract-source.js';

const power = (n) => 1n << BigInt(n);
const fail = (message) => {
  throw new Error(message);
};
const report = (line) => process.stdout.write(`${line}\n`);
const maximum = (values) => values.reduce((a, b) => (a > b ? a : b));
const minimum = (values) => values.reduce((a, b) => (a < b ? a : b));
const bits = (n) => (n < 0n ? -n : n).toString(2).length;

/** The functions of a back end's AssemblyScript files and of the formulas above it, with `environment` for what they use. */
function run(sources, backEnd, environment) {
  const files = ['carry', 'products', 'combine'].map((part) => `${backEnd}-${part}.ts`);
  const source = sources(...files, `${backEnd}.ts`, 'edwards-stages.ts')
    .replace(/^(?:import|export) (?:\* as \w+|\{[^}]*\}) from .*$/gm, '')
    .replace(/^export /gm, '')
    .replaceAll('@inline', '')
    .replace(/\b(data|load|store|shuffle|relaxed_madd|reinterpret)<(\w+)>\(/g, '$1_$2(')
    .replace(/(?<![\w.])(0x[0-9a-f]+|\d+)(?![\w.])/g, '$1n');
  const { code } = transformSync(source, { loader: 'ts', target: 'es2022' });
  const names = [...source.matchAll(/^function (\w+)/gm)].map(([, name]) => name);
  const parameters = Object.keys(environment);
  return new Function(...parameters, `${code}\nreturn { ${names.join(', ')} };`)(...Object.values(environment));
}

/** Memory as a map from addresses to vectors; constants keep their raw lanes. */
function createMemory(constant) {
  const cells = new Map();
  let free = 1n << 20n;
  const allocate = (vectors) => {
    const at = free;
    vectors.forEach((vector, i) => cells.set(at + 16n * BigInt(i), vector));
    free += 16n * BigInt(vectors.length + 8);
    return at;
  };
  const chunks = (values, size) =>
    Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
  return {
    allocate,
    load: (at, offset = 0n) => cells.get(at + offset) ?? fail(`nothing was stored at ${at + offset}`),
    store: (at, vector, offset = 0n) => void cells.set(at + offset, vector),
    data: {
      data: (length) => allocate(Array(Number(length) / 16).fill(undefined)),
      data_u32: (values) => allocate(chunks(values, 4).map((lanes) => constant(lanes, 32))),
      data_u64: (values) =>
        allocate(
          chunks(
            values.map((v) => BigInt.asUintN(64, v)),
            2,
          ).map((l) => constant(l, 64)),
        ),
      data_f64: () => 0n,
    },
  };
}

// --- extmul: unsigned integers -----------------------------------------------------------------------------------
// A lane is a polynomial of degree two at most in the input limbs, so that differences cancel exactly, plus an interval.

const symbolBounds = [];

class Lane {
  /** `terms` maps a sorted list of symbols to its coefficient. */
  constructor(terms, low, high) {
    this.terms = terms;
    const values = [...terms].map(([key, coefficient]) => {
      const symbols = key.split(',');
      const top = symbols.reduce((product, symbol) => product * symbolBounds[Number(symbol)], 1n);
      return coefficient * top;
    });
    this.rest = [low, high];
    // limbs are not negative: a term lies between 0 and its coefficient times the bounds
    this.low = low + values.filter((v) => v < 0n).reduce((a, b) => a + b, 0n);
    this.high = high + values.filter((v) => v > 0n).reduce((a, b) => a + b, 0n);
  }

  static interval(low, high) {
    return new Lane(new Map(), low, high);
  }

  static symbol(bound) {
    symbolBounds.push(bound);
    return new Lane(new Map([[String(symbolBounds.length - 1), 1n]]), 0n, 0n);
  }

  plus(other, sign = 1n) {
    const terms = new Map(this.terms);
    for (const [key, c] of other.terms) {
      const sum = (terms.get(key) ?? 0n) + sign * c;
      if (sum === 0n) terms.delete(key);
      else terms.set(key, sum);
    }
    const [low, high] = sign > 0n ? other.rest : [-other.rest[1], -other.rest[0]];
    return new Lane(terms, this.rest[0] + low, this.rest[1] + high);
  }

  times(other) {
    const isConstant = (lane) => lane.terms.size === 0 && lane.rest[0] === lane.rest[1];
    if (isConstant(this)) return other.scaled(this.rest[0]);
    if (isConstant(other)) return this.scaled(other.rest[0]);
    for (const { rest } of [this, other]) if (rest[0] !== 0n || rest[1] !== 0n) fail('product of intervals');
    const terms = new Map();
    for (const [a, c] of this.terms) {
      for (const [b, d] of other.terms) {
        const key = [...a.split(','), ...b.split(',')].sort().join(',');
        terms.set(key, (terms.get(key) ?? 0n) + c * d);
      }
    }
    return new Lane(terms, 0n, 0n);
  }

  scaled(factor) {
    return new Lane(
      new Map([...this.terms].map(([key, c]) => [key, c * factor])),
      this.rest[0] * factor,
      this.rest[1] * factor,
    );
  }

  /** The lane, when it is an unsigned integer of `width` bits whatever the limbs are. */
  within(width, what) {
    if (this.low < 0n || this.high >= power(width)) {
      fail(`${what}: ${this.low} to ${this.high} does not fit into ${width} unsigned bits`);
    }
    return this;
  }
}

function extmulEnvironment() {
  const vector = (lanes, width) => ({ lanes, width });
  const memory = createMemory((lanes, width) =>
    vector(
      lanes.map((value) => Lane.interval(value, value)),
      width,
    ),
  );
  const zip = (width, combine) => (a, b) =>
    vector(
      as(a, width).lanes.map((lane, i) => combine(lane, as(b, width).lanes[i])),
      width,
    );
  /** The same bits in lanes of another width. */
  const as = (a, width) => {
    if (a.width === width) return a;
    if (width === 32) {
      // a 64-bit lane that is known to fit into 32 bits
      return vector(
        a.lanes.flatMap((lane) => [lane.within(32, 'narrowing'), Lane.interval(0n, 0n)]),
        32,
      );
    }
    return fail('32-bit lanes used as 64-bit ones');
  };
  const map = (width, change) => (a, n) =>
    vector(
      as(a, width).lanes.map((lane) => change(lane, n)),
      width,
    );
  const shifted = (width) =>
    map(width, (lane, n) => {
      lane.within(width, 'shift');
      return Lane.interval(lane.low >> n, lane.high >> n);
    });
  const masked = (lane, mask, width) => {
    const [value] = mask.rest;
    if (value === power(width) - 1n) return lane;
    if (value === 0n) return Lane.interval(0n, 0n);
    if (value & (value + 1n)) fail('a mask that is not of low bits');
    lane.within(width, 'masking');
    return Lane.interval(0n, minimum([lane.high, value]));
  };
  const extmul = (from) => (a, b) =>
    vector(
      [0, 1].map((i) =>
        as(a, 32)
          .lanes[from + i].within(32, 'factor')
          .times(as(b, 32).lanes[from + i].within(32, 'factor')),
      ),
      64,
    );
  const checked = (combine) => (a, b) => combine(a, b).within(32, '32-bit lane');
  return {
    FIELD_SCRATCH: 0n,
    FIRST_COLUMNS: 240n,
    SECOND_COLUMNS: 400n,
    PAIR: 80n,
    memory: memory.data,
    allocate: memory.allocate,
    i32: Number,
    v128: {
      load: memory.load,
      store: memory.store,
      and: (a, b) =>
        vector(
          as(a, b.width).lanes.map((lane, i) => masked(lane, b.lanes[i], b.width)),
          b.width,
        ),
      bitselect: (a, b, mask) =>
        vector(
          a.lanes.map((lane, i) => (mask.lanes[i].rest[0] ? lane : b.lanes[i])),
          a.width,
        ),
      shuffle_i32: (a, b, ...indices) => {
        const all = [...as(a, 32).lanes, ...as(b, 32).lanes];
        return vector(
          indices.map((i) => all[Number(i)]),
          32,
        );
      },
      shuffle_i64: (a, b, ...indices) => {
        const size = a.width === 32 ? 2 : 1;
        const all = [...a.lanes, ...as(b, a.width).lanes];
        return vector(
          indices.flatMap((i) => all.slice(Number(i) * size, Number(i) * size + size)),
          a.width,
        );
      },
    },
    i32x4: {
      add: zip(
        32,
        checked((a, b) => a.plus(b)),
      ),
      sub: zip(
        32,
        checked((a, b) => a.plus(b, -1n)),
      ),
      mul: zip(
        32,
        checked((a, b) => a.times(b)),
      ),
      shr_u: shifted(32),
    },
    i64x2: {
      add: zip(64, (a, b) => a.plus(b)),
      sub: zip(64, (a, b) => a.plus(b, -1n)),
      shl: map(64, (lane, n) => lane.scaled(power(n))),
      shr_u: shifted(64),
      extmul_low_i32x4_u: extmul(0),
      extmul_high_i32x4_u: extmul(2),
    },
  };
}

function checkExtmul(sources) {
  const environment = extmulEnvironment();
  const { allocate, v128 } = environment;
  const field = run(sources, 'field-extmul', environment);
  const TIGHT = [power(26) + power(6), power(25) + power(14)];
  const LOOSE = TIGHT.map((bound) => 2n * bound);
  const vectorOf = ([even, odd]) => ({
    width: 32,
    lanes: [even, even, odd, odd].map((bound) => Lane.symbol(bound)),
  });
  const pairs = (count, bounds) => allocate(Array.from({ length: 5 * count }, () => vectorOf(bounds)));
  const checkPairs = (name, at, count, bounds = TIGHT) => {
    const tops = [0n, 0n];
    for (let i = 0n; i < 5n * BigInt(count); i++) {
      v128.load(at, 16n * i).lanes.forEach((lane, j) => {
        tops[j >> 1] = maximum([tops[j >> 1], lane.high]);
        if (lane.low < 0n || lane.high > bounds[j >> 1]) fail(`extmul ${name}: limb of up to ${lane.high}`);
      });
    }
    report(`extmul ${name}: even limbs 2^26 + ${tops[0] - power(26)}, odd limbs 2^25 + ${tops[1] - power(25)} at most`);
  };
  const d = pairs(2, TIGHT);
  const [a, b] = [pairs(2, TIGHT), pairs(2, TIGHT)];
  const loose = pairs(2, LOOSE);
  const cases = {
    'mul(tight, loose)': () => field.mul(d, a, loose),
    'square(tight)': () => field.square(d, a),
    'add(tight, tight)': () => field.add(d, a, b),
    'sub(tight, tight)': () => field.sub(d, a, b),
    'neg(tight)': () => field.neg(d, a),
  };
  for (const [name, call] of Object.entries(cases)) {
    call();
    checkPairs(name, d, 1);
  }
  field.doubleSecond(d, a);
  checkPairs('doubleSecond(tight)', d, 1, LOOSE);
  const stages = {
    'doubleStage(tight)': () => field.doubleStage(d, a),
    'addStage(tight, loose)': () => field.addStage(d, a, loose),
    'finishDoubleForm(tight)': () => field.finishDoubleForm(d, a),
    'finishAddForm(tight)': () => field.finishAddForm(d, a),
  };
  for (const [name, call] of Object.entries(stages)) {
    call();
    checkPairs(name, d, 2);
  }
  // lookup and cachedSigned give a limb, or what neg has before it carries: a limb of 2p minus that limb
  const negated = [16n, 32n, 48n, 64n].map((offset) => field.negVector(a, offset));
  checkPairs('negated in a look-up', allocate([...negated, negated[0]]), 1, LOOSE);
  // and once more: limbs up to those of 2p
  const twoP = [power(27) - 2n, power(26) - 2n];
  field.neg(
    d,
    allocate([vectorOf([power(27) - 38n, power(26) - 2n]), ...Array.from({ length: 4 }, () => vectorOf(twoP))]),
  );
  checkPairs('neg(up to 2p)', d, 1);
}

// --- fma: floats that are integers, and integers modulo 2^64 -----------------------------------------------------

const C_BITS = 0x4668000000000000n;
const L_BITS = 0x4338000000000000n;
const SPLIT_REST_BITS = 0x4668000000000003n;
const ONE_52_BITS = 0x4330000000000000n;
const NEXT_BITS = new Map([
  [0x3cc0000000000000n, 1n],
  [0x3d03000000000000n, 19n],
]);

/** Lanes: {raw} constants, {low, high} integers or floats, and floats whose origin matters ({kind, …}). */
function fmaEnvironment() {
  const memory = createMemory((lanes) => lanes.map((raw) => ({ raw, low: raw, high: raw })));
  const each = (combine) => (a, b, c) => a.map((lane, i) => combine(lane, b?.[i], c?.[i]));
  const magnitude = (lane) => maximum([lane.high, -lane.low]);
  const interval = (low, high) => ({ low, high });
  const product = (a, b) => {
    const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
    return interval(minimum(corners), maximum(corners));
  };
  const rounded = (value) => (value + (value < 0n ? -power(50) : power(50))) >> 51n;
  const exact = (lane) => (magnitude(lane) < power(53) ? lane : fail(`float of ${bits(magnitude(lane))} bits`));

  const madd = (a, b, c) => {
    if (c.raw === C_BITS) {
      const range = product(a, b);
      if (magnitude(range) >= power(102)) fail('a product of 2^102 or more');
      const high = interval(rounded(range.low) - 1n, rounded(range.high) + 1n);
      return {
        kind: 'high',
        a,
        b,
        h: high,
        low: C_BITS + high.low,
        high: C_BITS + high.high,
      };
    }
    if (c.kind === 'rest' && c.of.a === a && c.of.b === b) {
      return { kind: 'low', low: L_BITS - power(50), high: L_BITS + power(50) };
    }
    return fail('a multiply-add that is not one of the two');
  };
  const subtract = (a, b) => {
    if (a.raw === SPLIT_REST_BITS && b.kind === 'high') {
      if (magnitude(b.h) > power(51) - 4n) fail('the rest of a split is not exact');
      return { kind: 'rest', of: b };
    }
    if (a.kind === 'rounding' && b.raw === C_BITS) {
      return {
        kind: 'carry',
        of: a.of,
        low: rounded(a.of.low) << 51n,
        high: rounded(a.of.high) << 51n,
      };
    }
    if (b.kind === 'carry' && b.of === a) return interval(-power(50), power(50));
    if (a.kind === 'biased')
      return exact(interval(a.int.low - (b.raw - ONE_52_BITS), a.int.high - (b.raw - ONE_52_BITS)));
    return exact(interval(a.low - b.high, a.high - b.low));
  };
  const addFloats = (a, b) => {
    if (b.raw === C_BITS)
      return magnitude(a) < power(100) ? { kind: 'rounding', of: a } : fail('rounding too large a number');
    return exact(interval(a.low + b.low, a.high + b.high));
  };
  const multiplyFloats = (a, b) => {
    const factor = NEXT_BITS.get(b.raw) ?? fail('a product of floats');
    if (a.kind !== 'carry') fail('moving what is not a carry');
    return interval((a.low >> 51n) * factor, (a.high >> 51n) * factor);
  };
  /** An integer modulo 2^64 as the unsigned one that it is. */
  const unsigned = (lane) => {
    const turns = lane.low >> 64n;
    const [low, high] = [lane.low - (turns << 64n), lane.high - (turns << 64n)];
    return high < power(64) ? interval(low, high) : fail('a 64-bit integer that may wrap around');
  };
  return {
    FIELD_SCRATCH: 0n,
    FIRST_COLUMNS: 240n,
    SECOND_COLUMNS: 400n,
    PAIR: 80n,
    memory: memory.data,
    allocate: memory.allocate,
    v128: {
      load: memory.load,
      store: memory.store,
      relaxed_madd_f64: each(madd),
      and: each((a, b) => {
        unsigned(a);
        return interval(0n, b.raw);
      }),
      or: each((a, b) => {
        if (b.raw !== ONE_52_BITS || a.low < 0n || a.high >= power(52)) fail('an integer that is not below 2^52');
        return { kind: 'biased', int: a };
      }),
      shuffle_i64: (a, b, i, j) => [[...a, ...b][Number(i)], [...a, ...b][Number(j)]],
    },
    i64x2: {
      add: each((a, b) => interval(a.low + b.low, a.high + b.high)),
      sub: each((a, b) => interval(a.low - b.high, a.high - b.low)),
      shl: (a, n) => a.map((lane) => interval(lane.low << n, lane.high << n)),
      shr_u: (a, n) => a.map((lane) => unsigned(lane)).map(({ low, high }) => interval(low >> n, high >> n)),
    },
    f64x2: {
      add: each(addFloats),
      sub: each(subtract),
      mul: each(multiplyFloats),
      neg: each((a) => interval(-a.high, -a.low)),
    },
  };
}

function checkFma(sources) {
  const environment = fmaEnvironment();
  const { allocate, v128 } = environment;
  const field = run(sources, 'field-fma', environment);
  const TIGHT = power(50) + power(10);
  const lane = (bound) => ({ low: -bound, high: bound });
  const pairs = (count, bound) => allocate(Array.from({ length: 5 * count }, () => [lane(bound), lane(bound)]));
  const checkPairs = (name, at, count) => {
    let top = 0n;
    for (let i = 0n; i < 5n * BigInt(count); i++) {
      for (const { low, high } of v128.load(at, 16n * i)) top = maximum([top, high, -low]);
    }
    if (top > TIGHT) fail(`fma ${name}: limb of up to ${top}`);
    report(`fma ${name}: limbs 2^50 + ${top - power(50)} at most`);
  };
  const d = pairs(2, TIGHT);
  const [a, b] = [pairs(2, TIGHT), pairs(2, TIGHT)];
  const doubled = pairs(2, 2n * TIGHT);
  const cases = {
    'mul(tight, doubled)': [1, () => field.mul(d, a, doubled)],
    'mul(tight, tight)': [1, () => field.mul(d, a, b)],
    'square(tight)': [1, () => field.square(d, a)],
    'add(tight, tight)': [1, () => field.add(d, a, b)],
    'sub(tight, tight)': [1, () => field.sub(d, a, b)],
    'neg(tight)': [1, () => field.neg(d, a)],
    'doubleStage(tight)': [2, () => field.doubleStage(d, a)],
    'addStage(tight, doubled)': [2, () => field.addStage(d, a, doubled)],
    'finishDoubleForm(tight)': [2, () => field.finishDoubleForm(d, a)],
    'finishAddForm(tight)': [2, () => field.finishAddForm(d, a)],
  };
  for (const [name, [count, call]] of Object.entries(cases)) {
    call();
    checkPairs(name, d, count);
  }
}

checkSources((sources) => {
  checkExtmul(sources);
  checkFma(sources);
});
