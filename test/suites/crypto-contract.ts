// The contract of src/crypto/types.ts, for any implementation of it: what is refused and how, and what every one holds to.
import { describe, expect, test } from '@jest/globals';
import type { Crypto } from '../../src/crypto/types.js';
import { fromInteger, toInteger } from '../support/noble-crypto.js';
import { ascii, hex, RFC9496_BAD_ENCODINGS, RFC9496_MULTIPLES, unhex } from '../support/vectors.js';
import { codeOf, EDGE_SCALARS, EMPTY, IDENTITY, once, ORDER, P } from './crypto-inputs.js';

export function contractSuite(name: string, loadNew: () => Promise<Crypto>): void {
  const load = once(loadNew);
  const k = fromInteger(ORDER - 12345n);
  const p = unhex(RFC9496_MULTIPLES[3]!);
  const bad = unhex(RFC9496_BAD_ENCODINGS[12]!);
  const nonCanonical = [fromInteger(ORDER), fromInteger(ORDER + 1n), new Uint8Array(32).fill(255), fromInteger(P)];

  describe(`${name}: contract`, () => {
    test('wrong lengths throw crypto-length', async () => {
      const c = await load();
      const [b31, b33, b63, b65] = [31, 33, 63, 65].map((n) => new Uint8Array(n)) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      const calls: (() => unknown)[] = [
        ...[b31, b33, EMPTY].flatMap((x) => [
          () => c.ristretto255.add(x, p),
          () => c.ristretto255.add(p, x),
          () => c.ristretto255.subtract(p, x),
          () => c.ristretto255.multiply(x, p),
          () => c.ristretto255.multiply(k, x),
          () => c.ristretto255.multiplyBase(x),
          () => c.scalar.add(x, k),
          () => c.scalar.subtract(k, x),
          () => c.scalar.multiply(x, k),
          () => c.scalar.negate(x),
          () => c.scalar.invert(x),
          () => c.oprf.blind(EMPTY, x),
          () => c.oprf.blindEvaluate(x, p),
          () => c.oprf.blindEvaluate(k, x),
          () => c.oprf.finalize(EMPTY, x, p),
          () => c.oprf.finalize(EMPTY, k, x),
          () => c.oprf.deriveKeyPair(x, EMPTY),
          () => c.schnorr.publicKey(x),
          () => c.schnorr.sign(EMPTY, x, EMPTY),
          () => c.schnorr.sign(EMPTY, k, EMPTY, x),
          () => c.ed25519.publicKey(x),
          () => c.ed25519.sign(EMPTY, x),
          () => c.schnorr.createSigner(x),
          () => c.ed25519.createSigner(x),
          () => c.opaque.evaluate(b65.subarray(1), EMPTY, x),
          () => c.ristretto255.decode(x),
          () => c.opaque.sealEnvelope(b65.subarray(1), x, p),
          () => c.opaque.sealEnvelope(b65.subarray(1), k, x),
          () => c.opaque.openEnvelope(b65.subarray(1), k, x, p),
        ]),
        ...[b63, b65].flatMap((x) => [
          () => c.ristretto255.fromUniformBytes(x),
          () => c.scalar.reduce(x),
          () => c.opaque.evaluate(x, EMPTY, p),
          () => c.opaque.sealEnvelope(x, k, p),
          () => c.opaque.openEnvelope(b65.subarray(1), k, x, p),
        ]),
        () => c.oprf.blind(new Uint8Array(65536), k),
        () => c.oprf.finalize(new Uint8Array(65536), k, p),
        () => c.oprf.deriveKeyPair(k, new Uint8Array(65536)),
        () => c.schnorr.sign(EMPTY, k, new Uint8Array(256)),
        () => c.createHmacKey(EMPTY).hmac(new Uint8Array(65537)),
        () => c.hkdfSha512.expand(b63, EMPTY, 10),
        () => c.hkdfSha512.expand(b65, EMPTY, 0),
        () => c.hkdfSha512.expand(b65, EMPTY, 16321),
        () => c.hkdfSha512.expand(b65, EMPTY, 1.5),
        () => c.expandMessageXmd(EMPTY, EMPTY, 10),
        () => c.expandMessageXmd(EMPTY, new Uint8Array(256), 10),
        () => c.expandMessageXmd(EMPTY, b31, 16321),
        () => c.hashToGroup(EMPTY, EMPTY),
        () => c.hashToScalar(EMPTY, new Uint8Array(256)),
        () => c.randomBytes(-1),
      ];
      expect(calls.map(codeOf)).toEqual(calls.map(() => 'crypto-length'));
    });

    test('scalars of ℓ and above throw crypto-encoding', async () => {
      const c = await load();
      for (const s of nonCanonical) {
        expect(c.scalar.isCanonical(s)).toBe(false);
        const calls = [
          () => c.scalar.add(s, k),
          () => c.scalar.add(k, s),
          () => c.scalar.subtract(k, s),
          () => c.scalar.multiply(s, k),
          () => c.scalar.negate(s),
          () => c.scalar.invert(s),
          () => c.ristretto255.multiply(s, p),
          () => c.ristretto255.multiplyBase(s),
          () => c.oprf.blind(EMPTY, s),
          () => c.oprf.blindEvaluate(s, p),
          () => c.oprf.finalize(EMPTY, s, p),
          () => c.schnorr.publicKey(s),
          () => c.schnorr.sign(EMPTY, s, EMPTY),
        ];
        expect(calls.map(codeOf)).toEqual(calls.map(() => 'crypto-encoding'));
      }
      for (const n of EDGE_SCALARS) expect(c.scalar.isCanonical(fromInteger(n))).toBe(true);
      expect(c.scalar.isCanonical(new Uint8Array(31))).toBe(false);
    });

    test('the identity belongs to the group and is refused by the protocols', async () => {
      const c = await load();
      expect(c.ristretto255.isValid(IDENTITY)).toBe(true);
      expect([IDENTITY, p].map((e) => c.ristretto255.decode(e).isIdentity)).toEqual([true, false]);
      // Only what was decoded counts as such.
      expect(codeOf(() => c.opaque.evaluate(new Uint8Array(64), EMPTY, { isIdentity: false }))).toBe('crypto-length');
      expect(c.ristretto255.add(IDENTITY, p)).toEqual(p);
      expect(c.ristretto255.subtract(p, p)).toEqual(IDENTITY);
      expect(c.ristretto255.multiply(k, IDENTITY)).toEqual(IDENTITY);
      expect(c.ristretto255.multiply(fromInteger(0n), p)).toEqual(IDENTITY);
      expect(c.ristretto255.multiplyBase(fromInteger(0n))).toEqual(IDENTITY);
      const zero = fromInteger(0n);
      const calls = [
        () => c.oprf.blindEvaluate(k, IDENTITY),
        () => c.oprf.finalize(EMPTY, k, IDENTITY),
        () => c.oprf.blindEvaluate(zero, p),
        () => c.oprf.blind(EMPTY, zero),
        () => c.oprf.finalize(EMPTY, zero, p),
        () => c.schnorr.publicKey(zero),
        () => c.schnorr.sign(EMPTY, zero, EMPTY),
        () => c.scalar.invert(zero),
        () => c.opaque.evaluate(new Uint8Array(64), EMPTY, IDENTITY),
        () => c.opaque.evaluate(new Uint8Array(64), EMPTY, c.ristretto255.decode(IDENTITY)),
      ];
      expect(calls.map(codeOf)).toEqual(calls.map(() => 'crypto-identity'));
      expect(codeOf(() => c.oprf.blindEvaluate(k, bad))).toBe('crypto-encoding');
      expect(codeOf(() => c.oprf.finalize(EMPTY, k, bad))).toBe('crypto-encoding');
    });

    test('Schnorr: what is signed verifies, and nothing else does', async () => {
      const { schnorr, scalar, ristretto255: group } = await load();
      const message = ascii('message');
      const context = ascii('context');
      const publicKey = schnorr.publicKey(k);
      const signature = schnorr.sign(message, k, context);
      expect(signature).toHaveLength(64);
      expect(schnorr.verify(signature, message, publicKey, context)).toBe(true);
      expect(schnorr.sign(message, k, context)).not.toEqual(signature);
      const fixed = new Uint8Array(32).fill(7);
      expect(schnorr.sign(message, k, context, fixed)).toEqual(schnorr.sign(message, k, context, fixed));
      for (let bit = 0; bit < 512; bit += 7) {
        const changed = signature.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(schnorr.verify(changed, message, publicKey, context)).toBe(false);
      }
      const s = signature.subarray(32);
      const plusOrder = new Uint8Array([...signature.subarray(0, 32), ...fromInteger(toInteger(s) + ORDER)]);
      const refused: [Uint8Array, Uint8Array, Uint8Array, Uint8Array][] = [
        [plusOrder, message, publicKey, context],
        [signature, ascii('messagf'), publicKey, context],
        [signature, EMPTY, publicKey, context],
        [signature, message, publicKey, ascii('contexu')],
        [signature, message, publicKey, EMPTY],
        [signature, message, schnorr.publicKey(fromInteger(5n)), context],
        [signature, message, group.subtract(IDENTITY, publicKey), context],
        [signature, message, IDENTITY, context],
        [signature, message, bad, context],
        [signature.subarray(0, 63), message, publicKey, context],
        [new Uint8Array(65), message, publicKey, context],
        [new Uint8Array(64), message, publicKey, context],
        [new Uint8Array(64), message, IDENTITY, context],
        [new Uint8Array([...IDENTITY, ...s]), message, publicKey, context],
        [new Uint8Array([...bad, ...s]), message, publicKey, context],
        [signature, message, publicKey.subarray(1), context],
        [signature, message, publicKey, new Uint8Array(256)],
        [new Uint8Array([...signature.subarray(0, 32), ...scalar.negate(s)]), message, publicKey, context],
      ];
      expect(refused.map((args) => schnorr.verify(...args))).toEqual(refused.map(() => false));
    });

    test('Ed25519: S of ℓ or more, small order, non-canonical and mixed order', async () => {
      const { ed25519 } = await load();
      const seed = new Uint8Array(32).fill(9);
      const message = ascii('message');
      const publicKey = ed25519.publicKey(seed);
      const signature = ed25519.sign(message, seed);
      const s = signature.subarray(32);
      const withS = (n: bigint): Uint8Array => new Uint8Array([...signature.subarray(0, 32), ...fromInteger(n)]);
      expect(ed25519.verify(signature, message, publicKey)).toBe(true);
      expect(ed25519.verify(withS(toInteger(s) + ORDER), message, publicKey)).toBe(false);
      expect(ed25519.verify(withS((toInteger(s) + 1n) % ORDER), message, publicKey)).toBe(false);
      expect(ed25519.verify(signature, ascii('other'), publicKey)).toBe(false);
      // The eight points of small order, and other spellings of them; none may be a public key.
      const smallOrder = [
        '0100000000000000000000000000000000000000000000000000000000000000',
        'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        '0000000000000000000000000000000000000000000000000000000000000000',
        '0000000000000000000000000000000000000000000000000000000000000080',
        'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
        'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
        '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
        '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
        '0100000000000000000000000000000000000000000000000000000000000080',
        'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
        'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
        'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
      ].map(unhex);
      const neutral = smallOrder[0]!;
      for (const a of smallOrder) {
        // S = 0, R = -k·A is some point of small order: a lax verifier accepts one of these for every message.
        for (const r of smallOrder) {
          expect(ed25519.verify(new Uint8Array([...r, ...IDENTITY]), message, a)).toBe(false);
        }
      }
      expect(ed25519.verify(new Uint8Array([...neutral, ...s]), message, publicKey)).toBe(false);
      for (const length of [0, 63, 65]) {
        expect(ed25519.verify(new Uint8Array(length), message, publicKey)).toBe(false);
      }
      expect(ed25519.verify(signature, message, publicKey.subarray(1))).toBe(false);
    });

    test('equal compares whole byte strings', async () => {
      const { equal } = await load();
      for (const length of [0, 1, 31, 32, 1023, 1024, 1025, 3000]) {
        const a = Uint8Array.from({ length }, (_, i) => i * 7);
        expect(equal(a, a.slice())).toBe(true);
        for (const at of [0, length >> 1, length - 1].filter((i) => i >= 0 && i < length)) {
          const b = a.slice();
          b[at]! ^= 128;
          expect(equal(a, b)).toBe(false);
        }
        expect(equal(a, new Uint8Array(length + 1))).toBe(false);
      }
    });

    test('arguments are left alone and results are copies', async () => {
      const c = await load();
      const key = k.slice();
      const first = c.ristretto255.multiplyBase(key);
      const kept = first.slice();
      c.ristretto255.multiplyBase(fromInteger(3n));
      expect(first).toEqual(kept);
      expect(key).toEqual(k);
      const same = c.ristretto255.add(first, first);
      expect(same).toEqual(c.ristretto255.multiply(fromInteger(2n), first));
      expect(first).toEqual(kept);
      const given = fromInteger(77n);
      const { blind } = c.oprf.blind(EMPTY, given);
      expect(blind).toEqual(given);
      expect(blind).not.toBe(given);
    });

    test('oprf: any blind gives the same output', async () => {
      const { oprf } = await load();
      const input = ascii('input');
      const outputs = [0, 1, 2].map(() => {
        const { blind, blindedElement } = oprf.blind(input);
        return hex(oprf.finalize(input, blind, oprf.blindEvaluate(k, blindedElement)));
      });
      expect(new Set(outputs).size).toBe(1);
      const { blindedElement } = oprf.blind(new Uint8Array(65535), k);
      expect(blindedElement).toHaveLength(32);
    });

    test('a signer signs as its key does, until it is wiped', async () => {
      const { schnorr, ed25519 } = await load();
      const random = new Uint8Array(32).fill(5);
      for (const length of [0, 100, 70000]) {
        const message = new Uint8Array(length).fill(length);
        const a = schnorr.createSigner(k);
        expect(a.publicKey).toEqual(schnorr.publicKey(k));
        expect(a.sign(message, ascii('c'), random)).toEqual(schnorr.sign(message, k, ascii('c'), random));
        expect(schnorr.verify(a.sign(message, EMPTY), message, a.publicKey, EMPTY)).toBe(true);
        const b = ed25519.createSigner(k);
        expect(b.publicKey).toEqual(ed25519.publicKey(k));
        expect(b.sign(message)).toEqual(ed25519.sign(message, k));
        a.wipe();
        b.wipe();
        expect(() => a.sign(message, EMPTY)).toThrow();
        expect(() => b.sign(message)).toThrow();
      }
      expect(codeOf(() => schnorr.createSigner(fromInteger(0n)))).toBe('crypto-identity');
      expect(codeOf(() => schnorr.createSigner(fromInteger(ORDER)))).toBe('crypto-encoding');
    });

    test('an envelope opens with what it was sealed with only', async () => {
      const { opaque } = await load();
      const randomized = new Uint8Array(64).fill(1);
      const nonce = new Uint8Array(32).fill(2);
      const identities = { server: ascii('example.org'), client: ascii('alice') };
      const sealed = opaque.sealEnvelope(randomized, nonce, p, identities);
      expect(opaque.openEnvelope(randomized, nonce, sealed.tag, p, identities)).toEqual(sealed);
      const wrongTag = sealed.tag.slice();
      wrongTag[63]! ^= 1;
      const calls = [
        () => opaque.openEnvelope(new Uint8Array(64), nonce, sealed.tag, p, identities),
        () => opaque.openEnvelope(randomized, new Uint8Array(32), sealed.tag, p, identities),
        () => opaque.openEnvelope(randomized, nonce, wrongTag, p, identities),
        () => opaque.openEnvelope(randomized, nonce, sealed.tag, sealed.clientPublicKey, identities),
        () => opaque.openEnvelope(randomized, nonce, sealed.tag, p),
        () => opaque.openEnvelope(randomized, nonce, sealed.tag, p, { ...identities, client: EMPTY }),
        () =>
          opaque.openEnvelope(randomized, nonce, sealed.tag, p, {
            server: ascii('example.orga'),
            client: ascii('lice'),
          }),
      ];
      expect(calls.map(codeOf)).toEqual(calls.map(() => 'envelope-invalid'));
    });

    test('SHA-512 in parts: clone, digest without end and of more, wipe', async () => {
      const { sha512 } = await load();
      const a = sha512.create().update(ascii('ab'));
      const b = a.clone();
      a.update(ascii('c'));
      b.update(ascii('d'));
      expect(a.digest()).toEqual(sha512(ascii('abc')));
      expect(a.digest()).toEqual(sha512(ascii('abc')));
      expect(a.update(ascii('e')).digest()).toEqual(sha512(ascii('abce')));
      expect(b.digest(ascii('ef'))).toEqual(sha512(ascii('abdef')));
      expect(b.digest(new Uint8Array(300))).toEqual(sha512(Uint8Array.from([...ascii('abd'), ...new Uint8Array(300)])));
      expect(b.digest(EMPTY)).toEqual(sha512(ascii('abd')));
      expect(b.digest()).toEqual(sha512(ascii('abd')));
      expect(() => b.digest('x' as never)).toThrow();
      b.wipe();
      expect(() => b.digest()).toThrow();
      expect(() => b.update(ascii('x'))).toThrow();
    });

    test('wipe and randomBytes', async () => {
      const c = await load();
      const a = c.randomBytes(48);
      expect(a).toHaveLength(48);
      expect(c.randomBytes(48)).not.toEqual(a);
      c.wipe(a);
      expect(a).toEqual(new Uint8Array(48));
    });
  });
}
