import { checkLength, drawRandom } from './checks.js';
import type { Core } from './core.js';
import type { Oprf, RandomSource } from './types.js';

export function createOprf(core: Core, random: RandomSource): Oprf {
  const { exports } = core;
  return {
    blind(input, blind) {
      checkLength('input', input, 0, 65535);
      if (blind) {
        checkLength('blind', blind, 32);
        return core.operation(() => {
          core.put(blind);
          core.putMessage(input);
          core.check(exports.oprfBlind(input.length));
          return { blind: blind.slice(), blindedElement: core.take(32) };
        });
      }
      const uniform = drawRandom(random, 64);
      try {
        return core.operation(() => {
          core.put(uniform);
          core.putMessage(input);
          core.check(exports.oprfBlindRandom(input.length));
          return { blind: core.take(32, 32), blindedElement: core.take(32) };
        });
      } finally {
        uniform.fill(0);
      }
    },
    blindEvaluate(privateKey, blindedElement) {
      checkLength('privateKey', privateKey, 32);
      checkLength('blindedElement', blindedElement, 32);
      return core.operation(() => {
        core.put(privateKey);
        core.put(blindedElement);
        core.check(exports.oprfBlindEvaluate());
        return core.take(32);
      });
    },
    finalize(input, blind, evaluatedElement) {
      checkLength('input', input, 0, 65535);
      checkLength('blind', blind, 32);
      checkLength('evaluatedElement', evaluatedElement, 32);
      return core.operation(() => {
        core.put(blind);
        core.put(evaluatedElement);
        core.putMessage(input);
        core.check(exports.oprfFinalize(input.length));
        return core.take(64);
      });
    },
    deriveKeyPair(seed, info) {
      checkLength('seed', seed, 32);
      checkLength('info', info, 0, 65535);
      return core.operation(() => {
        core.put(seed);
        core.putMessage(info);
        core.check(exports.oprfDeriveKeyPair(info.length));
        return { privateKey: core.take(32), publicKey: core.take(32, 32) };
      });
    },
  };
}
