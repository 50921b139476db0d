import { checkLength } from './checks.js';
import type { Core } from './core.js';
import { makeDecoded } from './decoded.js';
import type { Ristretto255, ScalarArithmetic } from './types.js';

export function createRistretto255(core: Core): Ristretto255 {
  const { exports } = core;
  const combine = (p: Uint8Array, q: Uint8Array, minus: number): Uint8Array => {
    checkLength('an element', p, 32);
    checkLength('an element', q, 32);
    return core.operation(() => {
      core.put(p);
      core.put(q);
      core.check(exports.ristrettoAdd(minus));
      return core.take(32);
    });
  };
  return {
    isValid(element) {
      if (!(element instanceof Uint8Array) || element.length !== 32) return false;
      return core.operation(() => {
        core.put(element);
        return exports.ristrettoIsValid() === 1;
      });
    },
    decode(element) {
      checkLength('an element', element, 32);
      return core.operation(() => {
        core.put(element);
        core.reserve(64);
        core.check(exports.ristrettoDecode());
        return makeDecoded(core.take(64));
      });
    },
    fromUniformBytes(bytes64) {
      checkLength('bytes64', bytes64, 64);
      return core.operation(() => {
        core.put(bytes64);
        exports.ristrettoFromUniformBytes();
        return core.take(32);
      });
    },
    add: (p, q) => combine(p, q, 0),
    subtract: (p, q) => combine(p, q, 1),
    multiply(k, p) {
      checkLength('a scalar', k, 32);
      checkLength('an element', p, 32);
      return core.operation(() => {
        core.put(k);
        core.put(p);
        core.check(exports.ristrettoMultiply());
        return core.take(32);
      });
    },
    multiplyBase(k) {
      checkLength('a scalar', k, 32);
      return core.operation(() => {
        core.put(k);
        core.check(exports.ristrettoMultiplyBase());
        return core.take(32);
      });
    },
  };
}

export function createScalar(core: Core): ScalarArithmetic {
  const { exports } = core;
  const compute = (call: () => number, ...operands: Uint8Array[]): Uint8Array => {
    for (const operand of operands) checkLength('a scalar', operand, 32);
    return core.operation(() => {
      for (const operand of operands) core.put(operand);
      core.check(call());
      return core.take(32);
    });
  };
  const zero = new Uint8Array(32);
  return {
    reduce(bytes64) {
      checkLength('bytes64', bytes64, 64);
      return core.operation(() => {
        core.put(bytes64);
        exports.scalarReduce();
        return core.take(32);
      });
    },
    add: (a, b) => compute(exports.scalarAdd, a, b),
    subtract: (a, b) => compute(exports.scalarSubtract, a, b),
    multiply: (a, b) => compute(exports.scalarMultiply, a, b),
    negate: (a) => compute(exports.scalarSubtract, zero, a),
    invert: (a) => compute(exports.scalarInvert, a),
    isCanonical(a) {
      if (!(a instanceof Uint8Array) || a.length !== 32) return false;
      return core.operation(() => {
        core.put(a);
        return exports.scalarIsCanonical() === 1;
      });
    },
  };
}
