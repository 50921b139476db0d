// The WebAssembly core: every export with any lengths in any order, and the functions above it with any bytes and with
// arguments that overlap. V8 counts no blocks in WebAssembly; the news is which export answered what.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { BlindsaltError } from '../../../proto/errors.js';
import { loadCrypto, type Crypto } from '../../../src/crypto/index.js';
import { createPrng, type Prng } from '../prng.js';
import { insist, type Target } from '../target.js';

type Export = (...args: number[]) => number | undefined;
/** The areas that a host may write; see assembly/memory.ts. */
const AREA = { in: 1024, message: 65_536, out: 16_384 } as const;
/** Not operations, or not for the host. */
const NOT_CALLED = ['memory', 'IN', 'MESSAGE', 'MESSAGE_SIZE', 'OUT', 'init', 'wipe'];
/** A yes or no, or an address, instead of a status. */
const ANSWERS = /^(equal|scalarIsCanonical|ristrettoIsValid|.*Verify.*|hashContext)$/;
const LENGTHS = [0, 1, 31, 32, 64, 127, 128, 129, 255, 256, 1023, 1024, 1025, 16_320, 16_321, 65_535, 65_536, 65_537];
const WILD = [-1, -2, -0x8000_0000, 0x7fff_ffff, 0x10_0000, 0x4000_0000, 200_000];

export interface Raw {
  readonly bytes: Uint8Array;
  readonly at: { readonly in: number; readonly message: number; readonly out: number };
  readonly calls: Readonly<Record<string, Export>>;
  wipe(inLength: number, messageLength: number, outLength: number): void;
}
/** Changes what is fuzzed into something broken. */
export interface CoreFault {
  readonly raw?: (raw: Raw) => Raw;
  readonly crypto?: (crypto: Crypto) => Crypto;
}

/** A core of its own whose memory can be seen. */
async function loadBoth(random: (length: number) => Uint8Array): Promise<{ raw: Raw; crypto: Crypto }> {
  const { Instance } = WebAssembly;
  let exports: WebAssembly.Exports = {};
  try {
    WebAssembly.Instance = class extends Instance {
      constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
        super(module, imports);
        exports = this.exports;
      }
    };
    const crypto = await loadCrypto({ wasm: new Uint8Array(readFileSync(path.resolve('build/core.wasm'))), random });
    const global = (name: string): number => (exports[name] as WebAssembly.Global).value as number;
    const names = Object.keys(exports).filter((name) => !NOT_CALLED.includes(name));
    const raw: Raw = {
      bytes: new Uint8Array((exports['memory'] as WebAssembly.Memory).buffer),
      at: { in: global('IN'), message: global('MESSAGE'), out: global('OUT') },
      calls: Object.fromEntries(names.map((name) => [name, exports[name] as Export])),
      wipe: exports['wipe'] as Raw['wipe'],
    };
    return { raw, crypto };
  } finally {
    WebAssembly.Instance = Instance;
  }
}

/** Bytes that a peer or a defect might give: canonical or nearly, or anything. */
function material(crypto: Crypto, prng: Prng, length: number): Uint8Array {
  const bytes = prng.bytes(length);
  for (let at = 0; at + 32 <= length; at += 32) {
    const piece = prng.below(7);
    if (piece === 0) bytes.set(crypto.scalar.reduce(prng.bytes(64)), at);
    else if (piece === 1) bytes.set(crypto.ristretto255.fromUniformBytes(prng.bytes(64)), at);
    else if (piece === 2) bytes.fill(0, at, at + 32);
    else if (piece === 3) bytes.fill(0xff, at, at + 32);
    else if (piece === 4)
      bytes.set(crypto.scalar.subtract(new Uint8Array(32), Uint8Array.of(1, ...new Array<number>(31).fill(0))), at);
  }
  return bytes;
}

/** Exports called one after the other, whatever belongs before or after what, then everything wiped. */
function runExports(raw: Raw, baseline: Uint8Array, crypto: Crypto, prng: Prng, count: number): string[] {
  const outcomes: string[] = [];
  const names = Object.keys(raw.calls);
  let calls: readonly string[] = [];
  for (let n = 0; n < count; n++) {
    const name = prng.pick(names);
    calls = [...calls, name];
    if (prng.oneIn(2)) raw.bytes.set(material(crypto, prng, 256), raw.at.in);
    if (prng.oneIn(4)) raw.bytes.set(prng.bytes(64), raw.at.message);
    const args = Array.from({ length: raw.calls[name]!.length }, () => prng.pick(prng.oneIn(3) ? WILD : LENGTHS));
    let status: number | undefined;
    try {
      status = raw.calls[name]!(...args);
    } catch (error) {
      insist(false, 'no export traps', error);
    }
    if (ANSWERS.test(name))
      insist(status === 0 || status === 1 || name === 'hashContext' || status === undefined, 'an answer is yes or no');
    else insist(status === undefined || (status >= 0 && status <= 4), 'a status is one of those that are defined');
    if (name === 'equal' && (args[0]! < 0 || args[0]! > AREA.in))
      insist(status === 0, 'nothing is equal that cannot be compared');
    outcomes.push(`${name} ${name === 'hashContext' ? '' : String(status)}`);
  }
  const wild = prng.oneIn(3);
  raw.wipe(wild ? -1 : AREA.in + AREA.message, wild ? 0x7fff_ffff : AREA.message, wild ? 1 << 30 : AREA.out);
  insist(Buffer.compare(raw.bytes, baseline) === 0, 'after wiping, memory is what it was');
  return outcomes;
}

type Call = (crypto: Crypto, a: Uint8Array[]) => unknown;
/** Functions above the exports, with the number of byte strings that they take. */
const FUNCTIONS: readonly (readonly [name: string, count: number, call: Call])[] = [
  ['isValid', 1, (c, [a]) => c.ristretto255.isValid(a!)],
  ['fromUniformBytes', 1, (c, [a]) => c.ristretto255.fromUniformBytes(a!)],
  ['add', 2, (c, [a, b]) => c.ristretto255.add(a!, b!)],
  ['subtract', 2, (c, [a, b]) => c.ristretto255.subtract(a!, b!)],
  ['multiply', 2, (c, [a, b]) => c.ristretto255.multiply(a!, b!)],
  ['multiplyBase', 1, (c, [a]) => c.ristretto255.multiplyBase(a!)],
  ['scalar reduce', 1, (c, [a]) => c.scalar.reduce(a!)],
  ['scalar add', 2, (c, [a, b]) => c.scalar.add(a!, b!)],
  ['scalar subtract', 2, (c, [a, b]) => c.scalar.subtract(a!, b!)],
  ['scalar multiply', 2, (c, [a, b]) => c.scalar.multiply(a!, b!)],
  ['scalar negate', 1, (c, [a]) => c.scalar.negate(a!)],
  ['scalar invert', 1, (c, [a]) => c.scalar.invert(a!)],
  ['isCanonical', 1, (c, [a]) => c.scalar.isCanonical(a!)],
  ['oprf blind', 2, (c, [a, b]) => c.oprf.blind(a!, b)],
  ['oprf blindEvaluate', 2, (c, [a, b]) => c.oprf.blindEvaluate(a!, b!)],
  ['oprf finalize', 3, (c, [a, b, d]) => c.oprf.finalize(a!, b!, d!)],
  ['oprf deriveKeyPair', 2, (c, [a, b]) => c.oprf.deriveKeyPair(a!, b!)],
  ['opaque evaluate, decoded', 3, (c, [a, b, d]) => c.opaque.evaluate(a!, b!, c.ristretto255.decode(d!))],
  ['opaque evaluate', 3, (c, [a, b, d]) => c.opaque.evaluate(a!, b!, d!)],
  [
    'opaque seal',
    5,
    (c, [a, b, d, server, client]) => c.opaque.sealEnvelope(a!, b!, d!, { server: server!, client: client! }),
  ],
  ['opaque open', 5, (c, [a, b, d, e, client]) => c.opaque.openEnvelope(a!, b!, d!, e!, { client: client! })],
  ['schnorr publicKey', 1, (c, [a]) => c.schnorr.publicKey(a!)],
  ['schnorr sign', 4, (c, [a, b, d, e]) => c.schnorr.sign(a!, b!, d!, e)],
  ['schnorr verify', 4, (c, [a, b, d, e]) => c.schnorr.verify(a!, b!, d!, e!)],
  ['ed25519 publicKey', 1, (c, [a]) => c.ed25519.publicKey(a!)],
  ['ed25519 sign', 2, (c, [a, b]) => c.ed25519.sign(a!, b!)],
  ['ed25519 verify', 3, (c, [a, b, d]) => c.ed25519.verify(a!, b!, d!)],
  ['sha512', 1, (c, [a]) => c.sha512(a!)],
  ['hmac', 2, (c, [a, b]) => c.hmacSha512(a!, b!)],
  ['hmac key', 2, (c, [a, b]) => c.createHmacKey(a!).hmac(b!)],
  ['hkdf extract', 2, (c, [a, b]) => c.hkdfSha512.extract(a!, b!)],
  ['hkdf expand', 2, (c, [a, b]) => c.hkdfSha512.expand(a!, b!, a!.length * 7)],
  ['expandMessageXmd', 2, (c, [a, b]) => c.expandMessageXmd(a!, b!, a!.length)],
  ['hashToGroup', 2, (c, [a, b]) => c.hashToGroup(a!, b!)],
  ['hashToScalar', 2, (c, [a, b]) => c.hashToScalar(a!, b!)],
  ['equal', 2, (c, [a, b]) => c.equal(a!, b!)],
];
const RIGHT_LENGTHS = [32, 32, 32, 64, 64, 0, 1, 31, 33, 63, 65, 255, 256, 300];

interface Outcome {
  readonly value?: unknown;
  readonly code?: string;
}

function outcomeOfCall(call: Call, crypto: Crypto, args: Uint8Array[]): Outcome {
  try {
    return { value: call(crypto, args) };
  } catch (error) {
    insist(
      error instanceof BlindsaltError && error.code.match(/^(crypto-|envelope-)/) !== null,
      'functions fail with codes of their own',
      error,
    );
    return { code: error.code };
  }
}

const flat = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  );

/** A function with arguments in one buffer, which may overlap or be the same: the answer is that for separate copies. */
function runFunction(raw: Raw, baseline: Uint8Array, crypto: Crypto, prng: Prng): string {
  const [name, count, call] = prng.pick(FUNCTIONS);
  const pool = material(crypto, prng, 512);
  const args = Array.from({ length: count }, () => {
    const start = prng.oneIn(2) ? 32 * prng.below(6) : prng.below(200);
    return pool.subarray(start, start + prng.pick(RIGHT_LENGTHS));
  });
  const copies = args.map((arg) => arg.slice());
  const before = pool.slice();
  const answer = outcomeOfCall(call, crypto, args);
  insist(Buffer.compare(pool, before) === 0, 'arguments are not changed');
  insist(Buffer.compare(raw.bytes, baseline) === 0, 'nothing stays in memory');
  const again = outcomeOfCall(call, crypto, copies);
  insist(flat(answer) === flat(again), 'overlapping arguments change nothing');
  return `${name} ${answer.code ?? (typeof answer.value === 'boolean' ? String(answer.value) : 'value')}`;
}

export async function coreTarget(fault: CoreFault = {}): Promise<Target> {
  let prng = createPrng(0);
  const both = await loadBoth((length) => prng.bytes(length));
  const baseline = both.raw.bytes.slice();
  const raw = fault.raw?.(both.raw) ?? both.raw;
  const crypto = fault.crypto?.(both.crypto) ?? both.crypto;
  const honest = await loadCrypto();
  return {
    name: 'core',
    covers: /^src\/crypto\/(?!.*generated)/,
    // Four bytes of seed, and how many calls.
    generate: (random) => random.bytes(5),
    run(input) {
      // The state that the run before may have left by breaking a rule.
      raw.bytes.set(baseline);
      const seed = new DataView(Uint8Array.of(...input, 0, 0, 0, 0).buffer).getUint32(0);
      prng = createPrng(seed);
      const random = createPrng(seed ^ 0x5bd1e995);
      const count = 1 + ((input[4] ?? 0) % 8);
      if ((input[4] ?? 0) & 8) return runExports(raw, baseline, honest, random, count);
      return Array.from({ length: count }, () => {
        prng = createPrng(seed);
        return runFunction(raw, baseline, crypto, random);
      });
    },
  };
}
