// Processes on one store share what they count; restarts forget nothing.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import type { ServerKeys, Store } from '../../src/server/index.js';
import { silentLogger } from '../../src/server/logger.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { createThrottleAdmin } from '../../src/server/throttle/admin.js';
import { THROTTLE } from '../../src/server/throttle/rates.js';
import { ThrottleSync } from '../../src/server/throttle/sync.js';
import { Throttle } from '../../src/server/throttle/throttle.js';
import { driversThatLoad } from '../support/sqlite-drivers.js';
import { makeServerKeys } from '../support/server-keys.js';
import { guess, guesses, ipv4, logIn, MINUTE, type World } from './attackers.js';

interface Process extends World {
  readonly sync: ThrottleSync;
  readonly store: Store;
}

let crypto: Crypto;
let keys: ServerKeys;
let folder: string;
const clock = { ms: 0 };
const started: Process[] = [];

beforeEach(async () => {
  crypto = await loadCrypto();
  keys = makeServerKeys(crypto, 'localhost');
  clock.ms = 1_800_000_000_000;
  folder = await mkdtemp(join(tmpdir(), 'blindsalt-sync-'));
});

afterEach(async () => {
  for (const { sync, store } of started.splice(0)) {
    await sync.stop();
    await store.close();
  }
  await rm(folder, { recursive: true });
});

async function start(): Promise<Process> {
  const store = await openSqliteStore(join(folder, 'users.db'), { driver: driversThatLoad[0]! });
  const nowMs = (): number => clock.ms;
  const random = (length: number): Uint8Array => new Uint8Array(length);
  const throttle = new Throttle({ settings: THROTTLE, crypto, keys, random, nowMs });
  const sync = new ThrottleSync(throttle.buckets, store.throttle!, nowMs, silentLogger);
  await sync.start();
  const process = { clock, crypto, throttle, sync, store };
  started.push(process);
  return process;
}

describe('two processes', () => {
  test('share what was counted', async () => {
    const [one, two] = [await start(), await start()];
    const { burst } = THROTTLE.account;
    expect(guesses(one, 30, 'alice', () => undefined)).toBe(30);
    await one.sync.sync();
    await two.sync.sync();
    expect(guesses(two, 100, 'alice', () => undefined)).toBe(burst - 30);
    await two.sync.sync();
    await one.sync.sync();
    expect(logIn(one, 'alice', undefined)).toBe(false);
  });

  test('let through more while they have not heard of each other, and take it back afterwards', async () => {
    const [one, two] = [await start(), await start()];
    const { burst, seconds } = THROTTLE.account;
    expect(guesses(one, 100, 'alice', () => undefined) + guesses(two, 100, 'alice', () => undefined)).toBe(2 * burst);
    for (const { sync } of [one, two, one]) await sync.sync();
    clock.ms += (burst - 1) * seconds * 1000;
    expect([logIn(one, 'alice', undefined), logIn(two, 'alice', undefined)]).toEqual([false, false]);
    clock.ms += 2 * seconds * 1000;
    expect(logIn(one, 'alice', undefined)).toBe(true);
  });

  test('and one that starts later, or again', async () => {
    const one = await start();
    guesses(one, 100, 'alice', (i) => ipv4(i));
    await one.sync.stop();
    const later = await start();
    expect(logIn(later, 'alice', undefined)).toBe(false);
    expect(logIn(later, 'bob', ipv4(70_000))).toBe(true);
  });

  test('neither attempts under way nor successes are written', async () => {
    const one = await start();
    for (let i = 0; i < 100; i++) logIn(one, `user${i}`, ipv4(i));
    const open = one.throttle.login('alice', ipv4(0), undefined);
    await one.sync.sync();
    expect((await one.store.throttle!.exchange([], 0, 1)).rows).toEqual([]);
    open.keep();
    await one.sync.sync();
    expect((await one.store.throttle!.exchange([], 0, 1)).rows.length).toBeGreaterThan(0);
  });

  test('an administrator forgets it for all of them', async () => {
    const [one, two] = [await start(), await start()];
    guesses(one, 200, 'alice', (i) => ipv4(i));
    for (const { sync } of [one, two]) await sync.sync();
    expect(logIn(two, 'alice', undefined)).toBe(false);
    const admin = createThrottleAdmin(two.store.throttle, { crypto, keys }, () => clock.ms);
    expect((await admin.show('alice')).counters).toBeGreaterThan(50);
    expect((await admin.show('bob')).counters).toBe(0);
    expect(await admin.clear('alice')).toBeGreaterThan(50);
    for (const { sync } of [one, two]) await sync.sync();
    expect([logIn(one, 'alice', undefined), logIn(two, 'alice', undefined)]).toEqual([true, true]);
    expect((await admin.show('alice')).emptyAtMs).toBeUndefined();
  });

  test('which failures that are told at the same moment do not undo, in any of them', async () => {
    const [one, two] = [await start(), await start()];
    const open = [0, 1, 2].map((n) => one.throttle.login('alice', ipv4(50_000 + n), undefined));
    guesses(one, 200, 'alice', (i) => ipv4(i));
    for (const { sync } of [one, two]) await sync.sync();
    guesses(two, 200, 'alice', (i) => ipv4(i));
    for (const { sync } of [two, one]) await sync.sync();
    expect([logIn(one, 'alice', undefined), logIn(two, 'alice', undefined)]).toEqual([false, false]);
    const admin = createThrottleAdmin(two.store.throttle, { crypto, keys }, () => clock.ms);
    await admin.clear('alice');
    for (const charge of open) charge.keep();
    for (const { sync } of [one, two]) await sync.sync();
    // Those are counted, the others are not: in both.
    const { burst } = THROTTLE.account;
    expect(two.throttle.buckets.level(`${two.throttle.accountPrefix('alice')}00${'0'.repeat(16)}`)).toBe(open.length);
    expect(guesses(one, 200, 'alice', () => undefined)).toBe(burst - open.length);
    expect(logIn(two, 'alice', undefined)).toBe(true);
  });

  test('what could not be written is written later', async () => {
    const one = await start();
    const two = await start();
    const { exchange } = one.store.throttle!;
    let isBroken = true;
    one.store.throttle!.exchange = async (...args) => {
      if (isBroken) throw new Error('disk full');
      return exchange.apply(one.store.throttle!, args);
    };
    guesses(one, 40, 'alice', () => undefined);
    await one.sync.sync();
    isBroken = false;
    await one.sync.sync();
    await two.sync.sync();
    expect(guesses(two, 100, 'alice', () => undefined)).toBe(THROTTLE.account.burst - 40);
  });

  test('what a store forgot, because it had too many, is not forgotten by those who run', async () => {
    const [one, two] = [await start(), await start()];
    const { burst } = THROTTLE.account;
    guesses(one, burst - 1, 'alice', () => undefined);
    for (const { sync } of [one, two]) await sync.sync();
    // As if the store had dropped its row: the next change begins a new one.
    const { exchange } = one.store.throttle!;
    one.store.throttle!.exchange = async (changes, since, nowMs) => {
      const { rows, mark } = await exchange.call(one.store.throttle!, changes, since, nowMs);
      return { rows: rows.map((row) => ({ ...row, emptyAtMs: nowMs + 1000 })), mark };
    };
    expect(guesses(one, 100, 'alice', () => undefined)).toBe(1);
    await one.sync.sync();
    expect(logIn(one, 'alice', undefined)).toBe(false);
  });

  test('one whose clock is ahead shuts nobody out for longer than its bucket says', async () => {
    const [one, ahead] = [await start(), await start()];
    const { burst, seconds } = THROTTLE.account;
    clock.ms += 365 * 24 * 60 * MINUTE;
    guesses(ahead, 100, 'alice', () => undefined);
    await ahead.sync.sync();
    clock.ms -= 365 * 24 * 60 * MINUTE;
    await one.sync.sync();
    expect(logIn(one, 'alice', undefined)).toBe(false);
    clock.ms += 2 * burst * seconds * 1000;
    expect(logIn(one, 'alice', undefined)).toBe(true);
  });

  test('the file holds neither names nor addresses', async () => {
    const one = await start();
    guess(one, 'canary-of-a-name', ipv4(12_345));
    await one.sync.sync();
    clock.ms += MINUTE;
    for (const { key } of (await one.store.throttle!.exchange([], 0, 1)).rows) {
      expect(Buffer.from(key).toString('latin1')).not.toMatch(/canary/);
      expect(key.length).toBe(21);
    }
  });
});
