// docs/throttling.md: what a botnet gets, and what it cannot take from others.
import { describe, expect, test } from '@jest/globals';
import { THROTTLE } from '../../src/server/throttle/rates.js';
import { DAY, HOUR, MINUTE, SECOND } from '../throttle/attackers.js';
import { tally } from './tally.js';
import { botnetOnOneAccount, lockoutOfMany, waitOfNewDevice } from './botnet.js';

const { account, newcomers, beside } = THROTTLE;
const DAY_SECONDS = 86_400;
const rest = DAY_SECONDS / account.seconds + DAY_SECONDS / newcomers.seconds;
/** In the network of the owner, who opens it with each login. */
const inside = DAY_SECONDS / beside.seconds + beside.burst;

/** @param isLong days and many attempts, or seconds' worth of them */
export function botnetSuite(isLong: boolean): void {
  describe('10,000 addresses on one account', () => {
    test('get a bounded number of guesses, and the owner logs in at once', async () => {
      const [days, tickMs, perTick] = isLong ? [3, MINUTE, 40] : [1, 3 * MINUTE, 20];
      const result = await botnetOnOneAccount(10_000, days, tickMs, perTick);
      const guesses = result.guessesByDay.join(', ');
      tally('botnet of 10000', `${result.attempts} attempts in ${days} days, guesses by day: ${guesses}`);
      result.guessesByDay.forEach((through, day) => {
        const atOnce = day === 0 ? account.burst + newcomers.burst : 0;
        // One more for what had leaked when the day began.
        expect(through).toBeLessThanOrEqual(atOnce + rest + inside + 2);
      });
      expect(result.guessesByDay[0]).toBeGreaterThan(account.burst);
      expect([result.ownerLogins, result.ownerRefusals]).toEqual([24 * days, 0]);
      expect([result.newDeviceLogins, result.newDeviceRefusals]).toEqual([24 * days, 0]);
    }, 600_000);
  });

  describe('locking out a thousand users', () => {
    const [tickMs, perTick] = isLong ? [30 * SECOND, 100] : [10 * MINUTE, 100];

    test('does not work with one address, not even for unknown devices', async () => {
      const result = await lockoutOfMany(1, 1000, tickMs, perTick);
      tally('lock-out by one address', JSON.stringify(result));
      expect([result.knownRefusals, result.strangerRefusals]).toEqual([0, 0]);
      expect(result.knownLogins).toBe(2400);
    }, 600_000);

    test('does not work with 100 addresses for known devices', async () => {
      const result = await lockoutOfMany(100, 1000, tickMs, perTick);
      tally('lock-out by 100 addresses', JSON.stringify(result));
      expect([result.knownLogins, result.knownRefusals]).toEqual([2400, 0]);
    }, 600_000);
  });

  describe('a new device, in a network that the account never saw', () => {
    test('waits for 20 minutes at most once the attackers have failed there, each at least once', async () => {
      const networks = isLong ? 100 : 20;
      // Each newcomer's place goes to one of them, until all have failed.
      const spentMs = Math.max(0, networks - newcomers.burst) * newcomers.seconds * SECOND;
      const wait = await waitOfNewDevice(networks, spentMs + 2 * HOUR, DAY);
      tally(`siege by ${networks} networks`, `a new device waits for ${wait / MINUTE} minutes`);
      expect(wait).toBeLessThanOrEqual(newcomers.seconds * SECOND);
    }, 600_000);
  });
}
