// docs/throttling.md: what is let through, and what tricks do not help.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { Buckets } from '../../src/server/throttle/buckets.js';
import { networksOf } from '../../src/server/throttle/networks.js';
import { readThrottle, THROTTLE } from '../../src/server/throttle/rates.js';
import { attempt, createWorld, DAY, guess, guesses, HOUR, ipv4, logIn, MINUTE, type World } from './attackers.js';

const DEVICE = new Uint8Array(16).fill(1);
const { account, newcomers, device, accountNetwork, address, network } = THROTTLE;
let world: World;

beforeEach(async () => {
  world = await createWorld();
});

describe('one account', () => {
  test('takes so many failures from everywhere, then one now and then', () => {
    const first = guesses(world, 1000, 'alice', (i) => ipv4(i));
    expect(first).toBe(account.burst + newcomers.burst);
    world.clock.ms += HOUR;
    const more = guesses(world, 1000, 'alice', (i) => ipv4(1000 + i));
    expect(more).toBe(3600 / account.seconds + 3600 / newcomers.seconds);
  });

  test('of which one network gets its share only', () => {
    expect(guesses(world, 1000, 'alice', () => undefined)).toBe(account.burst);
    expect(guesses(world, 1000, 'bob', () => ipv4(0))).toBe(accountNetwork.burst);
    expect(logIn(world, 'bob', ipv4(1))).toBe(true);
  });

  test('known or not, it is the same', () => {
    // The throttle never hears whether a name is known.
    const waits = ['alice', 'nobody'].map((name) => {
      guesses(world, 200, name, (i) => ipv4(i));
      return attempt(() => world.throttle.login(name, ipv4(500), undefined));
    });
    expect(waits[0]).toBe(waits[1]);
    expect(waits[0]).toBeGreaterThan(0);
  });

  test('a known device is not locked out, and another account does not notice', () => {
    guesses(world, 1000, 'alice', (i) => ipv4(i));
    expect(logIn(world, 'alice', ipv4(0))).toBe(false);
    expect(logIn(world, 'alice', ipv4(0), DEVICE)).toBe(true);
    expect(logIn(world, 'bob', ipv4(5000))).toBe(true);
  });

  test('a known device has its own limit, and is like any other beyond it', () => {
    for (let i = 0; i < device.burst; i++) expect(guess(world, 'alice', ipv4(0), DEVICE)).toBe(true);
    expect(logIn(world, 'alice', ipv4(0))).toBe(true);
    guesses(world, 1000, 'alice', (i) => ipv4(9 + i));
    expect(logIn(world, 'alice', ipv4(0), DEVICE)).toBe(false);
    world.clock.ms += device.seconds * 1000;
    expect(logIn(world, 'alice', ipv4(0), DEVICE)).toBe(true);
  });

  test('where its owner has just logged in, a new device may try too', () => {
    guesses(world, 1000, 'alice', (i) => ipv4(9 + i));
    // The attacker has been in that network as well.
    guesses(world, 100, 'alice', () => ipv4(0));
    expect(logIn(world, 'alice', ipv4(0, 8))).toBe(false);
    expect(logIn(world, 'alice', ipv4(0), DEVICE)).toBe(true);
    expect(logIn(world, 'alice', ipv4(0, 8))).toBe(true);
    expect(logIn(world, 'bob', ipv4(0, 8))).toBe(true);
    world.clock.ms += 16 * MINUTE;
    // What has leaked out of the lanes meanwhile is taken first.
    guesses(world, 100, 'alice', (i) => ipv4(2000 + i));
    expect(logIn(world, 'alice', ipv4(0, 8))).toBe(false);
  });

  test('a wrong guess from a known device opens nothing', () => {
    guesses(world, 1000, 'alice', (i) => ipv4(9 + i));
    guesses(world, 100, 'alice', () => ipv4(0));
    expect(guess(world, 'alice', ipv4(0), DEVICE)).toBe(true);
    expect(logIn(world, 'alice', ipv4(0, 8))).toBe(false);
  });
});

describe('success', () => {
  test('costs nothing, however often', () => {
    for (let i = 0; i < 10_000; i++) expect(logIn(world, `user${i % 7}`, ipv4(0))).toBe(true);
    expect(world.throttle.buckets.size).toBe(0);
  });

  test('is decided once', () => {
    const charge = world.throttle.login('alice', ipv4(0), undefined);
    charge.keep();
    charge.refund();
    charge.cancel();
    const other = world.throttle.login('alice', ipv4(0), undefined);
    other.refund();
    other.keep();
    expect(guesses(world, 100, 'alice', () => undefined)).toBe(account.burst - 1);
  });

  test('of his own account gives an attacker nothing for others', async () => {
    const guessed = async (isMixed: boolean): Promise<number> => {
      const fresh = await createWorld();
      let through = 0;
      for (let i = 0; i < 3600; i++) {
        // His own login begins before the guess and succeeds after it, to take back what leaks meanwhile.
        const own = isMixed ? attempt(() => fresh.throttle.login('mallory', ipv4(0), undefined)) : undefined;
        fresh.clock.ms += 500;
        if (guess(fresh, `user${i}`, ipv4(0))) through += 1;
        fresh.clock.ms += 500;
        if (typeof own === 'object') own.refund();
      }
      return through;
    };
    const [without, mixed] = [await guessed(false), await guessed(true)];
    expect(without).toBeLessThanOrEqual(address.burst + 3600 / address.seconds + 1);
    expect(mixed).toBeLessThanOrEqual(without);
  });
});

describe('parallel attempts', () => {
  test('are counted before any of them is decided', () => {
    const open = Array.from({ length: 500 }, (_, i) =>
      attempt(() => world.throttle.login('alice', ipv4(i), undefined)),
    ).filter((charge) => typeof charge === 'object');
    expect(open.length).toBe(account.burst + newcomers.burst);
    for (const charge of open) charge.keep();
    expect(logIn(world, 'alice', undefined)).toBe(false);
  });
});

describe('addresses', () => {
  test.each([
    ['192.0.2.1', '4:192.0.2.1', '4:192.0.2'],
    ['::ffff:192.0.2.1', '4:192.0.2.1', '4:192.0.2'],
    ['64:ff9b::192.0.2.1', '4:192.0.2.1', '4:192.0.2'],
  ])('%s', (text, own, around) => {
    expect(networksOf(text)).toEqual({ address: own, network: around });
  });

  test('of one /64 are one, of one /48 a network', () => {
    const [one, two, three, four] = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:db8:1:3::1', '2001:db8:2::'].map(
      (text) => networksOf(text)!,
    );
    expect(two).toEqual(one);
    expect([three!.network, three!.address === one!.address]).toEqual([one!.network, false]);
    expect(four!.network).not.toBe(one!.network);
  });

  test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', 'unknown', '', '127.1', undefined])('%s is none', (text) => {
    expect(networksOf(text)).toBeUndefined();
  });

  test('one of them guesses at many accounts no faster', () => {
    expect(guesses(world, 1000, 'x', () => undefined)).toBe(account.burst);
    let through = 0;
    for (let i = 0; i < 1000; i++) if (guess(world, `user${i}`, ipv4(0))) through += 1;
    expect(through).toBe(address.burst);
  });

  test('going through a /48 helps as far as the network goes', () => {
    let through = 0;
    for (let i = 0; i < 5000; i++) {
      if (guess(world, `user${i}`, networksOf(`2001:db8:1:${i.toString(16)}::1`))) through += 1;
    }
    expect(through).toBe(network.burst);
  });
});

describe('memory', () => {
  test('is bounded, and nobody erases a record by making others', async () => {
    const small = await createWorld({
      maxEntries: 1000,
      account: { burst: 5, seconds: 600 },
      overall: { burst: 1_000_000, seconds: 0.001 },
    });
    guesses(small, 1000, 'alice', () => undefined);
    expect(logIn(small, 'alice', undefined)).toBe(false);
    for (let i = 0; i < 4_000; i++) guess(small, `other${i}`, undefined);
    expect(small.throttle.buckets.size).toBeLessThanOrEqual(1000);
    expect(logIn(small, 'alice', undefined)).toBe(false);
    // Nor by filling others to the brim: what is thrown out leaves its level behind.
    for (let i = 0; i < 1200; i++) guesses(small, 5, `full${i}`, () => undefined);
    expect(guesses(small, 100, 'alice', () => undefined)).toBe(0);
    for (let i = 1200; i < 2400; i++) guesses(small, 5, `full${i}`, () => undefined);
    expect(small.throttle.buckets.size).toBeLessThanOrEqual(1000);
    expect(guesses(small, 100, 'alice', () => undefined)).toBe(0);
  });
});

describe('marks of networks that failed', () => {
  test('go before counters when there are too many, and leave nothing: who never failed is not marked', () => {
    const rates = new Map([
      ['00', { burst: 50, intervalMs: 10 * MINUTE }],
      ['06', { burst: 1, intervalMs: 7 * DAY, isMark: true }],
    ]);
    const buckets = new Buckets(rates, () => 1_800_000_000_000, 1000);
    // Spread over all places that evicted counters share.
    const keyOf = (n: number, kind: string): string => {
      const digits = createHash('sha256').update(String(n)).digest('hex');
      return `${digits.slice(0, 24)}${kind}${digits.slice(24, 40)}`;
    };
    for (let n = 0; n < 100; n++) for (let i = 0; i < 3; i++) buckets.charge(keyOf(n, '00'));
    for (let n = 0; n < 60_000; n++) buckets.charge(keyOf(n, '06'));
    expect(buckets.size).toBeLessThanOrEqual(1000);
    for (let n = 0; n < 100; n++) expect(buckets.level(keyOf(n, '00'))).toBe(3);
    expect(buckets.isEmpty(keyOf(59_999, '06'))).toBe(false);
    for (let n = 100_000; n < 101_000; n++) expect(buckets.isEmpty(keyOf(n, '06'))).toBe(true);
  });
});

describe('clocks', () => {
  test('set back or forward lock nobody out for longer than a full counter does', () => {
    guesses(world, 1000, 'alice', (i) => ipv4(i));
    world.clock.ms -= 365 * DAY;
    const full = 2 * account.burst * account.seconds * 1000;
    world.clock.ms += full;
    // From the moment at which it was looked at first.
    expect(attempt(() => world.throttle.login('alice', undefined, undefined))).toBeDefined();
    const wait = attempt(() => world.throttle.login('alice', undefined, undefined));
    expect(typeof wait === 'number' ? wait : 0).toBeLessThanOrEqual(750_000);
    world.clock.ms += 366 * DAY;
    expect(logIn(world, 'alice', undefined)).toBe(true);
  });
});

describe('whatever is tried', () => {
  test('counts never exceed burst and rate, and waiting as long as told suffices', () => {
    const step = fc.record({
      waitMs: fc.integer({ min: 0, max: 20 * MINUTE }),
      from: fc.integer({ min: 0, max: 40 }),
      isRight: fc.boolean(),
    });
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
        const fresh = await createWorld();
        const startMs = fresh.clock.ms;
        let failures = 0;
        for (const { waitMs, from, isRight } of steps) {
          fresh.clock.ms += waitMs;
          if (isRight) logIn(fresh, 'alice', ipv4(from));
          else if (guess(fresh, 'alice', ipv4(from))) failures += 1;
          const passed = (fresh.clock.ms - startMs) / 1000;
          const lanes = [account, newcomers];
          const bound = lanes.reduce((sum, lane) => sum + lane.burst + passed / lane.seconds, 0);
          // Beside a login of the owner, its network has more.
          expect(failures).toBeLessThanOrEqual(bound + 41 * (10 + passed / 600));
        }
        const wait = attempt(() => fresh.throttle.login('alice', undefined, undefined));
        if (typeof wait === 'number') fresh.clock.ms += wait;
        else wait.cancel();
        expect(logIn(fresh, 'alice', undefined)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe('options', () => {
  test('false is none, nothing is the default', () => {
    expect(readThrottle(false)).toBeUndefined();
    expect(readThrottle(undefined)).toBe(THROTTLE);
    expect(readThrottle({ account: { burst: 5, seconds: 60 } })).toMatchObject({ account: { burst: 5 }, newcomers });
  });

  test.each([
    ['an unknown name', { accounts: { burst: 1, seconds: 1 } }],
    ['no burst', { account: { burst: 0, seconds: 1 } }],
    ['over 100 failures before it is slow', { account: { burst: 100, seconds: 1 } }],
    ['no time', { account: { burst: 1, seconds: 0 } }],
    ['a rate that is none', { account: 5 }],
    ['too few entries', { maxEntries: 10 }],
    ['a number', 5],
  ])('%s is refused', (_name, options) => {
    expect(() => readThrottle(options as never)).toThrow(expect.objectContaining({ code: 'option-invalid' }));
  });
});
