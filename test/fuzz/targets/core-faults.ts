// Cores that are broken on purpose: what the search has to find.
import type { Crypto } from '../../../src/crypto/index.js';
import type { CoreFault, Raw } from './core.js';

/** One export replaced. */
const withExport =
  (name: string, change: (real: Raw['calls'][string], raw: Raw) => Raw['calls'][string]): ((raw: Raw) => Raw) =>
  (raw) => {
    const real = raw.calls[name]!;
    const changed = change(real, raw);
    // Exports are called with as many arguments as they have.
    Object.defineProperty(changed, 'length', { value: real.length });
    return { ...raw, calls: { ...raw.calls, [name]: changed } };
  };

/** What each does wrong. */
export const CORE_FAULTS: Readonly<Record<string, CoreFault>> = {
  'writes behind its output': {
    raw: withExport('expandFinish', (real, raw) => (dstLength, length) => {
      if (length > 16_320) raw.bytes[raw.at.out + 16_384 + 20_000] = 1;
      return real(dstLength, length);
    }),
  },
  'traps on a negative length': {
    raw: withExport('hashUpdate', (real) => (length) => {
      if (length < 0) throw new WebAssembly.RuntimeError('memory access out of bounds');
      return real(length);
    }),
  },
  'answers with an unknown status': {
    raw: withExport('oprfBlindEvaluate', (real) => () => (real() === 2 ? 7 : real())),
  },
  'finds equal what it does not compare': {
    raw: withExport('equal', (real) => (length) => (length < 0 ? 1 : real(length))),
  },
  'forgets to wipe the end of an area': {
    raw: (raw) => ({
      ...raw,
      wipe: (inLength, messageLength, outLength) => raw.wipe(inLength, messageLength, outLength - 256),
    }),
  },
  'writes into its argument': {
    crypto: (crypto): Crypto => ({
      ...crypto,
      scalar: {
        ...crypto.scalar,
        negate(a) {
          const result = crypto.scalar.negate(a);
          a[0]! ^= 1;
          return result;
        },
      },
    }),
  },
  'reads one argument when it has written over the other': {
    crypto: (crypto): Crypto => ({
      ...crypto,
      scalar: {
        ...crypto.scalar,
        add: (a, b) => crypto.scalar.add(a, a.buffer === b.buffer && b.byteOffset !== a.byteOffset ? a : b),
      },
    }),
  },
  'throws what is no error of ours': {
    crypto: (crypto): Crypto => ({
      ...crypto,
      hashToGroup(message, dst) {
        if (dst.length > 255) throw new RangeError('offset is out of bounds');
        return crypto.hashToGroup(message, dst);
      },
    }),
  },
};
