// npm run bench:constant-time: does the time of an operation depend on its secret? In the manner of dudect (Reparaz,
// Balasch, Verbauwhede, 2017): one class of calls has a fixed secret, the other random ones, in random order; Welch's t
// compares the two, raw and with the slowest calls cut off. |t| above 4.5 is suspicious, above 10 is a leak; the smaller
// the number of calls, the less a small t says. `--calls N` for each class.
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { hasFusedMultiplyAdd, loadCrypto } from 'blindsalt/crypto';
import { writeBlock } from './core/report.js';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '10000' } } });
const calls = Number(values.calls);

/** Welch's t between two samples. */
function welch(a, b) {
  const mean = (x) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = (x, m) => x.reduce((sum, value) => sum + (value - m) ** 2, 0) / (x.length - 1);
  const [ma, mb] = [mean(a), mean(b)];
  return (ma - mb) / Math.sqrt(variance(a, ma) / a.length + variance(b, mb) / b.length);
}

/** The t-values of all calls, and of those below the 90th and 50th percentile of both classes together. */
function tValues(fixed, random) {
  const all = Float64Array.from([...fixed, ...random]).sort();
  return [1, 0.9, 0.5].map((part) => {
    const limit = all[Math.min(all.length - 1, Math.floor(all.length * part))];
    return welch(
      fixed.filter((time) => time <= limit),
      random.filter((time) => time <= limit),
    );
  });
}

/** `call` takes a secret; `fixed` is the one of the first class, `draw` makes those of the second. */
function compare({ call, fixed, draw }) {
  // All secrets are made beforehand and in the same way, so that they differ in nothing but their contents.
  const order = randomBytes(2 * calls);
  const secrets = Array.from(order, (byte) => {
    const secret = draw();
    if (!(byte & 1)) secret.set(fixed);
    return secret;
  });
  for (let i = 0; i < 400; i++) call(secrets[i % secrets.length]);
  const times = [[], []];
  for (let i = 0; i < secrets.length; i++) {
    const start = process.hrtime.bigint();
    call(secrets[i]);
    times[order[i] & 1].push(Number(process.hrtime.bigint() - start));
  }
  return tValues(times[0], times[1]);
}

function operations(c) {
  const draw32 = () => new Uint8Array(randomBytes(32));
  const drawKey = () => c.scalar.reduce(new Uint8Array(randomBytes(64)));
  const one = new Uint8Array(32);
  one[0] = 1;
  const point = c.ristretto255.multiplyBase(drawKey());
  const message = new Uint8Array(randomBytes(100));
  const context = new Uint8Array(8);
  const random = draw32();
  const other = draw32();
  return [
    { name: 'ristretto255 multiply', call: (k) => c.ristretto255.multiply(k, point), fixed: one, draw: drawKey },
    { name: 'ristretto255 multiplyBase', call: (k) => c.ristretto255.multiplyBase(k), fixed: one, draw: drawKey },
    { name: 'OPRF finalize', call: (k) => c.oprf.finalize(message, k, point), fixed: one, draw: drawKey },
    { name: 'Schnorr sign', call: (k) => c.schnorr.sign(message, k, context, random), fixed: one, draw: drawKey },
    { name: 'Ed25519 sign', call: (seed) => c.ed25519.sign(message, seed), fixed: new Uint8Array(32), draw: draw32 },
    { name: 'scalar invert', call: (k) => c.scalar.invert(k), fixed: one, draw: drawKey },
    { name: 'equal, 32 bytes', call: (b) => c.equal(b, other), fixed: other, draw: draw32 },
    {
      name: 'control: Schnorr verify, variable-time',
      call: (signature) => c.schnorr.verify(signature, message, point, context),
      fixed: new Uint8Array(64),
      draw: () => c.schnorr.sign(message, one, context, draw32()),
    },
  ];
}

const builds = hasFusedMultiplyAdd() ? ['simd', 'relaxed-simd'] : ['simd'];
const lines = [
  '| build | operation | t, all calls | t, fastest 90 % | t, fastest 50 % |',
  '| --- | --- | --: | --: | --: |',
];
for (const build of builds) {
  const crypto = await loadCrypto({ build });
  for (const operation of operations(crypto)) {
    const t = compare(operation).map((value) => (Number.isNaN(value) ? 'apart' : value.toFixed(2)));
    lines.push(`| ${build} | ${operation.name} | ${t.join(' | ')} |`);
    process.stdout.write(`${lines.at(-1)}\n`);
  }
}
const text = [
  `### Constant time, Node ${process.version}`,
  '',
  `${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model}, about ${calls} calls in each class. A fixed secret (the ` +
    'scalar 1, the seed of zeros, an equal string) against random ones; Welch’s t. |t| under 4.5 shows no difference; apart: the fastest calls are all of one class.',
  '',
  ...lines,
].join('\n');
writeBlock(`constant-time node-${process.versions.node.split('.')[0]}`, text);
