import { toHex } from '../hex.js';
import { Buckets, type BucketRate } from './buckets.js';

/** Sessions whose owner is remembered; the oldest go. */
const MAX_SESSIONS = 10_000;

/**
 * How often one account arrives: logins, resumptions, renewed proofs, all of them successful. Each is written down, so
 * that without a bound whoever has an account could fill the disk. Counted by each process for itself, and forgotten with it.
 */
export class Arrivals {
  readonly #buckets: Buckets;
  readonly #kind: string;
  readonly #half: number;
  /** Of accounts that have used up half of what is let through at once. */
  readonly #owners = new Map<string, string>();

  /** @param kind two hexadecimal digits */
  constructor(rate: BucketRate, kind: string, nowMs: () => number, maxEntries: number) {
    this.#buckets = new Buckets(new Map([[kind, rate]]), nowMs, maxEntries);
    this.#kind = kind;
    this.#half = rate.burst / 2;
  }

  /** Accounts and sessions that are remembered. */
  get size(): number {
    return this.#buckets.size + this.#owners.size;
  }

  /** Until the account may arrive once more, milliseconds; 0: it may. @param userId 16 bytes */
  waitMs(userId: Uint8Array): number {
    return this.#buckets.waitMs(this.#keyOf(userId));
  }

  /** The same of a session whose account is not known yet: 0 unless it came often. @param sessionId 16 bytes */
  waitOfSession(sessionId: Uint8Array): number {
    const key = this.#owners.get(toHex(sessionId));
    return key === undefined ? 0 : this.#buckets.waitMs(key);
  }

  /** It has arrived. */
  count(userId: Uint8Array, sessionId: Uint8Array): void {
    const key = this.#keyOf(userId);
    this.#buckets.charge(key);
    if (this.#buckets.level(key) <= this.#half) return;
    const session = toHex(sessionId);
    this.#owners.delete(session);
    if (this.#owners.size >= MAX_SESSIONS) this.#owners.delete(this.#owners.keys().next().value!);
    this.#owners.set(session, key);
  }

  /** Ids of users are random: nobody chooses them, and nothing is to be hidden in memory. */
  #keyOf(userId: Uint8Array): string {
    const id = toHex(userId);
    return `${id.slice(0, 24)}${this.#kind}${id.slice(24).padEnd(16, '0')}`;
  }
}
