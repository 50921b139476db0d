// Proves what assembly/scalar.ts states about its integers. It runs the functions of that very file on ranges and
// polynomials instead of numbers (abstract-integers.js): nothing may leave its type, and what comes out must be, as an
// identity of polynomials in the limbs, what the function says, from which the bounds of the value follow. Prints what it
// checked; exits with 1 at the first violation.
//
// Functions rest on each other by what they promise: while one is checked, those it calls are stood in for by their
// contracts, which check what they are given.
import { between, createMachine, isSame, number, plus, times } from './abstract-integers.js';
import { checkSources, evaluate, namesIn } from './abstract-source.js';

const power = (n) => 1n << BigInt(n);
const fail = (message) => {
  throw new Error(message);
};
const check = (holds, message) => void (holds || fail(message));
const report = (line) => process.stdout.write(`${line}\n`);

const L = power(252) + 27742317777372353535851937790883648493n;
const R = power(261);
const LIMBS = 9;
const LIMB = power(29) - 1n;
/** Everything that has 32 bytes. */
const ANY = power(256);

function scalarModule(sources) {
  const machine = createMachine();
  const source = sources('memory.ts', 'tables.ts', 'scalar.ts');
  const scalar = evaluate(source, machine, namesIn(source));
  const address = (value) => Number(value.low);
  const at = (index) => address(machine.call('scalarAt', scalar.scalarAt, [index]));
  /** Writes limbs of a scalar below `bound`. */
  const put = (to, bound, limbs = LIMBS) => {
    const top = (bound - 1n) >> BigInt(29 * (limbs - 1));
    for (let i = 0; i < limbs; i++)
      machine.setCell(to + 8 * i, between('u64', 0n, i < limbs - 1 || top > LIMB ? LIMB : top));
  };
  const cells = (from, limbs = LIMBS) => Array.from({ length: limbs }, (_, i) => machine.cellAt(from + 8 * i));
  /** The value of limbs, as a polynomial. */
  const valueOf = (limbs) => limbs.reduce((sum, limb, i) => plus(sum, limb.terms, power(29 * i)), number(0n));
  const isLimb = ({ low, high, select }) => !select && low >= 0n && high <= LIMB;
  /** All but the top limb are in range; the top one is when the value, which is `below` 2^261 and not negative, is. */
  const checkLimbs = (name, limbs) => check(limbs.slice(0, -1).every(isLimb), `${name}: a limb of 2^29 or more`);
  return { machine, scalar, at, put, cells, valueOf, checkLimbs, address };
}

/** The largest value that the scalar at an address may have. */
function topOf({ cells }, from, tops) {
  const limbs = cells(from);
  const group = tops.get(limbs[0]);
  if (group !== undefined && limbs.every((limb) => tops.get(limb) === group)) return group.top;
  check(
    limbs.every((limb) => limb && limb.low >= 0n && limb.high <= LIMB),
    'limbs of different scalars',
  );
  return limbs.reduce((sum, limb, i) => sum + (limb.high << BigInt(29 * i)), 0n);
}

function checkScalars(sources) {
  const m = scalarModule(sources);
  const { machine, scalar, at, put, cells, valueOf, checkLimbs, address } = m;
  const [A, B, D] = [0, 1, 2].map(at);
  const wide = address(scalar.WIDE_SCALAR);
  check(isSame(valueOf(cells(address(scalar.ORDER))), number(L)), 'ORDER is not the order');
  check(isSame(valueOf(cells(address(scalar.R_SQUARED))), number((R * R) % L)), 'R_SQUARED is not R²');

  // subtractOrder: for a value below 2ℓ, in limbs
  const subtracted = new Set();
  put(D, 2n * L);
  const before = cells(D);
  scalar.subtractOrder(machine.literal(BigInt(D)));
  const choices = cells(D).map(({ select }) => select ?? fail('subtractOrder: not a choice'));
  checkLimbs(
    'subtractOrder',
    choices.map(({ zeros }) => zeros),
  );
  choices.forEach(({ ones, mask }, i) => {
    check(ones === before[i] || isSame(ones.terms, before[i].terms), 'subtractOrder: another number is kept');
    check(isSame(mask.terms, choices[0].mask.terms) && mask.low === -1n && mask.high === 0n, 'subtractOrder: the mask');
  });
  // value - ℓ = (limbs below 2^29, none negative) + 2^261·borrow, so the borrow is -1 exactly below ℓ
  const rest = choices.map(({ zeros }) => zeros);
  check(isSame(valueOf(rest), plus(valueOf(before), number(L), -1n)), 'subtractOrder: not the difference');
  const [top] = rest.slice(-1);
  check(
    [...top.parts.values()].some(({ quotient }) => isSame(quotient.terms, choices[0].mask.terms)),
    'subtractOrder: not the last borrow',
  );
  report('subtractOrder: below 2ℓ → below ℓ, limbs below 2^29');
  machine.overrides.subtractOrder = (d) => void subtracted.add(address(d));

  // The two ways of Montgomery's reduction: d·R = t + m·ℓ with m below R.
  /** That the limbs at `to` are (product + m·ℓ) / R for some m in limbs, and their bound for a product below `bound`. */
  const checkReduced = (name, to, product, bound) => {
    const limbs = cells(to);
    checkLimbs(name, limbs);
    const difference = plus(times(valueOf(limbs), number(R)), product, -1n);
    // what is left is ℓ times limbs that were multiplied with it
    const quotient = new Map(
      [...difference].map(([key, c]) => [key, c % L === 0n ? c / L : fail(`${name}: not reduced`)]),
    );
    const weights = [...quotient.values()].map((c) => c >> 900n).sort((a, b) => (a < b ? -1 : 1));
    check(
      weights.length === LIMBS && weights.every((w, i) => w === power(29 * i)),
      `${name}: not a multiple of ℓ in limbs`,
    );
    const most = (bound + (R - 1n) * L) / R;
    check(most < 2n * L, `${name}: up to ${most}`);
  };
  for (const [name, reduced] of [
    ['multiplyMontgomery', true],
    ['multiplyMontgomeryLazily', false],
  ]) {
    for (const [a, b] of [
      [ANY, ANY],
      [2n * L, 2n * L],
    ]) {
      put(A, a);
      put(B, b);
      const product = times(valueOf(cells(A)), valueOf(cells(B)));
      subtracted.clear();
      scalar[name](...[D, A, B].map((x) => machine.literal(BigInt(x))));
      check(subtracted.has(D) === reduced, `${name}: reduced or not`);
      check((a - 1n) * (b - 1n) < R * L, `${name}: the product`);
      checkReduced(name, D, product, R * L);
    }
  }
  report('multiplyMontgomery, multiplyMontgomeryLazily: a·b below R·ℓ → (a·b + m·ℓ)/R below 2ℓ, sums below 2^64');
  for (const limb of [LIMB, power(62) - 1n]) {
    for (let i = 0; i < 18; i++) machine.setCell(wide + 8 * i, between('u64', 0n, limb));
    const product = valueOf(cells(wide, 18));
    subtracted.clear();
    scalar.reduceMontgomery(machine.literal(BigInt(D)));
    check(subtracted.has(D), 'reduceMontgomery: not reduced');
    checkReduced('reduceMontgomery', D, product, R * L);
  }
  report('reduceMontgomery: 18 limbs below 2^62, below R·ℓ → below 2ℓ, then below ℓ; sums below 2^64');

  // Sums and differences.
  const literals = (...numbers) => numbers.map((n) => machine.literal(BigInt(n)));
  put(A, L);
  put(B, L);
  const sum = plus(valueOf(cells(A)), valueOf(cells(B)));
  subtracted.clear();
  scalar.addScalars(...literals(D, A, B));
  checkLimbs('addScalars', cells(D));
  check(subtracted.has(D) && isSame(valueOf(cells(D)), sum), 'addScalars: not the sum');
  const difference = plus(number(L), valueOf(cells(A)), -1n);
  subtracted.clear();
  scalar.negateScalar(...literals(D, A));
  checkLimbs('negateScalar', cells(D));
  check(subtracted.has(D) && isSame(valueOf(cells(D)), difference), 'negateScalar: not the difference');
  report('addScalars, negateScalar: below ℓ → below 2ℓ, then below ℓ');
  put(A, ANY);
  machine.overrides.scalarFromBytes = (d) => void put(address(d), ANY);
  const answer = scalar.isCanonicalScalar(...literals(B));
  check(answer.low === 0n && answer.high === 1n, 'isCanonicalScalar: neither 0 nor 1');
  report('isCanonicalScalar: 0 or 1');

  // Whole operations, on contracts. A scalar written by one is a group of limbs with a greatest value.
  const tops = new Map();
  const give = (to, below) => {
    put(to, below);
    const group = { top: below - 1n };
    cells(to).forEach((limb) => tops.set(limb, group));
  };
  const take = (from) => topOf(m, from, tops);
  const multiply = (below) => (d, a, b) => {
    check(take(address(a)) * take(address(b)) < R * L, 'a product of R·ℓ or more');
    give(address(d), below);
  };
  const whole = (name, prepare, call, below = L) => {
    Object.assign(machine.overrides, {
      multiplyMontgomery: multiply(L),
      multiplyMontgomeryLazily: multiply(2n * L),
      reduceMontgomery: (d) => give(address(d), L),
      negateScalar: (d, a) => (check(take(address(a)) < L, 'negated: ℓ or more'), give(address(d), L)),
      addScalars: (d, a, b) => (
        check(take(address(a)) < L && take(address(b)) < L, 'added: ℓ or more'),
        give(address(d), L)
      ),
    });
    prepare();
    call();
    check(take(D) < below, `${name}: up to ${take(D)}`);
    report(`${name}: below ${below === L ? 'ℓ' : below}`);
  };
  whole(
    'multiplyScalars',
    () => (give(A, ANY), give(B, ANY)),
    () => scalar.multiplyScalars(...literals(D, A, B)),
  );
  whole(
    'subtractScalars',
    () => (give(A, L), give(B, L)),
    () => scalar.subtractScalars(...literals(D, A, B)),
  );
  whole(
    'invertScalar',
    () => give(A, L),
    () => scalar.invertScalar(...literals(D, A)),
  );

  // Bytes.
  const digits = (limbs, region) =>
    limbs.forEach(({ bits }, i) => {
      const wanted = Array.from({ length: 29 }, (_, j) => 29 * i + j).map((bit) =>
        bit < 8 * region.length ? [region.name, bit].join() : 0,
      );
      const found = Array.from({ length: 64 }, (_, j) => bits?.[j] ?? 0);
      check(
        found.every((bit, j) => bit === (wanted[j] ?? 0)),
        `limb ${i} of ${region.name}: other bits`,
      );
    });
  const bytesAt = 1 << 20;
  delete machine.overrides.scalarFromBytes;
  machine.unknown(bytesAt, 32, 'bytes');
  scalar.scalarFromBytes(...literals(D, bytesAt));
  digits(cells(D), { name: 'bytes', length: 32 });
  machine.unknown(bytesAt, 64, 'wide');
  whole(
    'scalarFromWide',
    () => {},
    () => scalar.scalarFromWide(...literals(D, bytesAt)),
  );
  digits(cells(wide, 18), { name: 'wide', length: 64 });
  // Each bit of what is written is the bit of the limb that it should be.
  machine.unknown(bytesAt, 72, 'limbs');
  for (let i = 0; i < LIMBS; i++) {
    const bits = Array.from({ length: 64 }, (_, j) => (j < 29 && 29 * i + j < 256 ? [i, j].join() : 0));
    machine.setCell(A + 8 * i, Object.assign(between('u64', 0n, LIMB), { bits }));
  }
  scalar.scalarToBytes(...literals(bytesAt, A));
  for (let bit = 0; bit < 256; bit++) {
    const { bits } = machine.cellAt(bytesAt + 8 * (bit >> 6));
    check(bits[bit & 63] === [Math.floor(bit / 29), bit % 29].join(), `scalarToBytes: bit ${bit}`);
  }
  report('scalarFromBytes, scalarFromWide, scalarToBytes: each bit in its place, none lost');
}

checkSources(checkScalars);
