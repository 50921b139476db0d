// Constant time, by what the compiled modules do: every branch taken, every select, every address loaded from or stored
// to, and every number divided, is the same whatever the secrets are. Verification alone may depend on its inputs, which are public.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Crypto, hasFusedMultiplyAdd, loadCrypto } from '../../src/crypto/index.js';
import { EDGE_SCALARS } from '../suites/crypto-inputs.js';
import { fromInteger, nobleCrypto } from '../support/noble-crypto.js';
import { ascii } from '../support/vectors.js';
import { type Traced, traced } from '../support/wasm-trace.js';

const read = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../build/${name}`, import.meta.url))));

const noble = nobleCrypto();
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const anyScalar = (): Uint8Array => noble.scalar.reduce(random(64));
const anyElement = (): Uint8Array => noble.ristretto255.multiplyBase(anyScalar());
const edges = EDGE_SCALARS.filter((n) => n > 0n).map((n) => fromInteger(n));
const bytes64 = [new Uint8Array(64), new Uint8Array(64).fill(255), ...Array.from({ length: 12 }, () => random(64))];
const bytes32 = [new Uint8Array(32), new Uint8Array(32).fill(255), ...Array.from({ length: 12 }, () => random(32))];
const keys = [...edges, ...Array.from({ length: 12 }, anyScalar)];
const point = anyElement();
const points = Array.from({ length: 6 }, anyElement);
const message = ascii('a message of which only the length is public');
const messages = [message, message.map(() => 0), message.map(() => 255), random(message.length)];
const context = ascii('context');

/** Each operation with its secrets as the parameter, and the values that the secrets take. */
type Operation = [name: string, secrets: Uint8Array[], call: (crypto: Crypto, secret: Uint8Array) => unknown];
const operations: Operation[] = [
  ['multiply, by the scalar', keys, (c, k) => c.ristretto255.multiply(k, point)],
  ['multiply, by the element', points, (c, p) => c.ristretto255.multiply(keys[3]!, p)],
  ['multiplyBase', keys, (c, k) => c.ristretto255.multiplyBase(k)],
  ['fromUniformBytes', bytes64, (c, uniform) => c.ristretto255.fromUniformBytes(uniform)],
  ['add', points, (c, p) => c.ristretto255.add(p, point)],
  ['scalar reduce', bytes64, (c, wide) => c.scalar.reduce(wide)],
  ['scalar add', keys, (c, k) => c.scalar.add(k, keys[20]!)],
  ['scalar subtract', keys, (c, k) => c.scalar.subtract(keys[20]!, k)],
  ['scalar multiply', keys, (c, k) => c.scalar.multiply(k, k)],
  ['scalar invert', keys, (c, k) => c.scalar.invert(k)],
  ['scalar isCanonical', keys, (c, k) => c.scalar.isCanonical(k)],
  ['blind, by the blind', keys, (c, k) => c.oprf.blind(message, k)],
  ['blind, by the input', messages, (c, input) => c.oprf.blind(input, keys[2])],
  ['blindEvaluate', keys, (c, k) => c.oprf.blindEvaluate(k, point)],
  ['finalize, by the blind', keys, (c, k) => c.oprf.finalize(message, k, point)],
  ['finalize, by the input', messages, (c, input) => c.oprf.finalize(input, keys[2]!, point)],
  ['deriveKeyPair', bytes32, (c, seed) => c.oprf.deriveKeyPair(seed, message)],
  ['opaque evaluate', bytes64, (c, seed) => c.opaque.evaluate(seed, message, point)],
  ['opaque evaluate, decoded', bytes64, (c, seed) => c.opaque.evaluate(seed, message, c.ristretto255.decode(point))],
  ['sealEnvelope', bytes64, (c, secret) => c.opaque.sealEnvelope(secret, keys[2]!, point)],
  ['schnorr publicKey', keys, (c, k) => c.schnorr.publicKey(k)],
  ['schnorr sign, by the key', keys, (c, k) => c.schnorr.sign(message, k, context, keys[1])],
  ['schnorr sign, by the randomness', bytes32, (c, fresh) => c.schnorr.sign(message, keys[5]!, context, fresh)],
  ['schnorr sign, by the message', messages, (c, text) => c.schnorr.sign(text, keys[5]!, context, keys[1])],
  ['ed25519 publicKey', bytes32, (c, seed) => c.ed25519.publicKey(seed)],
  ['ed25519 sign, by the seed', bytes32, (c, seed) => c.ed25519.sign(message, seed)],
  ['ed25519 sign, by the message', messages, (c, text) => c.ed25519.sign(text, keys[5]!)],
  ['sha512', messages, (c, text) => c.sha512(text)],
  ['hmac, by the key', bytes64, (c, key) => c.hmacSha512(key, message)],
  ['hmac by a hashed key', bytes64, (c, key) => c.createHmacKey(key).hmac(message)],
  ['hkdf expand, by the key', bytes64, (c, prk) => c.hkdfSha512.expand(prk, message, 200)],
  ['hashToScalar', messages, (c, text) => c.hashToScalar(text, context)],
  ['equal', bytes32, (c, secret) => c.equal(secret, bytes32[3]!)],
];

function traceSuite(name: string, file: string): void {
  describe(name, () => {
    let crypto: Crypto;
    let trace: WebAssembly.Global;
    let counts: Traced['counts'];

    /** The hash of all branches and addresses of one call. */
    const traceOf = (call: () => unknown): bigint => {
      trace.value = 0n;
      call();
      return trace.value as bigint;
    };

    beforeAll(async () => {
      const rewritten = traced(read(file));
      counts = rewritten.counts;
      const { Instance } = WebAssembly;
      try {
        WebAssembly.Instance = class extends Instance {
          constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
            super(module, imports);
            trace = this.exports['trace'] as WebAssembly.Global;
          }
        };
        crypto = await loadCrypto({ wasm: rewritten.module });
      } finally {
        WebAssembly.Instance = Instance;
      }
    });

    test('the recorder sees branches, addresses and divisions', () => {
      expect(counts.branches).toBeGreaterThan(100);
      expect(counts.addresses).toBeGreaterThan(500);
      // those of half-size.ts
      expect(counts.divisions).toBeGreaterThan(0);
    });

    test('the recorder tells executions apart: verification is variable-time', () => {
      const signatures = [1, 2, 3].map((n) => crypto.schnorr.sign(message, fromInteger(BigInt(n)), context));
      const traces = signatures.map((signature, i) =>
        traceOf(() =>
          crypto.schnorr.verify(signature, message, crypto.schnorr.publicKey(fromInteger(BigInt(i + 1))), context),
        ),
      );
      expect(new Set(traces).size).toBe(3);
      expect(traceOf(() => crypto.sha512(message))).not.toBe(traceOf(() => crypto.sha512(new Uint8Array(1))));
    });

    test.each(operations)('%s', (_name, secrets, call) => {
      expect(secrets.length).toBeGreaterThan(3);
      const traces = secrets.map((secret) => traceOf(() => call(crypto, secret)));
      expect(traces[0]).not.toBe(0n);
      expect(new Set(traces).size).toBe(1);
    });
  });
}

traceSuite('simd', 'core.wasm');
if (hasFusedMultiplyAdd()) traceSuite('relaxed-simd', 'core-relaxed.wasm');
else test.skip('relaxed-simd: needs an engine that has it', () => undefined);
