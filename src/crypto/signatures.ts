import { checkLength, drawRandom } from './checks.js';
import type { Core } from './core.js';
import type { Ed25519, RandomSource, Schnorr } from './types.js';

const isBytes = (value: Uint8Array, length: number): boolean => value instanceof Uint8Array && value.length === length;

export function createSchnorr(core: Core, random: RandomSource): Schnorr {
  const { exports } = core;
  return {
    publicKey(privateKey) {
      checkLength('privateKey', privateKey, 32);
      return core.operation(() => {
        core.put(privateKey);
        core.check(exports.schnorrPublicKey());
        return core.take(32);
      });
    },
    sign(message, privateKey, context, given) {
      checkLength('message', message, 0, Infinity);
      checkLength('privateKey', privateKey, 32);
      checkLength('context', context, 0, 255);
      if (given) checkLength('random', given, 32);
      const fresh = given ?? drawRandom(random, 32);
      return core.operation(() => {
        core.put(privateKey);
        core.put(fresh);
        core.put(context);
        if (message.length <= core.messageSize) {
          core.putMessage(message);
          core.check(exports.schnorrSign(context.length, message.length));
        } else {
          core.check(exports.schnorrSignStart(context.length));
          core.absorb(message);
          core.check(exports.schnorrSignNonce(context.length));
          core.absorb(message);
          exports.schnorrSignFinish();
        }
        return core.take(64);
      });
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
  return {
    publicKey(seed) {
      checkLength('seed', seed, 32);
      return core.operation(() => {
        core.put(seed);
        exports.ed25519PublicKey();
        return core.take(32);
      });
    },
    sign(message, seed) {
      checkLength('message', message, 0, Infinity);
      checkLength('seed', seed, 32);
      return core.operation(() => {
        core.put(seed);
        if (message.length <= core.messageSize) {
          core.putMessage(message);
          exports.ed25519Sign(message.length);
        } else {
          exports.ed25519SignStart();
          core.absorb(message);
          exports.ed25519SignNonce();
          core.absorb(message);
          exports.ed25519SignFinish();
        }
        return core.take(64);
      });
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
