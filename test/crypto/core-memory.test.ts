// Nothing of an operation stays behind: after each one, whether it succeeded or threw, the whole linear memory is what it
// was before the first.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Crypto, loadCrypto } from '../../src/crypto/index.js';
import { ascii, RFC9496_BAD_ENCODINGS, RFC9496_MULTIPLES, unhex } from '../support/vectors.js';

interface RawExports {
  readonly memory: WebAssembly.Memory;
  readonly IN: WebAssembly.Global;
  readonly MESSAGE: WebAssembly.Global;
  readonly OUT: WebAssembly.Global;
  oprfFinalize(inputLength: number): number;
  wipe(inLength: number, messageLength: number, outLength: number): void;
}

const wasm = new Uint8Array(readFileSync(fileURLToPath(new URL('../../build/core.wasm', import.meta.url))));
const k = new Uint8Array(32).map((_, i) => (i < 31 ? 0xa1 + i : 0x0b));
const p = unhex(RFC9496_MULTIPLES[7]!);
const bad = unhex(RFC9496_BAD_ENCODINGS[14]!);
const secret64 = new Uint8Array(64).map((_, i) => 0x51 + i);
const message = ascii('correct horse battery staple, and more words');
const long = new Uint8Array(70000).map((_, i) => i % 251);
const context = ascii('context');

let crypto: Crypto;
let raw: RawExports;
let before: Uint8Array;

const memory = (): Uint8Array => new Uint8Array(raw.memory.buffer);
const contains = (needle: Uint8Array): boolean => Buffer.from(raw.memory.buffer).includes(Buffer.from(needle));

beforeAll(async () => {
  const { Instance } = WebAssembly;
  try {
    WebAssembly.Instance = class extends Instance {
      constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
        super(module, imports);
        raw = this.exports as unknown as RawExports;
      }
    };
    crypto = await loadCrypto({ wasm });
  } finally {
    WebAssembly.Instance = Instance;
  }
  before = memory().slice();
});

const sealed = (): Uint8Array => crypto.opaque.sealEnvelope(secret64, k, p, { client: message }).tag;

const operations: [string, () => unknown][] = [
  ['isValid', () => crypto.ristretto255.isValid(p)],
  ['decode', () => crypto.ristretto255.decode(p)],
  ['decode, bad element', () => crypto.ristretto255.decode(bad)],
  ['fromUniformBytes', () => crypto.ristretto255.fromUniformBytes(secret64)],
  ['add', () => crypto.ristretto255.add(p, p)],
  ['subtract', () => crypto.ristretto255.subtract(p, p)],
  ['multiply', () => crypto.ristretto255.multiply(k, p)],
  ['multiply, bad element', () => crypto.ristretto255.multiply(k, bad)],
  ['multiplyBase', () => crypto.ristretto255.multiplyBase(k)],
  ['multiplyBase, bad scalar', () => crypto.ristretto255.multiplyBase(secret64.subarray(0, 32))],
  ['reduce', () => crypto.scalar.reduce(secret64)],
  ['scalar add', () => crypto.scalar.add(k, k)],
  ['scalar multiply', () => crypto.scalar.multiply(k, k)],
  ['scalar negate', () => crypto.scalar.negate(k)],
  ['scalar invert', () => crypto.scalar.invert(k)],
  ['isCanonical', () => crypto.scalar.isCanonical(k)],
  ['blind', () => crypto.oprf.blind(message, k)],
  ['blind, drawn', () => crypto.oprf.blind(message)],
  ['blind, bad', () => crypto.oprf.blind(message, secret64.subarray(0, 32))],
  ['blindEvaluate', () => crypto.oprf.blindEvaluate(k, p)],
  ['blindEvaluate, identity', () => crypto.oprf.blindEvaluate(k, new Uint8Array(32))],
  ['blindEvaluate, bad element', () => crypto.oprf.blindEvaluate(k, bad)],
  ['finalize', () => crypto.oprf.finalize(message, k, p)],
  ['finalize, bad element', () => crypto.oprf.finalize(message, k, bad)],
  ['deriveKeyPair', () => crypto.oprf.deriveKeyPair(k, message)],
  ['opaque evaluate', () => crypto.opaque.evaluate(secret64, message, p)],
  ['opaque evaluate, bad element', () => crypto.opaque.evaluate(secret64, message, bad)],
  ['opaque evaluate, decoded', () => crypto.opaque.evaluate(secret64, message, crypto.ristretto255.decode(p))],
  ['sealEnvelope', sealed],
  ['openEnvelope', () => crypto.opaque.openEnvelope(secret64, k, sealed(), p, { client: message })],
  ['openEnvelope, wrong tag', () => crypto.opaque.openEnvelope(secret64, k, secret64, p, { client: message })],
  ['schnorr publicKey', () => crypto.schnorr.publicKey(k)],
  ['schnorr sign', () => crypto.schnorr.sign(message, k, context)],
  ['schnorr sign, long', () => crypto.schnorr.sign(long, k, context)],
  ['schnorr sign, bad key', () => crypto.schnorr.sign(message, secret64.subarray(0, 32), context)],
  ['schnorr signer', () => crypto.schnorr.createSigner(k).sign(message, context)],
  ['schnorr verify', () => crypto.schnorr.verify(crypto.schnorr.sign(message, k, context), message, p, context)],
  ['schnorr verify, refused', () => crypto.schnorr.verify(secret64, message, bad, context)],
  ['ed25519 publicKey', () => crypto.ed25519.publicKey(k)],
  ['ed25519 sign', () => crypto.ed25519.sign(message, k)],
  ['ed25519 sign, long', () => crypto.ed25519.sign(long, k)],
  ['ed25519 signer', () => crypto.ed25519.createSigner(k).sign(message)],
  [
    'ed25519 verify',
    () => crypto.ed25519.verify(crypto.ed25519.sign(message, k), message, crypto.ed25519.publicKey(k)),
  ],
  ['ed25519 verify, refused', () => crypto.ed25519.verify(secret64, message, bad)],
  ['sha512', () => crypto.sha512(message)],
  ['sha512, long', () => crypto.sha512(long)],
  ['sha512 in parts', () => crypto.sha512.create().update(message).clone().update(long).digest()],
  ['hmac', () => crypto.hmacSha512(secret64, message)],
  ['hmac, long', () => crypto.hmacSha512(long, long)],
  ['hmac key', () => crypto.createHmacKey(secret64).hmac(message)],
  ['hmac key, long', () => crypto.createHmacKey(long).hmac(long.subarray(0, 65536))],
  ['hmac key, too long a message', () => crypto.createHmacKey(secret64).hmac(long)],
  ['hkdf extract', () => crypto.hkdfSha512.extract(secret64, message)],
  ['hkdf expand', () => crypto.hkdfSha512.expand(secret64, message, 1000)],
  ['expandMessageXmd', () => crypto.expandMessageXmd(message, context, 500)],
  ['hashToGroup', () => crypto.hashToGroup(message, context)],
  ['hashToScalar', () => crypto.hashToScalar(message, context)],
  ['equal', () => crypto.equal(long, long.slice())],
];

describe('linear memory after an operation', () => {
  test('the search finds what is there: without wiping, secrets stay', () => {
    const all = memory();
    const [at, to, out] = [raw.IN.value, raw.MESSAGE.value, raw.OUT.value] as [number, number, number];
    all.set(k, at);
    all.set(p, at + 32);
    all.set(message, to);
    expect(raw.oprfFinalize(message.length)).toBe(0);
    const output = all.slice(out, out + 64);
    expect(output).toEqual(crypto.oprf.finalize(message, k, p));
    all.set(k, at);
    all.set(p, at + 32);
    all.set(message, to);
    raw.oprfFinalize(message.length);
    for (const secret of [k, message, output]) expect(contains(secret)).toBe(true);
    raw.wipe(64, message.length, 64);
    for (const secret of [k, message, output]) expect(contains(secret)).toBe(false);
  });

  test.each(operations)('%s', (_name, operation) => {
    try {
      operation();
    } catch (error) {
      expect(error).toHaveProperty('code');
    }
    for (const secret of [k, secret64, message, long.subarray(0, 64)]) expect(contains(secret)).toBe(false);
    expect(Buffer.compare(memory(), before)).toBe(0);
  });
});
