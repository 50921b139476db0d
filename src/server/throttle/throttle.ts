import { BlindsaltError } from '../../../proto/index.js';
import type { Crypto, RandomSource } from '../../crypto/types.js';
import { forgetHashed } from '../hashed-keys.js';
import { toHex } from '../hex.js';
import type { ServerKeys } from '../keys.js';
import { remembered } from '../memo.js';
import { ALONE, Buckets, type BucketRate } from './buckets.js';
import { Arrivals } from './arrivals.js';
import { KIND, type Kind } from './kinds.js';
import { throttleHash, throttleKey } from './keys.js';
import type { Networks } from './networks.js';
import type { RateName, ThrottleSettings } from './rates.js';

const FAILED_BEFORE: BucketRate = { burst: 1, intervalMs: 7 * 86_400_000, isMark: true };
const DOOR: BucketRate = { burst: 1, intervalMs: 15 * 60_000 };
/** Longest time to wait that is named, so that nobody stays away for hours because of one answer. */
const MAX_RETRY_MS = 600_000;
/** Waiting times are longer by up to this share: those who were refused together do not come back together. */
const JITTER = 0.25;
/** Hashes of addresses and of networks. */
const MAX_KEPT = 5000;

/** An attempt that was let through and is not decided yet. Decided once; what comes later changes nothing. */
export interface Charge {
  /** A valid proof: it never was. */
  refund(): void;
  /** It failed, or was given up: it stays counted. */
  keep(): void;
  /** It was not made, by our own failure. */
  cancel(): void;
}

export interface ThrottleParts {
  readonly settings: ThrottleSettings;
  readonly crypto: Crypto;
  readonly keys: ServerKeys;
  readonly random: RandomSource;
  /** Milliseconds since 1970, on a clock that nobody sets while the process runs. */
  readonly nowMs: () => number;
}

/** Decides who may try: docs/throttling.md. Synchronous, so that attempts on many connections cannot overtake each other. */
export class Throttle {
  readonly buckets: Buckets;
  readonly arrivals: Arrivals;
  readonly settings: ThrottleSettings;
  readonly #crypto: Crypto;
  readonly #random: RandomSource;
  readonly #key: Uint8Array;
  /** Hashing them is most of the work, and clients come back. */
  readonly #networkHashes = {
    address: remembered(MAX_KEPT, (address) => this.#hash('address', address)),
    network: remembered(MAX_KEPT, (network) => this.#hash('network', network)),
  };

  constructor({ settings, crypto, keys, random, nowMs }: ThrottleParts) {
    this.settings = settings;
    this.#crypto = crypto;
    this.#random = random;
    this.#key = throttleKey({ crypto, keys });
    const rates = new Map<string, BucketRate>();
    for (const [name, kind] of Object.entries(KIND)) {
      if (name === 'failedBefore') rates.set(kind, FAILED_BEFORE);
      else if (name === 'door') rates.set(kind, DOOR);
      else {
        const { burst, seconds } = settings[name as RateName];
        rates.set(kind, { burst, intervalMs: 1000 * seconds });
      }
    }
    this.buckets = new Buckets(rates, nowMs, settings.maxEntries);
    const counter = (kind: string): { kind: string; rate: BucketRate } => ({ kind, rate: rates.get(kind)! });
    this.arrivals = new Arrivals(counter(KIND.arrivals), counter(KIND.resumptions), nowMs, settings.maxEntries / 4);
  }

  /**
   * Before a challenge to log in is made.
   * @param username prepared, known or not
   * @param networks undefined: not counted by address
   * @param deviceId of a known device of the account
   * @throws BlindsaltError `try-later`
   */
  login(username: string, networks: Networks | undefined, deviceId: Uint8Array | undefined): Charge {
    const account = this.accountPrefix(username);
    const network = networks && this.#networkHashes.network(networks.network);
    const onProof = network === undefined ? undefined : () => this.#openDoor(account, network);
    if (deviceId !== undefined) {
      const key = this.#keyOf(account, 'device', this.#hash('device', toHex(deviceId)));
      // A device whose own attempts are used up is as good as any other.
      if (this.buckets.waitMs(key) === 0) return this.#hold([key], [], onProof);
    }
    const here = this.#networkKeys(networks, 'address', 'network');
    const everywhere = this.#alone('overall');
    const strangers = this.#keyOf(account, 'account');
    if (network === undefined) return this.#first('account', [[[everywhere, strangers], []]], onProof);
    const failed = this.#keyOf(account, 'failedBefore', network);
    const ways: (readonly [keys: readonly string[], marks: readonly string[]])[] = [];
    if (!this.buckets.isEmpty(this.#keyOf(account, 'door', network))) {
      ways.push([[...here, this.#keyOf(account, 'beside', network)], []]);
    }
    const pair = this.#keyOf(account, 'accountNetwork', network);
    ways.push([[...here, everywhere, pair, strangers], [failed]]);
    if (this.buckets.isEmpty(failed)) {
      ways.push([[...here, everywhere, this.#keyOf(account, 'newcomers')], [failed]]);
    }
    return this.#first('account', ways, onProof);
  }

  /** Behind a valid proof of the password, before anything is written. @param userId 16 bytes @throws BlindsaltError `try-later` */
  arrival(userId: Uint8Array): void {
    const waitMs = this.arrivals.waitOfAccount(userId);
    if (waitMs > 0) this.#refuse('arrivals', waitMs);
  }

  /** The same behind a valid proof of a ticket. @param sessionId 16 bytes @throws BlindsaltError `try-later` */
  resumption(sessionId: Uint8Array): void {
    const waitMs = this.arrivals.waitOfSession(sessionId);
    if (waitMs > 0) this.#refuse('resumptions', waitMs);
  }

  /** Before the password is asked for in a session. @param sessionId 16 bytes */
  session(username: string, sessionId: Uint8Array): Charge {
    const key = this.#keyOf(this.accountPrefix(username), 'session', this.#hash('session', toHex(sessionId)));
    return this.#first('session', [[[key], []]]);
  }

  /** Before a challenge to sign up is made; counted whatever becomes of it. */
  signup(networks: Networks | undefined): void {
    const keys = [...this.#networkKeys(networks, 'signupAddress', 'signupNetwork'), this.#alone('signupOverall')];
    this.#first('signup', [[keys, []]]).keep();
  }

  /** Before a code is looked up. */
  code(networks: Networks | undefined): Charge {
    const keys = [...this.#networkKeys(networks, 'codeAddress', 'codeNetwork'), this.#alone('codeOverall')];
    return this.#first('code', [[keys, []]]);
  }

  /** What keys of this account begin with, 24 hexadecimal digits. */
  accountPrefix(username: string): string {
    return this.#digest('account', username).slice(0, 24);
  }

  #openDoor(account: string, network: string): void {
    // Only where it matters: a login while nobody attacks writes nothing.
    if (this.buckets.isEmpty(this.#keyOf(account, 'account'))) return;
    const door = this.#keyOf(account, 'door', network);
    if (this.buckets.isEmpty(door)) this.buckets.charge(door);
  }

  /** Takes the first way that is free as a whole; nothing is counted before that is known. */
  #first(
    what: string,
    ways: readonly (readonly [keys: readonly string[], marks: readonly string[]])[],
    onProof?: () => void,
  ): Charge {
    let leastMs = Infinity;
    for (const [keys, marks] of ways) {
      let waitMs = 0;
      for (const key of keys) waitMs = Math.max(waitMs, this.buckets.waitMs(key));
      if (waitMs === 0) return this.#hold(keys, marks, onProof);
      leastMs = Math.min(leastMs, waitMs);
    }
    return this.#refuse(what, leastMs);
  }

  #refuse(what: string, waitMs: number): never {
    const [byte] = this.#random(1);
    const retryAfterMs = Math.min(waitMs, MAX_RETRY_MS) * (1 + (JITTER * byte!) / 255);
    throw new BlindsaltError('try-later', undefined, { reason: `throttled-${what}`, retryAfterMs });
  }

  /** @param marks charged if the attempt fails, but not asked */
  #hold(keys: readonly string[], marks: readonly string[], onProof: (() => void) | undefined): Charge {
    const { buckets } = this;
    for (const key of keys) buckets.hold(key);
    let isDecided = false;
    const decide = (isKept: boolean, then?: () => void): void => {
      if (isDecided) return;
      isDecided = true;
      for (const key of keys) buckets.settle(key, isKept);
      if (isKept) for (const key of marks) buckets.charge(key);
      then?.();
    };
    return { refund: () => decide(false, onProof), keep: () => decide(true), cancel: () => decide(false) };
  }

  #networkKeys(networks: Networks | undefined, near: Kind, far: Kind): string[] {
    if (networks === undefined) return [];
    const address = this.#networkHashes.address(networks.address);
    const network = this.#networkHashes.network(networks.network);
    return [this.#keyOf(pad(address), near), this.#keyOf(pad(network), far)];
  }

  #alone(kind: Kind): string {
    return this.#keyOf('0'.repeat(24), kind);
  }

  /** Wipes its key, once nobody asks any more. */
  close(): void {
    forgetHashed(this.#key);
    this.#crypto.wipe(this.#key);
  }

  #keyOf(prefix: string, kind: Kind, other = ALONE): string {
    return prefix + KIND[kind] + other;
  }

  /** 16 hexadecimal digits. */
  #hash(label: string, text: string): string {
    return this.#digest(label, text).slice(0, 16);
  }

  #digest(label: string, text: string): string {
    return throttleHash(this.#crypto, this.#key, label, text);
  }
}

/** A prefix of 24 digits. */
function pad(hash: string): string {
  return hash.padEnd(24, '0');
}
