import type { Binding, Transcript } from '../../proto/index.js';
import type { Crypto, DecodedElement, RandomSource } from '../crypto/types.js';
import type { LoginMaterial } from './decoy.js';
import type { ProofFacts } from './exchange.js';
import type { ServerKeys } from './keys.js';
import type { OpenSession } from './open-session.js';
import type { Settings } from './options.js';
import type { PeerFacts } from './start-checks.js';
import type { SessionEndReason } from './store.js';
import type { DeviceClaim } from './throttle/devices.js';
import type { Networks } from './throttle/networks.js';
import type { Charge, Throttle } from './throttle/throttle.js';

/** What all connections of an engine share. */
export interface ConnectionContext {
  readonly crypto: Crypto;
  readonly settings: Settings;
  readonly keys: ServerKeys;
  /** Guarded; throws `crypto-randomness`. */
  readonly random: RandomSource;
  /** A clock that nobody sets, milliseconds. */
  readonly monotonicMs: () => number;
  /** Undefined: attempts are not limited. */
  readonly throttle?: Throttle | undefined;
}

/** The other end, and what its adapter decides for it. */
export interface ConnectionPeer extends PeerFacts {
  /** What session lists show of the address. */
  readonly addressPrefix: string;
  /** Where its attempts are counted; undefined: by account only. */
  readonly networks?: Networks | undefined;
  /** One of those offered, or empty; may throw. */
  selectSubprotocol(offered: readonly string[]): string;
}

/** What a start message says beside its proof. */
export interface Offer {
  readonly binding: Binding;
  readonly subprotocols: readonly string[];
  readonly deviceLabel: string;
}

/** One attempt with a password, from its start message to its result. */
export interface Attempt extends ProofFacts, Offer {}

/** What a sign-up's credential will be stored with. */
export type Credential = Omit<LoginMaterial, 'registrationRecord'>;

/** An exchange after `welcome`: its own transcript, and what its proofs sign. */
export interface Exchange {
  readonly transcript: Transcript;
  readonly facts: ProofFacts;
}

/** The request under way on an open connection. */
export type Request =
  | { readonly name: 'none' | 'refreshing' | 'listing' | 'renewing' | 'replacing' }
  | {
      readonly name: 'stepping-up';
      readonly exchange: Exchange;
      readonly request: DecodedElement;
      readonly charge: Charge | undefined;
    }
  | {
      readonly name: 're-registering';
      readonly exchange: Exchange;
      readonly request: DecodedElement;
      /** What the client has. */
      readonly ksfs: readonly string[];
      readonly charge: Charge | undefined;
    }
  | {
      readonly name: 'awaiting-step-up-finish';
      readonly charge: Charge | undefined;
      readonly exchange: Exchange;
      readonly clientPublicKey: Uint8Array;
      readonly recordVersion: number;
    }
  | {
      readonly name: 'awaiting-re-register-finish';
      readonly charge: Charge | undefined;
      readonly exchange: Exchange;
      readonly clientPublicKey: Uint8Array;
      readonly recordVersion: number;
      /** The record in force has keys or key stretching that new ones do not get. */
      readonly isOutdated: boolean;
      readonly credential: Credential;
    }
  | Ending;

/** An open connection has none under way; the same object for all of them. */
export const NO_REQUEST: Request = Object.freeze({ name: 'none' });

/** A request that ends sessions: when its own is among them, it is answered before the connection closes. */
export interface Ending {
  readonly name: 'ending';
  readonly by: 'revoke' | 'logout' | 'delete';
  /** `revoke` of a single session. */
  readonly isSingle: boolean;
  readonly isOwn: boolean;
  /** Its own session was ended meanwhile, for whatever cause. */
  readonly endedBecause?: SessionEndReason | 'unknown';
}

/** Where a connection stands, and all that it remembers there. */
export type State =
  | { readonly name: 'new' | 'awaiting-start' | 'closed' }
  | {
      readonly name: 'checking-code';
      readonly charge: Charge | undefined;
      readonly attempt: Attempt;
      readonly codeHash: Uint8Array;
      readonly credential: Credential;
      readonly request: DecodedElement;
    }
  | {
      readonly name: 'looking-up';
      readonly attempt: Attempt;
      readonly request: DecodedElement;
      /** What the client shows of its device. */
      readonly claim: DeviceClaim | undefined;
    }
  | {
      readonly name: 'awaiting-login-finish';
      readonly charge: Charge | undefined;
      readonly attempt: Attempt;
      readonly clientPublicKey: Uint8Array;
      readonly userId: Uint8Array;
      readonly recordVersion: number;
      /** A new registration would get other keys or key stretching. */
      readonly isOutdated: boolean;
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
  | { readonly name: 'beginning'; readonly attempt: Attempt; readonly serial: Uint8Array; readonly isOutdated: boolean }
  | {
      readonly name: 'resuming';
      readonly offer: Offer;
      readonly newSerial: Uint8Array;
      /** Of the ticket that was used; wiped when it has proved the server. */
      readonly secret: Uint8Array;
    }
  | { readonly name: 'open'; readonly session: OpenSession; readonly request: Request };
export type StateName = State['name'];
