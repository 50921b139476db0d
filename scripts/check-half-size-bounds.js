// Proves what assembly/half-size.ts states about its integers: as check-scalar-bounds.js does, and for the simulation by
// induction. A step of it is run on symbols; that it keeps what it must, and that its guard bounds the factors, are
// identities of polynomials. Prints what it checked; exits with 1 at the first violation.
import { between, createMachine, isNonNegative, isSame, number, plus, times } from './abstract-integers.js';
import { checkSources, evaluate, namesIn, ts } from './abstract-source.js';

const power = (n) => 1n << BigInt(n);
const fail = (message) => {
  throw new Error(message);
};
const check = (holds, message) => void (holds || fail(message));
const report = (line) => process.stdout.write(`${line}\n`);

/** The parts of `halveVartime` as functions of their own: the guard and the body of the simulation, and what follows it. */
function halvingParts(source) {
  const file = ts.createSourceFile('half-size.ts', source, ts.ScriptTarget.ES2022, true);
  const halve = file.statements.find((s) => ts.isFunctionDeclaration(s) && s.name.text === 'halveVartime');
  const outer = halve.body.statements.find(ts.isWhileStatement) ?? fail('half-size.ts: no outer loop');
  const inner = outer.statement.statements.find(ts.isWhileStatement) ?? fail('half-size.ts: no simulation');
  const apply = outer.statement.statements.find(ts.isIfStatement) ?? fail('half-size.ts: nothing is made of it');
  const before = outer.statement.statements.slice(0, outer.statement.statements.indexOf(inner));
  const guards = [];
  const collect = (node) => {
    if (node.operatorToken.getText() === '&&') [node.left, node.right].forEach(collect);
    else guards.push(node);
  };
  collect(inner.expression);
  check(
    guards.every(({ operatorToken }) => operatorToken.getText() === '>='),
    'half-size.ts: the guard',
  );
  const variables = 'a, b, u0, u1, u2, v0, v1, v2, even';
  return {
    condition: outer.expression.getText(),
    source: `
function guards(${variables}, end) { return [${guards.map((g) => `[${g.left.getText()}, ${g.right.getText()}]`).join(', ')}]; }
function simulate(${variables}) { ${inner.statement.getText()} return { ${variables} }; }
function prepare(x, y) { ${before.map((s) => s.getText()).join('\n')} return { shift, ${variables}, end }; }
function apply(${variables}, x, y, p, q, s, t, negative) { ${apply.getText()} return negative; }`,
  };
}

function checkHalving(sources) {
  const text = sources('half-size.ts');
  const parts = halvingParts(text);
  const machine = createMachine();
  const source = sources('memory.ts', 'tables.ts', 'half-size.ts');
  const half = evaluate(source + parts.source, machine, [...namesIn(text), 'guards', 'simulate', 'prepare', 'apply']);
  const literal = (n) => machine.literal(BigInt(n));
  const [LONG, SHORT] = [half.LONG, half.SHORT].map(({ low }) => Number(low));

  // shifted: 64 bits from any place of 32 bytes with zeros above them
  const at = 1 << 20;
  machine.unknown(at, 32, 'x');
  machine.fill(at + 32, 0, 40);
  for (let shift = 0; shift < 256; shift++) {
    const { bits, low, high } = half.shifted(literal(at), literal(shift).as('i32'));
    for (let i = 0; i < 64; i++) {
      const wanted = shift + i < 256 ? ['x', shift + i].join() : 0;
      check(((low === high ? 0 : bits[i]) ?? 0) === wanted, `shifted(${shift}): bit ${i}`);
    }
  }
  report('shifted: each bit in its place');

  // combineVartime. Sums are linear in f and g, so the corners of what these may be are enough.
  const FACTOR = power(31);
  const corners = [
    ...[1n, -1n].flatMap((sign) => [
      [sign * (FACTOR - 1n), 0n],
      [0n, sign * (FACTOR - 1n)],
      [sign * (FACTOR - 1n), -sign * (FACTOR - 1n)],
    ]),
    [FACTOR, 0n],
    [0n, FACTOR],
  ];
  for (const [f, g] of corners) {
    for (const limbs of [LONG, SHORT]) {
      const [x, y] = [at, at + 64];
      for (let i = 0; i < 2 * LONG; i++)
        machine.store('u32', at + 4 * i + (i < LONG ? 0 : 64 - 4 * LONG), between('u32', 0n, power(32) - 1n));
      half.combineVartime(
        literal(at + 128),
        literal(f).as('i64'),
        literal(x),
        literal(g).as('i64'),
        literal(y),
        literal(limbs).as('i32'),
      );
    }
  }
  report(
    'combineVartime: factors below 2^31 with opposite signs, or with the same and a sum of 2^31 → sums within 64 bits',
  );
  /** What stands in for it checks exactly that. */
  const calls = [];
  machine.overrides.combineVartime = (d, f, x, g, y, limbs) => {
    const most = (v) => (v.high > -v.low ? v.high : -v.low);
    const opposite = (f.low >= 0n && g.high <= 0n) || (f.high <= 0n && g.low >= 0n);
    const same = f.low >= 0n && g.low >= 0n;
    const fits = opposite ? most(f) < FACTOR && most(g) < FACTOR : same && most(f) + most(g) <= FACTOR;
    check(fits, `combineVartime of factors up to ${most(f)} and ${most(g)}`);
    calls.push({ f, g, limbs: Number(limbs.low), d, x, y });
  };

  // The simulation. Let S = a·v2 + b·v1 at its start: each step keeps it, so it stays below 2^SIMULATED.
  const simulated = half.SIMULATED.low;
  let lengths = [];
  machine.overrides.bitLengthVartime = () => literal(lengths.shift()).as('i32');
  machine.overrides.shifted = (x, shift) => {
    check(shift.low >= 0n, 'a shift that is negative');
    const width = BigInt(x.length_) - shift.low;
    check(width <= 64n, `shifted: ${width} bits`);
    return between('u64', x.length_ === undefined ? 0n : power(width - 1n), power(width) - 1n);
  };
  const sized = (length) => Object.assign(literal(at), { length_: length });
  check(/bitLengthVartime\(y\) > 127/.test(parts.condition), 'half-size.ts: the end of the loop');
  for (let length = 128; length <= 253; length++) {
    lengths = [length];
    const start = half.prepare(sized(length), sized(length));
    check(start.a.high < power(simulated) && start.b.high < power(simulated), 'more bits than are simulated');
    // below `end` is below 2^127
    const { low, high } = start.end;
    check(low === high && low << start.shift.low <= power(127), 'half-size.ts: the end of the simulation');
  }
  // v2 begins with 1 and never shrinks, so the guard's b ≥ v2 means that nothing is divided by zero.
  const fresh = () => between('u64', 1n, power(64) - 1n);
  machine.checked = false;
  const [a, b, v1, v2, e1, e2] = Array.from({ length: 6 }, fresh);
  const less = (x, y) => machine.binary('-', x, y, 'less');
  const state = { a, b, u0: fresh(), u1: less(v1, e1), u2: less(v2, e2), v0: fresh(), v1, v2 };
  const next = half.simulate(...Object.values(state), false);
  const S = (s) => plus(times(s.a.terms, s.v2.terms), times(s.b.terms, s.v1.terms));
  check(isSame(S(next), S(state)), 'simulation: a·v2 + b·v1 changes');
  check(
    next.v0 === v1 && next.u0 === state.u1 && next.v1 === v2 && next.u1 === state.u2,
    'simulation: the factors move on',
  );
  for (const [u, v] of [
    [next.u1, next.v1],
    [next.u2, next.v2],
  ])
    check(isNonNegative(plus(v.terms, u.terms, -1n)), 'simulation: u above v');
  const determinant = (s) => plus(times(s.u1.terms, s.v2.terms), times(s.u2.terms, s.v1.terms), -1n);
  check(plus(determinant(next), determinant(state)).size === 0, 'simulation: the determinant is not ±1');
  // At a step, with what its guard says: S - 2·v2² = (a - b - v1 - v2)·v2 + (b - v2)·v2 + v1·v2 + b·v1, none negative.
  const guards = half.guards(...Object.values(state), true, fresh()).map(([l, r]) => plus(l.terms, r.terms, -1n));
  const wanted = [plus(b.terms, v2.terms, -1n), [b, v1, v2].reduce((sum, { terms }) => plus(sum, terms, -1n), a.terms)];
  check(
    wanted.every((one) => guards.some((guard) => isSame(guard, one))),
    'simulation: the guard',
  );
  const certificate = [
    times(wanted[1], v2.terms),
    times(wanted[0], v2.terms),
    times(v1.terms, v2.terms),
    times(b.terms, v1.terms),
  ].reduce((sum, term) => plus(sum, term));
  check(isSame(certificate, plus(S(state), times(v2.terms, v2.terms), -2n)), 'simulation: the certificate');
  machine.checked = true;
  // So v2 < sqrt(2^SIMULATED / 2) where a step begins, and that v2 is the largest factor that is used.
  let most = BigInt(Math.floor(Math.sqrt(Number(power(simulated - 1n))))) + 1n;
  while (2n * most * most >= power(simulated)) most--;
  report(`simulation on ${simulated} bits: factors up to ${most}; everything else below 2^${simulated}`);
  const factor = () => between('u64', 0n, most);
  for (const even of [true, false]) {
    calls.length = 0;
    const [u0, u1, v1] = Array.from({ length: 3 }, factor);
    const v0 = between('u64', 1n, most);
    const places = [0, 1, 2, 3, 4, 5].map((i) => literal(at + 72 * i));
    half.apply(fresh(), fresh(), u0, u1, fresh(), v0, v1, fresh(), even, ...places, literal(0).as('i32'));
    check(
      calls.length === 4 && calls.map(({ limbs }) => limbs).join() === [LONG, LONG, SHORT, SHORT].join(),
      'four combinations',
    );
    // X·Q + Y·P = ±(u0·v1 - u1·v0)·(x·q + y·p): with the determinant ±1, x·q + y·p stays ℓ
    const [X, Y, P, Q] = calls.map(({ f, g }) => [f.terms, g.terms]);
    const outer = (m, n, i, j) => times(m[i], n[j]);
    const xp = plus(outer(X, Q, 0, 0), outer(Y, P, 0, 0));
    const yq = plus(outer(X, Q, 1, 1), outer(Y, P, 1, 1));
    const xq = plus(outer(X, Q, 0, 1), outer(Y, P, 0, 1));
    const yp = plus(outer(X, Q, 1, 0), outer(Y, P, 1, 0));
    const det = plus(times(u0.terms, v1.terms), times(u1.terms, v0.terms), -1n);
    const signed = even ? det : plus(number(0n), det, -1n);
    check(xp.size === 0 && yq.size === 0 && isSame(xq, signed) && isSame(yp, signed), 'x·q + y·p changes');
  }
  report('what it makes of them: factors within what combineVartime takes; x·q + y·p stays ℓ, so p and q fit');

  machine.overrides.isBelowVartime = () => false;
  // The large step, for every difference of lengths that can be.
  for (let length = 128; length <= 252; length++) {
    for (let extra = 0; length + extra <= 253; extra++) {
      // with a quotient that is not zero, and with zero, for which the sources take one
      for (const branch of [true, false]) {
        calls.length = 0;
        lengths = [length, length + extra, length - 1];
        machine.undecided = () => branch;
        half.stepVartime(sized(length + extra), sized(length), literal(at + 256), literal(at + 512));
        check(calls.length === 2 && calls.every(({ limbs }) => limbs > 0 && limbs <= LONG), 'stepVartime: limbs');
      }
    }
  }
  report('stepVartime: quotients of up to 31 bits, within what combineVartime takes');
}

checkSources(checkHalving);
