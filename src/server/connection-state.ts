import type { Crypto, RandomSource } from '../crypto/types.js';
import type { LoginMaterial } from './decoy.js';
import type { ProofFacts } from './exchange.js';
import type { ServerKeys } from './keys.js';
import type { Settings } from './options.js';
import type { PeerFacts } from './start-checks.js';

/** What all connections of an engine share. */
export interface ConnectionContext {
  readonly crypto: Crypto;
  readonly settings: Settings;
  readonly keys: ServerKeys;
  /** Guarded; throws `crypto-randomness`. */
  readonly random: RandomSource;
}

/** The other end, and what its adapter decides for it. */
export interface ConnectionPeer extends PeerFacts {
  /** One of those offered, or empty; may throw. */
  selectSubprotocol(offered: readonly string[]): string;
}

/** One attempt, from its start message to its result. */
export interface Attempt extends ProofFacts {
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
}

/** What a sign-up's credential will be stored with. */
export type Credential = Omit<LoginMaterial, 'registrationRecord'>;

/** Where a connection stands, and all that it remembers there. */
export type State =
  | { readonly name: 'new' | 'awaiting-start' | 'open' | 'closed' }
  | {
      readonly name: 'checking-code';
      readonly attempt: Attempt;
      readonly codeHash: Uint8Array;
      readonly credential: Credential;
      readonly request: Uint8Array;
    }
  | { readonly name: 'looking-up'; readonly attempt: Attempt; readonly request: Uint8Array }
  | {
      readonly name: 'awaiting-login-finish';
      readonly attempt: Attempt;
      readonly clientPublicKey: Uint8Array;
      readonly userId: Uint8Array;
      readonly recordVersion: number;
      /** Why even a valid proof does not count. */
      readonly barredBy: string | undefined;
    }
  | {
      readonly name: 'awaiting-signup-finish';
      readonly attempt: Attempt;
      readonly codeHash: Uint8Array | undefined;
      readonly credential: Credential;
    }
  | { readonly name: 'creating'; readonly attempt: Attempt }
  | { readonly name: 'loading'; readonly attempt: Attempt; readonly recordVersion: number };
