// Attacks on the throttle over days, on a clock of their own. Each answers what happened; who runs it asserts.
import { attempt, createWorld, DAY, guess, HOUR, ipv4, logIn, MINUTE, type World } from '../throttle/attackers.js';
import type { Charge } from '../../src/server/throttle/throttle.js';

const DEVICE = new Uint8Array(16).fill(9);
/** Networks of honest people: not among those of the attackers. */
const HOME = ipv4(0x3f_0000);
/** Another device in the same network. */
const NEW_AT_HOME = ipv4(0x3f_0000, 8);
const CAFE = ipv4(0x3f_0001);

export interface BotnetResult {
  readonly attempts: number;
  /** Guesses that got a challenge, on each day. */
  readonly guessesByDay: readonly number[];
  readonly ownerLogins: number;
  readonly ownerRefusals: number;
  /** From a new device beside the known one. */
  readonly newDeviceLogins: number;
  readonly newDeviceRefusals: number;
}

/** So many addresses, each in a network of its own, ask for one account all day long; one of them is in the owner's network. */
export async function botnetOnOneAccount(
  addresses: number,
  days: number,
  tickMs: number,
  perTick: number,
): Promise<BotnetResult> {
  const world = await createWorld();
  const guessesByDay: number[] = [];
  const counts = { attempts: 0, ownerLogins: 0, ownerRefusals: 0, newDeviceLogins: 0, newDeviceRefusals: 0 };
  let bot = 0;
  for (let day = 0; day < days; day++) {
    let through = 0;
    for (let ms = 0; ms < DAY; ms += tickMs) {
      world.clock.ms += tickMs;
      for (let i = 0; i < perTick; i++) {
        counts.attempts += 1;
        bot = (bot + 1) % addresses;
        if (guess(world, 'alice', bot === 0 ? HOME : ipv4(bot))) through += 1;
      }
      if (ms % HOUR !== 0) continue;
      if (logIn(world, 'alice', HOME, DEVICE)) counts.ownerLogins += 1;
      else counts.ownerRefusals += 1;
      if (logIn(world, 'alice', NEW_AT_HOME)) counts.newDeviceLogins += 1;
      else counts.newDeviceRefusals += 1;
    }
    guessesByDay.push(through);
  }
  return { ...counts, guessesByDay };
}

export interface LockoutResult {
  readonly attempts: number;
  readonly knownLogins: number;
  readonly knownRefusals: number;
  /** From devices and networks that the account never saw. */
  readonly strangerLogins: number;
  readonly strangerRefusals: number;
}

/** So many addresses try to lock out a thousand users for a day; the users log in now and then. */
export async function lockoutOfMany(
  addresses: number,
  users: number,
  tickMs: number,
  perTick: number,
): Promise<LockoutResult> {
  const world = await createWorld();
  const counts = { attempts: 0, knownLogins: 0, knownRefusals: 0, strangerLogins: 0, strangerRefusals: 0 };
  let next = 0;
  for (let ms = 0; ms < DAY; ms += tickMs) {
    world.clock.ms += tickMs;
    for (let i = 0; i < perTick; i++) {
      counts.attempts += 1;
      next += 1;
      guess(world, `user${next % users}`, ipv4(next % addresses));
    }
    if (ms % HOUR !== 0) continue;
    for (let user = 0; user < users; user += 10) {
      if (logIn(world, `user${user}`, HOME, DEVICE)) counts.knownLogins += 1;
      else counts.knownRefusals += 1;
      if (logIn(world, `user${user}`, CAFE)) counts.strangerLogins += 1;
      else counts.strangerRefusals += 1;
    }
  }
  return counts;
}

/**
 * How long a stranger's right password waits, in a network that never failed at the account, while so many networks try
 * as fast as they may. He comes when they have been at it for `afterMs`, and waits as long as he is told, or asks each minute.
 */
export async function waitOfNewDevice(addresses: number, afterMs: number, longestMs: number): Promise<number> {
  const world: World = await createWorld();
  const startMs = world.clock.ms;
  const siege = (): void => {
    world.clock.ms += MINUTE;
    for (let i = 0; i < addresses; i++) guess(world, 'alice', ipv4(i));
  };
  while (world.clock.ms < startMs + afterMs) siege();
  const cameMs = world.clock.ms;
  while (world.clock.ms < cameMs + longestMs) {
    const charge: Charge | number = attempt(() => world.throttle.login('alice', CAFE, undefined));
    if (typeof charge !== 'number') return world.clock.ms - cameMs;
    siege();
  }
  return Infinity;
}
