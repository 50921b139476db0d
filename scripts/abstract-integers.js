// AssemblyScript's integers on intervals, for scripts/check-scalar-bounds.js: sources run as they are, but each value is all
// that it may be (a range, the bits it consists of, or a polynomial in what was given), and whatever leaves its type fails.
//
// Sound for what it is used for: each result contains what the operation gives for any numbers in its operands. Equal numbers
// that were computed twice are taken for different ones, unless they are the same polynomial.
const fail = (message) => {
  throw new Error(message);
};
const power = (n) => 1n << BigInt(n);
/** The machine takes counts modulo the width, so one that reaches it is refused; what it is must be known. */
function checkShift(count, type, text) {
  const width = type.endsWith('64') ? 64n : 32n;
  if (!count.isNumber || count.low < 0n || count.low >= width) fail(`${text}: a shift that is not known, or too far`);
}

const RANGES = {
  u64: [0n, power(64) - 1n],
  i64: [-power(63), power(63) - 1n],
  u32: [0n, power(32) - 1n],
  usize: [0n, power(32) - 1n],
  i32: [-power(31), power(31) - 1n],
  u8: [0n, 255n],
  bool: [0n, 1n],
};
/** Coefficients are multiples of 2^-900: exact shifts divide them. */
const SCALE = 900n;

// --- polynomials: Map from sorted symbols to coefficients --------------------------------------------------------

let symbols = 0;
export const symbol = () => new Map([[String(symbols++).padStart(6, '0'), power(SCALE)]]);
export const number = (n) => new Map(n === 0n ? [] : [['', n << SCALE]]);
export function plus(a, b, factor = 1n) {
  const sum = new Map(a);
  for (const [key, c] of b) {
    const total = (sum.get(key) ?? 0n) + factor * c;
    if (total === 0n) sum.delete(key);
    else sum.set(key, total);
  }
  return sum;
}
export function times(a, b) {
  const product = new Map();
  for (const [x, c] of a) {
    for (const [y, d] of b) {
      const key = [...x.split(','), ...y.split(',')].filter(Boolean).sort().join(',');
      const total = (product.get(key) ?? 0n) + ((c * d) >> SCALE);
      if ((c * d) & (power(SCALE) - 1n)) fail('a coefficient that is not exact');
      if (total === 0n) product.delete(key);
      else product.set(key, total);
    }
  }
  return product;
}
export const over = (a, bits) => new Map([...a].map(([key, c]) => [key, c >> BigInt(bits)]));
export const isSame = (a, b) => plus(a, b, -1n).size === 0;
export const isNonNegative = (a) => [...a.values()].every((c) => c > 0n);

// --- values ------------------------------------------------------------------------------------------------------

export class Value {
  #terms;
  constructor(type, low, high, { terms, bits, parts } = {}) {
    Object.assign(this, { type, low, high, bits, parts: parts ?? new Map() });
    this.#terms = terms;
  }

  get isNumber() {
    return this.low === this.high;
  }

  get terms() {
    return (this.#terms ??= this.isNumber ? number(this.low) : symbol());
  }

  as(type, changes = {}) {
    const value = new Value(type, changes.low ?? this.low, changes.high ?? this.high, {
      terms: this.terms,
      bits: this.bits,
      parts: this.parts,
    });
    return Object.assign(value, { wrapped: this.wrapped, select: this.select });
  }
}

export const between = (type, low, high) => new Value(type, low, high);
const exactly = (type, n) => new Value(type, n, n);
const fromBits = (type, bits) => {
  const top = bits.findLastIndex((bit) => bit !== 0);
  return new Value(type, 0n, power(top + 1) - 1n, { bits });
};
const bitsOf = (value) => {
  if (value.bits) return value.bits;
  if (value.isNumber)
    return Array.from({ length: 64 }, (_, i) => Number((value.low >> BigInt(i)) & 1n) && fail('bits'));
  return fail('bits of a number that is computed with');
};
const lift = (value) =>
  value instanceof Value ? value : typeof value === 'number' ? exactly('literal', BigInt(value)) : value;

/** What the rewritten sources call, and the memory they use. */
export function createMachine() {
  const cells = new Map(); // address -> {value, size}
  const bytes = new Map(); // address -> 0 or [region, bit]
  const facts = []; // symbols that are a product modulo a power of two
  let free = 4096;
  const machine = { overrides: {}, checked: true, undecided: fail, free: (n) => (free += n + 64) - n - 64 };

  const within = (value, text) => {
    const [low, high] = RANGES[value.type] ?? [value.low, value.high];
    if (machine.checked && (value.low < low || value.high > high)) {
      fail(`${text}: ${value.low} to ${value.high} is not within ${value.type}`);
    }
    return value;
  };
  const commonType = (a, b, text) => {
    if (a.type === 'literal' && b.type === 'literal') return 'literal';
    if (a.type === 'literal') return b.type;
    if (b.type === 'literal' || a.type === b.type) return a.type;
    if ([a, b].every(({ type, low }) => type === 'usize' || type === 'u32' || (type === 'i32' && low >= 0n)))
      return 'usize';
    return fail(`${text}: ${a.type} and ${b.type}`);
  };
  /** floor(a / 2^n) and the rest. */
  const split = (a, n) => {
    const known = a.parts.get(n);
    if (known) return known;
    const bits = BigInt(n);
    const exact = facts.some(({ terms, m, factor, width }) => {
      const rest = plus(a.terms, terms, -1n);
      const c = rest.get(m);
      return width === n && rest.size === 1 && c !== undefined && ((c >> SCALE) * factor + 1n) % power(n) === 0n;
    });
    const quotient = new Value(a.type, a.low >> bits, a.high >> bits, exact ? { terms: over(a.terms, n) } : {});
    const terms = plus(a.terms, quotient.terms, -power(n));
    const isInside = a.low >= 0n && a.high < power(n);
    const rest = new Value(a.type, 0n, isInside ? a.high : power(n) - 1n, { terms });
    a.parts.set(n, { quotient, rest });
    return { quotient, rest };
  };
  const masked = (a, mask, type, text) => {
    if (!mask.isNumber || mask.low < 0n || mask.low & (mask.low + 1n)) fail(`${text}: a mask that is not of low bits`);
    const width = mask.low.toString(2).length;
    if (a.bits) return fromBits(type, a.bits.slice(0, width));
    if (a.isNumber) return exactly(type, a.low & mask.low);
    if (a.product) {
      const [x, y] = a.product;
      const value = new Value(type, 0n, mask.low);
      if (y.isNumber) facts.push({ terms: x.terms, m: [...value.terms.keys()][0], factor: y.low, width });
      return value;
    }
    return split(a, width).rest.as(type);
  };
  const arithmetic = {
    '+': (a, b, type, text) =>
      within(new Value(type, a.low + b.low, a.high + b.high, { terms: plus(a.terms, b.terms) }), text),
    '-': (a, b, type, text) =>
      within(new Value(type, a.low - b.high, a.high - b.low, { terms: plus(a.terms, b.terms, -1n) }), text),
    '*': (a, b, type) => {
      const corners = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
      const [low, high] = [corners, corners].map((all, i) => all.reduce((x, y) => (x < y === !i ? x : y)));
      const value = new Value(type, low, high, { terms: times(a.terms, b.terms) });
      const range = RANGES[type];
      value.wrapped = machine.checked && range !== undefined && (low < range[0] || high > range[1]);
      return Object.assign(value, { product: [a, b] });
    },
    '/': (a, b, type, text) => {
      if (b.low < 1n || a.low < 0n) fail(`${text}: division by what may be zero`);
      return new Value(type, a.low / b.high, a.high / b.low);
    },
    '>>': (a, b, type, text) => {
      checkShift(b, type, text);
      const n = Number(b.low);
      if (a.bits) return fromBits(type, [...a.bits.slice(n), ...Array(n).fill(0)].slice(0, 64));
      return a.isNumber ? exactly(type, a.low >> b.low) : split(a, n).quotient.as(type);
    },
    '<<': (a, b, type, text) => {
      checkShift(b, type, text);
      if (a.bits) return fromBits(type, [...Array(Number(b.low)).fill(0), ...a.bits].slice(0, 64));
      return within(
        new Value(type, a.low << b.low, a.high << b.low, { terms: times(a.terms, number(power(b.low))) }),
        text,
      );
    },
    '|': (a, b, type, text) => {
      const [x, y] = [bitsOf(a), bitsOf(b)];
      return fromBits(
        type,
        Array.from({ length: 64 }, (_, i) => (x[i] && y[i] ? fail(`${text}: bits overlap`) : x[i] || y[i] || 0)),
      );
    },
  };

  /** `kept ^ other`, then `& mask`, then `^ other`: a choice between two by a mask of all bits or none. */
  const choose = (operator, a, b, text) => {
    if (operator === '^' && a.isNumber && b.isNumber) return exactly(a.type, a.low ^ b.low);
    if (operator === '^' && b.xor) {
      const [x, y] = b.xor;
      if (!b.mask || (a !== x && a !== y)) fail(`${text}: not a choice`);
      return Object.assign(new Value('u64', 0n, 0n), { select: { ones: a === x ? y : x, zeros: a, mask: b.mask } });
    }
    if (operator === '^')
      return a.type === 'u64' && b.type === 'u64' ? { xor: [a, b], type: 'u64' } : fail(`${text}: xor`);
    if (a.xor && b.low === -1n && b.high === 0n) return { xor: a.xor, mask: b, type: 'u64' };
    return undefined;
  };

  Object.assign(machine, {
    binary(operator, left, right, text) {
      const [a, b] = [lift(left), lift(right)];
      const chosen = operator === '^' || operator === '&' ? choose(operator, a, b, text) : undefined;
      if (chosen) return chosen;
      const type = operator === '>>' || operator === '<<' ? a.type : commonType(a, b, text);
      if (operator === '&') return masked(a, b, type, text);
      for (const value of [a, b]) {
        if (value.wrapped || value.select) fail(`${text}: ${value.wrapped ? 'a product that overflows' : 'a choice'}`);
        if (machine.checked && value.type === 'u64' && value.low < 0n) fail(`${text}: a negative number as unsigned`);
      }
      return (arithmetic[operator] ?? fail(`${text}: operator`))(a, b, type, text);
    },
    compare(operator, left, right, text) {
      const [a, b] = [lift(left), lift(right)];
      if (operator === '==' && a.isNumber && b.isNumber) return a.low === b.low;
      if (operator === '!=' && a.isNumber && b.isNumber) return a.low !== b.low;
      if (operator === '<' && (a.high < b.low || a.low >= b.high)) return a.high < b.low;
      if (operator === '>=' && (a.high < b.low || a.low >= b.high)) return a.low >= b.high;
      if (operator === '<=' && (a.high <= b.low || a.low > b.high)) return a.high <= b.low;
      if (operator === '>' && (a.high <= b.low || a.low > b.high)) return a.low > b.high;
      return fail(`${text}: a branch on a value that is not known`);
    },
    truth(value, text) {
      if (typeof value === 'boolean') return value;
      const v = lift(value);
      if (v.low > 0n || v.high < 0n) return true;
      return v.isNumber ? false : machine.undecided(`${text}: a branch on a value that is not known`);
    },
    literal: (n) => exactly('literal', n),
    i32: (_type, value) => machine.cast('i32', value, 'i32'),
    min(type, a, b) {
      const [x, y] = [lift(a), lift(b)];
      return new Value(type ?? x.type, x.low < y.low ? x.low : y.low, x.high < y.high ? x.high : y.high);
    },
    negate: (value) => machine.binary('-', exactly('literal', 0n), value, 'negation'),
    /** A cast: the same number, or the same bits read otherwise, or the low bits. */
    cast(type, value, text) {
      const v = lift(typeof value === 'boolean' ? Number(value) : value);
      const [low, high] = RANGES[type];
      if ((v.low >= low && v.high <= high) || v.wrapped) return v.as(type);
      if (type === 'u64' && v.type === 'i64') return v.as(type);
      if (type === 'u32') return v.isNumber ? exactly(type, v.low & high) : between(type, low, high);
      return machine.checked ? fail(`${text}: ${v.low} to ${v.high} as ${type}`) : v.as(type);
    },
    declare: (type, value, text) =>
      value instanceof Value || typeof value === 'number' ? within(lift(value).as(type), text) : value,
    call: (name, own, args) => (machine.overrides[name] ?? own)(...args.map(lift)),
    load(type, address, offset = 0) {
      const at = Number(lift(address).low + lift(offset).low);
      const size = Number(type.slice(1)) / 8;
      const cell = cells.get(at);
      if (cell) {
        if (cell.size !== size) fail(`load<${type}> of what was stored otherwise`);
        if (cell.value.high > RANGES[type][1]) fail(`load<${type}> of up to ${cell.value.high}`);
        return cell.value.as(type);
      }
      const bits = Array.from({ length: 8 * size }, (_, i) => {
        const byte = bytes.get(at + (i >> 3)) ?? fail(`nothing was stored at ${at}`);
        return byte && [byte[0], byte[1] + (i & 7)].join();
      });
      return bits.some(Boolean) ? fromBits(type, bits) : exactly(type, 0n);
    },
    store(type, address, value, offset = 0) {
      const at = Number(lift(address).low + lift(offset).low);
      const v = lift(value);
      if (v.wrapped) fail('a product that overflows is stored');
      cells.set(at, { value: v, size: Number(type.slice(1)) / 8 });
    },
    copy(to, from, length) {
      const [d, s, n] = [to, from, length].map((x) => Number(lift(x).low));
      const moved = Array.from({ length: n }, (_, i) => [cells.get(s + i), bytes.get(s + i)]);
      moved.forEach(([cell, byte], i) => {
        if (cell) cells.set(d + i, cell);
        else cells.delete(d + i);
        if (byte !== undefined) bytes.set(d + i, byte);
      });
    },
    fill(to, _zero, length) {
      const [d, n] = [to, length].map((x) => Number(lift(x).low));
      for (let i = 0; i < n; i++) {
        cells.delete(d + i);
        bytes.set(d + i, 0);
      }
    },
    data(type, values) {
      const size = type ? Number(type.slice(1)) / 8 : 0;
      const at = machine.free(Array.isArray(values) ? values.length * size : Number(lift(values).low));
      if (Array.isArray(values)) values.forEach((v, i) => machine.store(type, at + i * size, lift(v).as(type)));
      return exactly('usize', BigInt(at));
    },
    /** `length` bytes of which nothing is known, called `name`. */
    unknown(at, length, name) {
      for (let i = 0; i < length; i++) {
        cells.delete(at + i);
        bytes.set(at + i, [name, 8 * i]);
      }
    },
    cellAt: (at) => cells.get(at)?.value ?? machine.load('u64', exactly('usize', BigInt(at))),
    setCell: (at, value) => void cells.set(at, { value, size: 8 }),
  });
  return machine;
}
