// A server's throttle on a clock of our own, and people who try passwords.
import { BlindsaltError } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { networksOf, type Networks } from '../../src/server/throttle/networks.js';
import { readThrottle, type ThrottleOptions } from '../../src/server/throttle/rates.js';
import { Throttle, type Charge } from '../../src/server/throttle/throttle.js';
import { makeServerKeys } from '../support/server-keys.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface Clock {
  ms: number;
}

export interface World {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly throttle: Throttle;
}

export async function createWorld(options: ThrottleOptions = {}): Promise<World> {
  const crypto = await loadCrypto();
  const clock = { ms: 1_800_000_000_000 };
  const throttle = new Throttle({
    settings: readThrottle(options)!,
    crypto,
    keys: makeServerKeys(crypto, 'localhost'),
    random: (length) => new Uint8Array(length),
    nowMs: () => clock.ms,
  });
  return { clock, crypto, throttle };
}

/** @param n of the network, 0 to 4194303 */
export const ipv4 = (n: number, host = 7): Networks =>
  networksOf(`${11 + ((n >>> 16) & 0x3f)}.${(n >>> 8) & 255}.${n & 255}.${host}`)!;

/** An attempt that is let through, or the time that the server names. */
export function attempt(charge: () => Charge): Charge | number {
  try {
    return charge();
  } catch (error) {
    if (error instanceof BlindsaltError && error.code === 'try-later') return error.retryAfterMs!;
    throw error;
  }
}

/** A wrong guess; answers whether it was let through. */
export function guess({ throttle }: World, username: string, from: Networks | undefined, device?: Uint8Array): boolean {
  const charge = attempt(() => throttle.login(username, from, device));
  if (typeof charge === 'number') return false;
  charge.keep();
  return true;
}

/** The right password; answers whether it was let through. */
export function logIn({ throttle }: World, username: string, from: Networks | undefined, device?: Uint8Array): boolean {
  const charge = attempt(() => throttle.login(username, from, device));
  if (typeof charge === 'number') return false;
  charge.refund();
  return true;
}

export function guesses(
  world: World,
  count: number,
  username: string,
  from: (i: number) => Networks | undefined,
): number {
  let through = 0;
  for (let i = 0; i < count; i++) if (guess(world, username, from(i))) through += 1;
  return through;
}
