// PROTOCOL.md 8: attempts on connections are counted, and known devices are let through.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CLOSE, encodeControl, type LoginChallenge, type Welcome } from '../../proto/index.js';
import { networksOf } from '../../src/server/throttle/networks.js';
import { readThrottle, THROTTLE } from '../../src/server/throttle/rates.js';
import { Throttle } from '../../src/server/throttle/throttle.js';
import { BenchConnection, createBench, type Bench } from '../support/connection-bench.js';
import { replaceRecord } from '../support/store-fixtures.js';

const BURST = 3;
let bench: Bench;
let throttle: Throttle;
let connect: () => BenchConnection;

beforeEach(async () => {
  bench = await createBench();
  const { crypto, keys, context, store } = bench;
  const settings = readThrottle({
    account: { burst: BURST, seconds: 600 },
    session: { burst: BURST, seconds: 600 },
    device: { burst: BURST, seconds: 600 },
  })!;
  const nowMs = (): number => performance.now();
  throttle = new Throttle({ settings, crypto, keys, random: context.random, nowMs });
  connect = () => new BenchConnection({ ...context, throttle }, store, crypto);
});

/** A wrong password, or no finish at all. */
async function fail(username: string, how: 'proof' | 'gone' | 'new start'): Promise<string> {
  const connection = connect();
  const answer = await connection.exchange(connection.client.loginStart(username, 'wrong horse'));
  if (answer.kind !== 'loginChallenge') return answer.kind;
  if (how === 'proof') await connection.exchange(connection.client.loginFinish(answer));
  if (how === 'new start') connection.frame(connection.client.loginStart('someone-else', 'x'));
  connection.step({ type: 'gone' });
  return answer.kind;
}

async function refused(connection: BenchConnection, username: string): Promise<unknown> {
  const answer = await connection.exchange(connection.client.loginStart(username, 'correct horse'));
  expect(answer).toMatchObject({ kind: 'error', code: 'try-later' });
  expect(connection.close).toEqual({ code: CLOSE.tryLater, reason: 'try-later' });
  expect(connection.reasons).toContain('throttled-account');
  return answer;
}

describe.each(['alice', 'nobody'])('logins as %s', (username) => {
  beforeEach(async () => {
    if (username === 'alice') await connect().signup('alice');
  });

  test.each(['proof', 'gone', 'new start'] as const)('failures count: %s', async (how) => {
    for (let i = 0; i < BURST; i++) expect(await fail(username, how)).toBe('loginChallenge');
    const { retryAfterSeconds } = (await refused(connect(), username)) as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThan(500);
    expect(retryAfterSeconds).toBeLessThanOrEqual(750);
  });

  test('challenges on connections at the same time are counted at once', async () => {
    const answers = [];
    for (let i = 0; i < 2 * BURST; i++) {
      const connection = connect();
      answers.push((await connection.exchange(connection.client.loginStart(username, 'x'))).kind);
    }
    expect(answers.filter((kind) => kind === 'loginChallenge').length).toBe(BURST);
  });
});

describe('a known device', () => {
  let welcome: Welcome;
  beforeEach(async () => {
    welcome = (await connect().signup('alice')) as Welcome;
    for (let i = 0; i < BURST; i++) await fail('alice', 'proof');
  });

  async function logInWith(device: Pick<Welcome, 'deviceId' | 'deviceSecret'>): Promise<string> {
    const connection = connect();
    const start = connection.client.loginStartFrom(device, 'alice', 'correct horse');
    const answer = await connection.exchange(start);
    if (answer.kind !== 'loginChallenge') return answer.kind;
    return (await connection.exchange(connection.client.loginFinish(answer))).kind;
  }

  test('logs in while strangers cannot, and gets a new device each time', async () => {
    await refused(connect(), 'alice');
    for (let i = 0; i < 3 * BURST; i++) expect(await logInWith(welcome)).toBe('welcome');
  });

  test('of somebody else, or broken, is a stranger', async () => {
    const bob = (await connect().signup('bob')) as Welcome;
    expect(await logInWith(bob)).toBe('error');
    expect(await logInWith({ ...welcome, deviceSecret: bob.deviceSecret })).toBe('error');
    expect(await logInWith({ ...welcome, deviceId: bob.deviceId })).toBe('error');
  });

  test('is unknown after the password was changed elsewhere', async () => {
    const user = (await bench.store.findUser('alice'))!;
    const { credential } = await bench.store.getUserOrDecoy('alice');
    expect(await replaceRecord(bench.store, user.userId, user.recordVersion, credential)).toBe('rotated');
    expect(await logInWith(welcome)).toBe('error');
  });

  test('a stolen one gives few guesses', async () => {
    let through = 0;
    for (let i = 0; i < 20; i++) {
      const connection = connect();
      const answer = await connection.exchange(connection.client.loginStartFrom(welcome, 'alice', 'wrong horse'));
      if (answer.kind === 'loginChallenge') through += 1;
      connection.step({ type: 'gone' });
    }
    expect(through).toBe(BURST);
  });
});

describe('step-up', () => {
  test('counts by session, and leaves the connection open', async () => {
    const connection = connect();
    const welcome = (await connection.signup('alice')) as Welcome;
    for (let i = 0; i < BURST; i++) {
      connection.frame(connection.client.stepUpStart(welcome, 'wrong horse'));
      await connection.settle();
      const { finish } = connection.client.stepUpFinish(connection.frames.at(-1)!);
      connection.frame(finish);
      await connection.settle();
    }
    connection.frame(connection.client.stepUpStart(welcome, 'correct horse'));
    expect(connection.frames.at(-1)).toEqual(encodeControl({ kind: 'error', code: 'try-later', retryAfterSeconds: 0 }));
    expect(connection.close).toBeUndefined();
    expect(connection.reasons).toContain('throttled-session');
    const other = connect();
    expect((await other.login('alice')).kind).toBe('welcome');
  });
});

describe('sign-ups and codes', () => {
  const from = networksOf('192.0.2.1')!;

  test('count by address, whatever becomes of them', () => {
    const { signupAddress } = THROTTLE;
    for (let i = 0; i < signupAddress.burst; i++) throttle.signup(from);
    expect(() => throttle.signup(from)).toThrow(expect.objectContaining({ code: 'try-later' }));
    expect(() => throttle.signup(networksOf('198.51.100.1'))).not.toThrow();
    expect(() => throttle.signup(undefined)).not.toThrow();
  });

  test('wrong codes count, right ones do not', () => {
    for (let i = 0; i < 1000; i++) throttle.code(from).refund();
    for (let i = 0; i < THROTTLE.codeAddress.burst; i++) throttle.code(from).keep();
    expect(() => throttle.code(from)).toThrow(expect.objectContaining({ code: 'try-later' }));
  });

  test('a sign-up that is refused sends no challenge', async () => {
    const { context, crypto, keys, store } = bench;
    const settings = readThrottle({ signupOverall: { burst: 1, seconds: 600 } })!;
    const nowMs = (): number => performance.now();
    const strict = new Throttle({ settings, crypto, keys, random: context.random, nowMs });
    strict.signup(undefined);
    const connection = new BenchConnection({ ...context, throttle: strict }, store, crypto);
    expect(await connection.signup('carol')).toMatchObject({ kind: 'error', code: 'try-later' });
    expect(connection.reasons).toContain('throttled-signup');
  });
});

test('without a throttle nothing is counted', async () => {
  for (let i = 0; i < 60; i++) {
    const connection = bench.connect();
    const answer = await connection.exchange(connection.client.loginStart('alice', 'x'));
    expect((answer as LoginChallenge).kind).toBe('loginChallenge');
  }
});
