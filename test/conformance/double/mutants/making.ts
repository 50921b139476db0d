// Ways to break a server in one place.
import { encodeControl } from '../../../../proto/index.js';
import type { Crypto } from '../../../../src/crypto/index.js';
import type { Store } from '../../../../src/server/index.js';
import type { Mutant, Taps, Wire } from '../double-server.js';
import { read, sending } from '../rewriting.js';

/** Of nobody. */
export const element = (crypto: Crypto): Uint8Array => crypto.ristretto255.fromUniformBytes(crypto.randomBytes(64));
export const EMPTY: Uint8Array = new Uint8Array(0);
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Everything may be the same for all connections. */
export const wired = (name: string, caughtBy: string, wire: (wire: Wire) => Taps): Mutant => ({ name, caughtBy, wire });

/** A core whose verification of signatures is another. */
export function verifying(
  name: string,
  caughtBy: string,
  verify: (crypto: Crypto, ...args: Parameters<Crypto['schnorr']['verify']>) => boolean,
): Mutant {
  return {
    name,
    caughtBy,
    options: ({ crypto }) => ({
      crypto: {
        ...crypto,
        schnorr: {
          ...crypto.schnorr,
          verify: (...args) => crypto.schnorr.verify(...args) || verify(crypto, ...args),
        },
      },
    }),
  };
}
/** A store one of whose questions is answered in another way. */
export function storing(name: string, caughtBy: string, change: (store: Store) => Partial<Store>): Mutant {
  return {
    name,
    caughtBy,
    options: ({ store }) => {
      const changed = change(store);
      return {
        store: new Proxy(store, {
          get: (target, key) => {
            const own = (changed as Record<PropertyKey, unknown>)[key];
            if (own !== undefined) return own;
            const value: unknown = Reflect.get(target, key, target);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        }),
      };
    },
  };
}

/** Swallows the frames and closes of one kind. */
export const swallowing = (code: string): Taps => ({
  ...sending('error', (message) => (message.code === code ? null : {})),
  close: (_code, reason) => (reason === code ? null : undefined),
});

/** Looks a name up before the engine gets the start message that names it. */
export function askingFirst(
  wire: Wire,
  kind: 'loginStart' | 'signupStart',
  take: (isKnown: boolean, deliver: () => void) => void,
): Taps {
  return {
    input(frame) {
      const message = read(frame, 'client');
      if (message?.kind !== kind) return undefined;
      const found = wire.engine.store.getUserOrDecoy((message as { readonly username: string }).username);
      void found.then(({ exists }) => take(exists, () => wire.deliver(frame)));
      return null;
    },
  };
}

export const sendError = (wire: Wire, code: string): void =>
  wire.send(encodeControl({ kind: 'error', code, retryAfterSeconds: 0 }));
