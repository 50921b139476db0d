import { checkLength, drawRandom } from './checks.js';
import type { Core } from './core.js';
import type { Ed25519, RandomSource, Schnorr } from './types.js';

const isBytes = (value: Uint8Array, length: number): boolean => value instanceof Uint8Array && value.length === length;

export function createSchnorr(core: Core, random: RandomSource): Schnorr {
  const { exports } = core;

  /** `publicKey` belongs to the private key, or is computed where it is not given. */
  const sign = (
    message: Uint8Array,
    privateKey: Uint8Array,
    publicKey: Uint8Array | undefined,
    context: Uint8Array,
    given: Uint8Array | undefined,
  ): Uint8Array => {
    checkLength('message', message, 0, Infinity);
    checkLength('context', context, 0, 255);
    if (given) checkLength('random', given, 32);
    const fresh = given ?? drawRandom(random, 32);
    const keyGiven = publicKey ? 1 : 0;
    return core.operation(() => {
      core.put(privateKey);
      core.put(fresh);
      if (!given) fresh.fill(0);
      if (publicKey) core.put(publicKey);
      else core.skip(32);
      core.put(context);
      if (message.length <= core.messageSize) {
        core.putMessage(message);
        core.check(exports.schnorrSign(keyGiven, context.length, message.length));
      } else {
        core.check(exports.schnorrSignStart(keyGiven, context.length));
        core.absorb(message);
        core.check(exports.schnorrSignNonce(context.length));
        core.absorb(message);
        exports.schnorrSignFinish();
      }
      return core.take(64);
    });
  };

  const publicKeyOf = (privateKey: Uint8Array): Uint8Array => {
    checkLength('privateKey', privateKey, 32);
    return core.operation(() => {
      core.put(privateKey);
      core.check(exports.schnorrPublicKey());
      return core.take(32);
    });
  };

  return {
    publicKey: publicKeyOf,
    sign(message, privateKey, context, given) {
      checkLength('privateKey', privateKey, 32);
      return sign(message, privateKey, undefined, context, given);
    },
    createSigner(privateKey) {
      const publicKey = publicKeyOf(privateKey);
      let key: Uint8Array | undefined = privateKey.slice();
      return {
        publicKey: publicKey.slice(),
        sign(message, context, given) {
          if (!key) throw new TypeError('The signer was wiped.');
          return sign(message, key, publicKey, context, given);
        },
        wipe() {
          key?.fill(0);
          key = undefined;
        },
      };
    },
    verify(signature, message, publicKey, context) {
      if (!isBytes(signature, 64) || !isBytes(publicKey, 32)) return false;
      if (!(message instanceof Uint8Array) || !(context instanceof Uint8Array) || context.length > 255) return false;
      return core.operation(() => {
        core.put(signature);
        core.put(publicKey);
        core.put(context);
        if (message.length <= core.messageSize) {
          core.putMessage(message);
          return exports.schnorrVerify(context.length, message.length) === 1;
        }
        if (exports.schnorrVerifyStart(context.length) !== 1) return false;
        core.absorb(message);
        return exports.schnorrVerifyFinish() === 1;
      });
    },
  };
}

export function createEd25519(core: Core): Ed25519 {
  const { exports } = core;

  /** `publicKey` belongs to the seed, or is computed where it is not given. */
  const sign = (message: Uint8Array, seed: Uint8Array, publicKey: Uint8Array | undefined): Uint8Array => {
    checkLength('message', message, 0, Infinity);
    const keyGiven = publicKey ? 1 : 0;
    return core.operation(() => {
      core.put(seed);
      if (publicKey) core.put(publicKey);
      if (message.length <= core.messageSize) {
        core.putMessage(message);
        core.check(exports.ed25519Sign(keyGiven, message.length));
      } else {
        exports.ed25519SignStart();
        core.absorb(message);
        exports.ed25519SignNonce(keyGiven);
        core.absorb(message);
        exports.ed25519SignFinish();
      }
      return core.take(64);
    });
  };

  const publicKeyOf = (seed: Uint8Array): Uint8Array => {
    checkLength('seed', seed, 32);
    return core.operation(() => {
      core.put(seed);
      exports.ed25519PublicKey();
      return core.take(32);
    });
  };

  return {
    publicKey: publicKeyOf,
    sign(message, seed) {
      checkLength('seed', seed, 32);
      return sign(message, seed, undefined);
    },
    createSigner(seed) {
      const publicKey = publicKeyOf(seed);
      let key: Uint8Array | undefined = seed.slice();
      return {
        publicKey: publicKey.slice(),
        sign(message) {
          if (!key) throw new TypeError('The signer was wiped.');
          return sign(message, key, publicKey);
        },
        wipe() {
          key?.fill(0);
          key = undefined;
        },
      };
    },
    verify(signature, message, publicKey) {
      if (!isBytes(signature, 64) || !isBytes(publicKey, 32) || !(message instanceof Uint8Array)) return false;
      return core.operation(() => {
        core.put(signature);
        core.put(publicKey);
        if (message.length <= core.messageSize) {
          core.putMessage(message);
          return exports.ed25519Verify(message.length) === 1;
        }
        if (exports.ed25519VerifyStart() !== 1) return false;
        core.absorb(message);
        return exports.ed25519VerifyFinish() === 1;
      });
    },
  };
}
