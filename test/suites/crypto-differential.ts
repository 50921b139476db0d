// The comparison of an implementation of src/crypto/types.ts with independent ones.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createHash, createHmac, createPrivateKey, createPublicKey, hkdfSync, sign, verify } from 'node:crypto';
import sodium from 'libsodium-wrappers-sumo';
import type { Crypto } from '../../src/crypto/types.js';
import { fromInteger, nobleCrypto, toInteger } from '../support/noble-crypto.js';
import { ascii, hex, RFC9496_MULTIPLES, unhex } from '../support/vectors.js';
import { bytesOf, codeOf, EDGE_SCALARS, nonZeroScalars, once, ORDER, P, scalars } from './crypto-inputs.js';

/** node:crypto's key objects from raw Ed25519 bytes. */
const ed25519Private = (seed: Uint8Array): ReturnType<typeof createPrivateKey> =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });
const ed25519Public = (key: Uint8Array): ReturnType<typeof createPublicKey> =>
  createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]),
    format: 'der',
    type: 'spki',
  });

/** Compares with @noble/curves, libsodium and node:crypto over random and edge inputs. */
export function differentialSuite(name: string, loadNew: () => Promise<Crypto>): void {
  const load = once(loadNew);
  const noble = nobleCrypto();

  describe(`${name}: comparison`, () => {
    test('SHA-512 of every length to 300, and of long messages, against node:crypto', async () => {
      const { sha512 } = await load();
      const expected = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');
      for (const length of [...Array(301).keys(), 4095, 65535, 65536, 65537, 131072, 200001]) {
        const message = Uint8Array.from({ length }, (_, i) => i * i + length);
        expect(hex(sha512(message))).toBe(expected(message));
      }
    });

    test('SHA-512 in any parts', async () => {
      const { sha512 } = await load();
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }), (parts) => {
          const state = sha512.create();
          for (const part of parts) state.update(part);
          expect(hex(state.digest())).toBe(createHash('sha512').update(Buffer.concat(parts)).digest('hex'));
        }),
        { numRuns: 300 },
      );
    });

    test('HMAC, HKDF and expand_message_xmd', async () => {
      const c = await load();
      const some = fc.uint8Array({ maxLength: 300 });
      fc.assert(
        fc.property(some, some, fc.integer({ min: 1, max: 500 }), (key, message, length) => {
          const tag = createHmac('sha512', key).update(message).digest('hex');
          expect(hex(c.hmacSha512(key, message))).toBe(tag);
          const hashed = c.createHmacKey(key);
          // The first message leaves no trace in the second tag.
          hashed.hmac(key);
          expect(hex(hashed.hmac(message))).toBe(tag);
          expect(hex(c.hkdfSha512.expand(c.hkdfSha512.extract(key, message), message, length))).toBe(
            hex(new Uint8Array(hkdfSync('sha512', message, key, message, length))),
          );
          const dst = Uint8Array.of(1, ...key.subarray(0, 254));
          expect(hex(c.expandMessageXmd(message, dst, length))).toBe(hex(noble.expandMessageXmd(message, dst, length)));
        }),
        { numRuns: 300 },
      );
      const long = Uint8Array.from({ length: 70000 }, (_, i) => i);
      expect(hex(c.hmacSha512(long, long))).toBe(createHmac('sha512', long).update(long).digest('hex'));
      const most = long.subarray(0, 65536);
      expect(hex(c.createHmacKey(long).hmac(most))).toBe(createHmac('sha512', long).update(most).digest('hex'));
      expect(hex(c.expandMessageXmd(long, ascii('x'), 16320))).toBe(
        hex(noble.expandMessageXmd(long, ascii('x'), 16320)),
      );
      expect(hex(c.hkdfSha512.expand(long.subarray(0, 200), long.subarray(0, 65535), 16320))).toBe(
        hex(noble.hkdfSha512.expand(long.subarray(0, 200), long.subarray(0, 65535), 16320)),
      );
    });

    test('a hashed key holds a copy, until it is wiped', async () => {
      const c = await load();
      const key = new Uint8Array(64).fill(7);
      const hashed = c.createHmacKey(key);
      const tag = hex(c.hmacSha512(key, ascii('message')));
      key.fill(0);
      const other = c.createHmacKey(key);
      expect(hex(hashed.hmac(ascii('message')))).toBe(tag);
      hashed.wipe();
      hashed.wipe();
      expect(() => hashed.hmac(ascii('message'))).toThrow(TypeError);
      expect(hex(other.hmac(ascii('message')))).toBe(hex(c.hmacSha512(key, ascii('message'))));
    });

    test('scalars against integers', async () => {
      const { scalar } = await load();
      fc.assert(
        fc.property(scalars, scalars, (a, b) => {
          const [x, y] = [toInteger(a), toInteger(b)];
          const reduced = (n: bigint): string => hex(fromInteger(((n % ORDER) + ORDER) % ORDER));
          expect(hex(scalar.add(a, b))).toBe(reduced(x + y));
          expect(hex(scalar.subtract(a, b))).toBe(reduced(x - y));
          expect(hex(scalar.multiply(a, b))).toBe(reduced(x * y));
          expect(hex(scalar.negate(a))).toBe(reduced(-x));
          if (x !== 0n) expect(hex(scalar.multiply(scalar.invert(a), a))).toBe(reduced(1n));
        }),
        { numRuns: 1000 },
      );
      const wide = fc.oneof(
        bytesOf(64),
        fc
          .tuple(fc.integer({ min: 0, max: 511 }), fc.integer({ min: -3, max: 3 }))
          .map(([bit, delta]) => fromInteger((2n ** BigInt(bit) + BigInt(delta) + 2n ** 512n) % 2n ** 512n, 64)),
        fc.bigInt(0n, 2n ** 259n).map((n) => fromInteger((n * ORDER) % 2n ** 512n, 64)),
        fc.constant(new Uint8Array(64).fill(255)),
      );
      fc.assert(
        fc.property(wide, (bytes) => {
          expect(hex(scalar.reduce(bytes))).toBe(hex(fromInteger(toInteger(bytes) % ORDER)));
        }),
        { numRuns: 2000 },
      );
      fc.assert(
        fc.property(fc.oneof(bytesOf(32), scalars), (bytes) => {
          expect(scalar.isCanonical(bytes)).toBe(toInteger(bytes) < ORDER);
        }),
      );
    });

    test('every edge scalar times B and times a point', async () => {
      const { ristretto255: group } = await load();
      const p = unhex(RFC9496_MULTIPLES[5]!);
      for (const n of EDGE_SCALARS) {
        const k = fromInteger(n);
        expect(hex(group.multiplyBase(k))).toBe(hex(noble.ristretto255.multiplyBase(k)));
        expect(hex(group.multiply(k, p))).toBe(hex(noble.ristretto255.multiply(k, p)));
      }
    });

    test('the group against libsodium', async () => {
      await sodium.ready;
      const { ristretto255: group } = await load();
      fc.assert(
        fc.property(nonZeroScalars, nonZeroScalars, bytesOf(64), (k, l, uniform) => {
          const p = sodium.crypto_scalarmult_ristretto255_base(k);
          const q = sodium.crypto_core_ristretto255_from_hash(uniform);
          expect(hex(group.multiplyBase(k))).toBe(hex(p));
          expect(hex(group.fromUniformBytes(uniform))).toBe(hex(q));
          expect(hex(group.multiply(l, q))).toBe(hex(sodium.crypto_scalarmult_ristretto255(l, q)));
          expect(hex(group.add(p, q))).toBe(hex(sodium.crypto_core_ristretto255_add(p, q)));
          expect(hex(group.subtract(p, q))).toBe(hex(sodium.crypto_core_ristretto255_sub(p, q)));
          expect(hex(group.add(p, p))).toBe(hex(sodium.crypto_core_ristretto255_add(p, p)));
        }),
        { numRuns: 1000 },
      );
    });

    test('which encodings are valid, against libsodium', async () => {
      await sodium.ready;
      const { ristretto255: group } = await load();
      const candidates = fc.oneof(
        bytesOf(32).map((b) => (((b[0]! &= 254), (b[31]! &= 127)), b)),
        bytesOf(32),
        // around 0, p and 2^255
        fc
          .tuple(fc.constantFrom(0n, P, 2n ** 255n, 2n ** 256n), fc.integer({ min: -40, max: 40 }))
          .map(([n, delta]) => fromInteger((n + BigInt(delta) + 2n ** 256n) % 2n ** 256n)),
        nonZeroScalars.map((k) => sodium.crypto_scalarmult_ristretto255_base(k)),
      );
      const seen = { valid: 0, invalid: 0 };
      fc.assert(
        fc.property(candidates, (e) => {
          // libsodium does not count the identity
          const expected = e.every((byte) => byte === 0) || sodium.crypto_core_ristretto255_is_valid_point(e);
          seen[expected ? 'valid' : 'invalid']++;
          expect(group.isValid(e)).toBe(expected);
          expect(codeOf(() => group.decode(e))).toBe(expected ? 'no error' : 'crypto-encoding');
        }),
        { numRuns: 2000 },
      );
      expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(100);
    });

    test('uniform bytes at the edges of the field, against noble', async () => {
      const { ristretto255: group } = await load();
      const edges = [0n, 1n, 2n, P - 1n, P, P + 1n, 2n ** 255n - 1n, 2n ** 255n, 2n ** 256n - 1n, 2n ** 254n];
      for (const a of edges) {
        for (const b of edges) {
          const uniform = new Uint8Array([...fromInteger(a), ...fromInteger(b)]);
          expect(hex(group.fromUniformBytes(uniform))).toBe(hex(noble.ristretto255.fromUniformBytes(uniform)));
        }
      }
    });

    test('OPRF and Schnorr against noble', async () => {
      const c = await load();
      const some = fc.uint8Array({ maxLength: 200 });
      fc.assert(
        fc.property(some, some, nonZeroScalars, bytesOf(32), (message, context, k, random) => {
          const { blindedElement } = c.oprf.blind(message, k);
          expect(hex(blindedElement)).toBe(hex(noble.oprf.blind(message, k).blindedElement));
          expect(hex(c.oprf.finalize(message, k, blindedElement))).toBe(
            hex(noble.oprf.finalize(message, k, blindedElement)),
          );
          expect(hex(c.oprf.deriveKeyPair(random, message).privateKey)).toBe(
            hex(noble.oprf.deriveKeyPair(random, message).privateKey),
          );
          expect(hex(c.hashToScalar(message, Uint8Array.of(1, ...context)))).toBe(
            hex(noble.hashToScalar(message, Uint8Array.of(1, ...context))),
          );
          const signature = c.schnorr.sign(message, k, context, random);
          expect(hex(signature)).toBe(hex(noble.schnorr.sign(message, k, context, random)));
          const publicKey = c.schnorr.publicKey(k);
          expect(c.schnorr.verify(signature, message, publicKey, context)).toBe(true);
          signature[random[0]! & 63]! ^= 1;
          expect(c.schnorr.verify(signature, message, publicKey, context)).toBe(
            noble.schnorr.verify(signature, message, publicKey, context),
          );
        }),
        { numRuns: 100 },
      );
    });

    test('OPAQUE operations against noble', async () => {
      const { opaque, oprf, ristretto255 } = await load();
      const some = fc.uint8Array({ maxLength: 300 });
      const identity = fc.option(some, { nil: undefined });
      fc.assert(
        fc.property(bytesOf(64), bytesOf(32), some, identity, identity, (secret, nonce, identifier, server, client) => {
          const { blindedElement } = oprf.blind(identifier);
          const evaluated = hex(noble.opaque.evaluate(secret, identifier, blindedElement));
          expect(hex(opaque.evaluate(secret, identifier, blindedElement))).toBe(evaluated);
          expect(hex(opaque.evaluate(secret, identifier, ristretto255.decode(blindedElement)))).toBe(evaluated);
          const identities = { server, client };
          const sealed = opaque.sealEnvelope(secret, nonce, blindedElement, identities);
          expect(sealed).toEqual(noble.opaque.sealEnvelope(secret, nonce, blindedElement, identities));
          expect(opaque.openEnvelope(secret, nonce, sealed.tag, blindedElement, identities)).toEqual(sealed);
        }),
        { numRuns: 50 },
      );
    });

    test('signatures of long messages come out as in one piece', async () => {
      const c = await load();
      const k = fromInteger(ORDER - 5n);
      const random = new Uint8Array(32).fill(1);
      for (const length of [65536, 65537, 150000]) {
        const message = Uint8Array.from({ length }, (_, i) => i >> 3);
        const signature = c.schnorr.sign(message, k, ascii('c'), random);
        expect(hex(signature)).toBe(hex(noble.schnorr.sign(message, k, ascii('c'), random)));
        expect(c.schnorr.verify(signature, message, c.schnorr.publicKey(k), ascii('c'))).toBe(true);
        const ed = c.ed25519.sign(message, random);
        expect(hex(ed)).toBe(hex(noble.ed25519.sign(message, random)));
        expect(c.ed25519.verify(ed, message, c.ed25519.publicKey(random))).toBe(true);
        message[length - 1]! ^= 1;
        expect(c.schnorr.verify(signature, message, c.schnorr.publicKey(k), ascii('c'))).toBe(false);
        expect(c.ed25519.verify(ed, message, c.ed25519.publicKey(random))).toBe(false);
      }
    });

    test('Ed25519 against node:crypto and libsodium', async () => {
      await sodium.ready;
      const { ed25519 } = await load();
      fc.assert(
        fc.property(bytesOf(32), fc.uint8Array({ maxLength: 300 }), fc.nat(511), (seed, message, bit) => {
          const publicKey = ed25519.publicKey(seed);
          const signature = ed25519.sign(message, seed);
          expect(hex(signature)).toBe(sign(null, message, ed25519Private(seed)).toString('hex'));
          expect(verify(null, message, ed25519Public(publicKey), signature)).toBe(true);
          expect(ed25519.verify(signature, message, publicKey)).toBe(true);
          const changed = signature.slice();
          changed[bit >> 3]! ^= 1 << (bit & 7);
          expect(ed25519.verify(changed, message, publicKey)).toBe(false);
          expect(sodium.crypto_sign_verify_detached(changed, message, publicKey)).toBe(false);
        }),
        { numRuns: 300 },
      );
    });

    test('Ed25519 with points of mixed or small order: decided as noble does', async () => {
      const { ed25519: reference, ED25519_TORSION_SUBGROUP: torsion } = await import('@noble/curves/ed25519.js');
      const { ed25519 } = await load();
      const message = ascii('mixed order');
      const base = reference.Point.BASE;
      const x = 1234567n;
      const seen = { true: 0, false: 0 };
      for (const a of torsion) {
        for (const r of torsion) {
          // A = x·B + torsion, R = k·B + torsion, S = k + c·x: valid with the cofactor, mostly invalid without. k = 0 makes
          // R of small order. `off` makes S wrong.
          for (const [k, off] of [
            [7654321n, 0n],
            [0n, 0n],
            [7654321n, 1n],
          ] as const) {
            const key = base.multiply(x).add(reference.Point.fromHex(a)).toBytes();
            const commitment = base.multiplyUnsafe(k).add(reference.Point.fromHex(r)).toBytes();
            const digest = createHash('sha512').update(commitment).update(key).update(message).digest();
            const s = fromInteger((k + toInteger(digest) * x + off) % ORDER);
            const signature = new Uint8Array([...commitment, ...s]);
            const expected = reference.verify(signature, message, key, { zip215: false });
            expect(ed25519.verify(signature, message, key)).toBe(expected);
            seen[`${expected}`]++;
          }
        }
      }
      expect(seen).toEqual({ true: 128, false: 64 });
    });
  });
}
