// The interface of src/crypto/ implemented with @noble/curves and @noble/hashes: the reference that ours is compared
// with. It shares the checks of lengths with ours, and no arithmetic.
import { ed25519, ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { expand_message_xmd } from '@noble/curves/abstract/hash-to-curve.js';
import { sha512 as nobleSha512 } from '@noble/hashes/sha2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { BlindsaltError } from '../../proto/errors.js';
import { checkCount, checkLength, drawRandom, platformRandom } from '../../src/crypto/checks.js';
import type { Crypto, DecodedElement, KeyPair, RandomSource, Sha512Hash } from '../../src/crypto/types.js';

const { Point } = ristretto255;
type Element = InstanceType<typeof Point>;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

export function toInteger(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

export function fromInteger(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

const len16 = (bytes: Uint8Array): Uint8Array => concat(Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes);
const modulo = (value: bigint): bigint => ((value % ORDER) + ORDER) % ORDER;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = base, e = exponent; e > 0n; e >>= 1n, b = modulo(b * b)) if (e & 1n) result = modulo(result * b);
  return result;
}

function scalarIn(bytes: Uint8Array, nonZero = false): bigint {
  checkLength('a scalar', bytes, 32);
  const value = toInteger(bytes);
  if (value >= ORDER) throw new BlindsaltError('crypto-encoding');
  if (nonZero && value === 0n) throw new BlindsaltError('crypto-identity');
  return value;
}

function elementIn(bytes: Uint8Array, noIdentity = false): Element {
  checkLength('an element', bytes, 32);
  let element: Element;
  try {
    element = Point.fromBytes(bytes);
  } catch (cause) {
    throw new BlindsaltError('crypto-encoding', undefined, { cause });
  }
  if (noIdentity && element.is0()) throw new BlindsaltError('crypto-identity');
  return element;
}

const times = (k: bigint, p: Element): Element => (k === 0n || p.is0() ? Point.ZERO : p.multiply(k));

const OPRF_CONTEXT = concat(ascii('OPRFV1-'), Uint8Array.of(0), ascii('-ristretto255-SHA512'));
const SCHNORR_DST = ascii('blindsalt.v1-SCHNORR-RISTRETTO255-SHA512');

function wrapHash(state: ReturnType<typeof nobleSha512.create>): Sha512Hash {
  return {
    update(bytes) {
      state.update(bytes);
      return this;
    },
    digest: (last = new Uint8Array(0)) => state.clone().update(last).digest(),
    clone: () => wrapHash(state.clone()),
    wipe: () => state.destroy(),
  };
}

export function nobleCrypto(random: RandomSource = platformRandom): Crypto {
  const sha512 = Object.assign((bytes: Uint8Array) => nobleSha512(bytes), {
    create: () => wrapHash(nobleSha512.create()),
  });
  const expandMessageXmd = (message: Uint8Array, dst: Uint8Array, length: number): Uint8Array => {
    checkLength('dst', dst, 1, 255);
    checkCount('length', length, 1, 16320);
    return expand_message_xmd(message, dst, length, nobleSha512);
  };
  const uniform = (bytes: Uint8Array): Element => ristretto255_hasher.deriveToCurve!(bytes);
  const toGroup = (message: Uint8Array, dst: Uint8Array): Element => uniform(expandMessageXmd(message, dst, 64));
  const toScalar = (message: Uint8Array, dst: Uint8Array): bigint =>
    modulo(toInteger(expandMessageXmd(message, dst, 64)));
  const hkdf = (prk: Uint8Array, length: number, ...info: Uint8Array[]): Uint8Array =>
    expand(nobleSha512, prk, concat(...info), length);
  const deriveKeyPair = (seed: Uint8Array, info: Uint8Array): KeyPair => {
    const dst = concat(ascii('DeriveKeyPair'), OPRF_CONTEXT);
    for (let counter = 0; counter < 256; counter++) {
      const k = toScalar(concat(seed, len16(info), Uint8Array.of(counter)), dst);
      if (k !== 0n) return { privateKey: fromInteger(k), publicKey: times(k, Point.BASE).toBytes() };
    }
    throw new BlindsaltError('crypto-identity');
  };
  const sealEnvelope: Crypto['opaque']['sealEnvelope'] = (randomized, nonce, serverPublicKey, identities = {}) => {
    checkLength('randomizedPassword', randomized, 64);
    checkLength('nonce', nonce, 32);
    checkLength('serverPublicKey', serverPublicKey, 32);
    const { server = serverPublicKey, client } = identities;
    checkLength('server identity', server, 0, 65535);
    const seed = hkdf(randomized, 32, nonce, ascii('PrivateKey'));
    const pair = deriveKeyPair(seed, ascii('OPAQUE-DeriveDiffieHellmanKeyPair'));
    const bound = concat(nonce, serverPublicKey, len16(server), len16(client ?? pair.publicKey));
    return {
      clientPrivateKey: pair.privateKey,
      clientPublicKey: pair.publicKey,
      exportKey: hkdf(randomized, 64, nonce, ascii('ExportKey')),
      maskingKey: hkdf(randomized, 64, ascii('MaskingKey')),
      tag: hmac(nobleSha512, hkdf(randomized, 64, nonce, ascii('AuthKey')), bound),
    };
  };
  const challenge = (r: Uint8Array, a: Uint8Array, message: Uint8Array, context: Uint8Array): bigint =>
    modulo(toInteger(nobleSha512(concat(len16(SCHNORR_DST), len16(context), r, a, message))));

  const encodings = new WeakMap<DecodedElement, Uint8Array>();
  const reference: Crypto = {
    ristretto255: {
      isValid(element) {
        try {
          elementIn(element);
          return true;
        } catch {
          return false;
        }
      },
      decode(element) {
        const decoded = { isIdentity: elementIn(element).is0() };
        encodings.set(decoded, element.slice());
        return decoded;
      },
      fromUniformBytes(bytes64) {
        checkLength('bytes64', bytes64, 64);
        return uniform(bytes64).toBytes();
      },
      add: (p, q) => elementIn(p).add(elementIn(q)).toBytes(),
      subtract: (p, q) => elementIn(p).subtract(elementIn(q)).toBytes(),
      multiply: (k, p) => times(scalarIn(k), elementIn(p)).toBytes(),
      multiplyBase: (k) => times(scalarIn(k), Point.BASE).toBytes(),
    },
    scalar: {
      reduce(bytes64) {
        checkLength('bytes64', bytes64, 64);
        return fromInteger(modulo(toInteger(bytes64)));
      },
      add: (a, b) => fromInteger(modulo(scalarIn(a) + scalarIn(b))),
      subtract: (a, b) => fromInteger(modulo(scalarIn(a) - scalarIn(b))),
      multiply: (a, b) => fromInteger(modulo(scalarIn(a) * scalarIn(b))),
      negate: (a) => fromInteger(modulo(-scalarIn(a))),
      invert: (a) => fromInteger(power(scalarIn(a, true), ORDER - 2n)),
      isCanonical: (a) => a instanceof Uint8Array && a.length === 32 && toInteger(a) < ORDER,
    },
    oprf: {
      blind(input, blind) {
        checkLength('input', input, 0, 65535);
        const k = blind ? scalarIn(blind, true) : modulo(toInteger(drawRandom(random, 64)));
        const element = toGroup(input, concat(ascii('HashToGroup-'), OPRF_CONTEXT));
        if (element.is0()) throw new BlindsaltError('crypto-identity');
        return { blind: fromInteger(k), blindedElement: times(k, element).toBytes() };
      },
      blindEvaluate: (privateKey, blindedElement) =>
        times(scalarIn(privateKey, true), elementIn(blindedElement, true)).toBytes(),
      finalize(input, blind, evaluatedElement) {
        checkLength('input', input, 0, 65535);
        const inverse = power(scalarIn(blind, true), ORDER - 2n);
        const unblinded = times(inverse, elementIn(evaluatedElement, true)).toBytes();
        return nobleSha512(concat(len16(input), len16(unblinded), ascii('Finalize')));
      },
      deriveKeyPair(seed, info) {
        checkLength('seed', seed, 32);
        checkLength('info', info, 0, 65535);
        return deriveKeyPair(seed, info);
      },
    },
    schnorr: {
      publicKey: (privateKey) => times(scalarIn(privateKey, true), Point.BASE).toBytes(),
      sign(message, privateKey, context, randomness) {
        checkLength('context', context, 0, 255);
        const x = scalarIn(privateKey, true);
        const fresh = randomness ?? drawRandom(random, 32);
        checkLength('random', fresh, 32);
        const a = times(x, Point.BASE).toBytes();
        const dst = len16(concat(SCHNORR_DST, ascii('-nonce')));
        const k = modulo(toInteger(nobleSha512(concat(dst, len16(context), privateKey, fresh, a, message))));
        if (k === 0n) throw new BlindsaltError('crypto-identity');
        const r = times(k, Point.BASE).toBytes();
        return concat(r, fromInteger(modulo(k + challenge(r, a, message, context) * x)));
      },
      createSigner(privateKey) {
        const publicKey = reference.schnorr.publicKey(privateKey);
        let key: Uint8Array | undefined = privateKey.slice();
        return {
          publicKey,
          sign(message, context, randomness) {
            if (!key) throw new TypeError('wiped');
            return reference.schnorr.sign(message, key, context, randomness);
          },
          wipe: () => (key = undefined),
        };
      },
      verify(signature, message, publicKey, context) {
        try {
          checkLength('signature', signature, 64);
          checkLength('context', context, 0, 255);
          const r = elementIn(signature.subarray(0, 32), true);
          const s = scalarIn(signature.subarray(32));
          const a = elementIn(publicKey, true);
          const c = challenge(r.toBytes(), publicKey, message, context);
          return times(s, Point.BASE).equals(r.add(times(c, a)));
        } catch {
          return false;
        }
      },
    },
    ed25519: {
      publicKey(seed) {
        checkLength('seed', seed, 32);
        return ed25519.getPublicKey(seed);
      },
      sign(message, seed) {
        checkLength('seed', seed, 32);
        return ed25519.sign(message, seed);
      },
      createSigner(seed) {
        const publicKey = reference.ed25519.publicKey(seed);
        let key: Uint8Array | undefined = seed.slice();
        return {
          publicKey,
          sign(message) {
            if (!key) throw new TypeError('wiped');
            return reference.ed25519.sign(message, key);
          },
          wipe: () => (key = undefined),
        };
      },
      verify(signature, message, publicKey) {
        try {
          return ed25519.verify(signature, message, publicKey, { zip215: false });
        } catch {
          return false;
        }
      },
    },
    opaque: {
      evaluate(oprfSeed, credentialIdentifier, blindedElement) {
        checkLength('oprfSeed', oprfSeed, 64);
        checkLength('credentialIdentifier', credentialIdentifier, 0, 65000);
        const seed = hkdf(oprfSeed, 32, credentialIdentifier, ascii('OprfKey'));
        const { privateKey } = deriveKeyPair(seed, ascii('OPAQUE-DeriveKeyPair'));
        const element = blindedElement instanceof Uint8Array ? blindedElement : encodings.get(blindedElement)!;
        return reference.oprf.blindEvaluate(privateKey, element);
      },
      sealEnvelope,
      openEnvelope(randomized, nonce, tag, serverPublicKey, identities) {
        checkLength('tag', tag, 64);
        const envelope = sealEnvelope(randomized, nonce, serverPublicKey, identities);
        if (!reference.equal(tag, envelope.tag)) throw new BlindsaltError('envelope-invalid');
        return envelope;
      },
    },
    sha512,
    hmacSha512: (key, message) => hmac(nobleSha512, key, message),
    createHmacKey(key) {
      let own: Uint8Array | undefined = key.slice();
      return {
        hmac(message) {
          if (!own) throw new TypeError('The key was wiped.');
          checkLength('message', message, 0, 65536);
          return hmac(nobleSha512, own, message);
        },
        wipe() {
          own?.fill(0);
          own = undefined;
        },
      };
    },
    hkdfSha512: {
      extract: (salt, ikm) => extract(nobleSha512, ikm, salt),
      expand(prk, info, length) {
        checkLength('prk', prk, 64, 65535);
        checkLength('info', info, 0, 65535);
        checkCount('length', length, 1, 16320);
        return expand(nobleSha512, prk, info, length);
      },
    },
    expandMessageXmd,
    hashToGroup: (message, dst) => toGroup(message, dst).toBytes(),
    hashToScalar: (message, dst) => fromInteger(toScalar(message, dst)),
    equal: (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]),
    randomBytes: (length) => drawRandom(random, length),
    wipe: (...secrets) => secrets.forEach((secret) => secret.fill(0)),
  };
  return reference;
}
