import { toHex } from '../hex.js';
import { Buckets, type BucketRate } from './buckets.js';
import { KIND_AT } from './kinds.js';

interface Counter {
  /** Two hexadecimal digits. */
  readonly kind: string;
  readonly rate: BucketRate;
}

/**
 * How often somebody arrives: an account by its password (logins, renewed proofs), a session by its ticket; all of it
 * successful. Each is written down, so that without a bound whoever has an account could fill the disk. Apart from each
 * other, so that who stole a ticket, and resumes without end, keeps nobody from logging in and ending that session.
 * Counted by each process for itself, and forgotten with it.
 */
export class Arrivals {
  readonly #buckets: Buckets;
  readonly #account: string;
  readonly #session: string;

  constructor(account: Counter, session: Counter, nowMs: () => number, maxEntries: number) {
    const rates = new Map([account, session].map(({ kind, rate }) => [kind, rate]));
    this.#buckets = new Buckets(rates, nowMs, maxEntries);
    this.#account = account.kind;
    this.#session = session.kind;
  }

  /** Accounts and sessions that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Until the account may prove its password once more, milliseconds; 0: it may. @param userId 16 bytes */
  waitOfAccount(userId: Uint8Array): number {
    return this.#buckets.waitMs(keyOf(userId, this.#account));
  }

  /** The same of a session that resumes. @param sessionId 16 bytes */
  waitOfSession(sessionId: Uint8Array): number {
    return this.#buckets.waitMs(keyOf(sessionId, this.#session));
  }

  /** It has proved its password. */
  countAccount(userId: Uint8Array): void {
    this.#buckets.charge(keyOf(userId, this.#account));
  }

  /** It has resumed. */
  countSession(sessionId: Uint8Array): void {
    this.#buckets.charge(keyOf(sessionId, this.#session));
  }
}

/** Ids are random: nobody chooses them, and nothing is to be hidden in memory. */
function keyOf(id: Uint8Array, kind: string): string {
  const digits = toHex(id);
  return `${digits.slice(0, KIND_AT)}${kind}${digits.slice(KIND_AT).padEnd(16, '0')}`;
}
