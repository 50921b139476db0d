// docs/throttling.md: what succeeds is written down, so it has a bound too: whoever has an account cannot fill the disk.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CLOSE, type Welcome } from '../../proto/index.js';
import { Arrivals } from '../../src/server/throttle/arrivals.js';
import { readThrottle } from '../../src/server/throttle/rates.js';
import { Throttle } from '../../src/server/throttle/throttle.js';
import { BenchConnection, createBench } from '../support/connection-bench.js';

const BURST = 6;
const SECONDS = 60;
const RATE = { burst: BURST, seconds: SECONDS };
let connect: () => BenchConnection;
let clockMs: number;

beforeEach(async () => {
  const bench = await createBench();
  clockMs = 1_800_000_000_000;
  const { crypto, keys, context, store } = bench;
  const settings = readThrottle({ arrivals: RATE, resumptions: RATE })!;
  const throttle = new Throttle({ settings, crypto, keys, random: context.random, nowMs: () => clockMs });
  connect = () => new BenchConnection({ ...context, throttle }, store, crypto);
});

/** Resumes again and again, each time with the ticket of the last; answers how often it was let in, and how it ended. */
async function resumeInLoop(welcome: Welcome, times: number): Promise<{ through: number; last: BenchConnection }> {
  let ticket: Pick<Welcome, 'ticketId' | 'ticketSecret'> = welcome;
  let through = 0;
  let last = connect();
  for (let i = 0; i < times; i++) {
    last = connect();
    const answer = await last.exchange(last.client.resume(ticket));
    if (answer.kind !== 'welcome') break;
    through += 1;
    ticket = answer;
  }
  return { through, last };
}

describe('somebody who arrives in a loop', () => {
  test('resumes so often at once, then one now and then; the ticket stays good', async () => {
    const welcome = (await connect().signup('alice')) as Welcome;
    const { through, last } = await resumeInLoop(welcome, 3 * BURST);
    expect(through).toBe(BURST);
    expect(last.close).toEqual({ code: CLOSE.tryLater, reason: 'try-later' });
    expect(last.reasons).toContain('throttled-resumptions');
    expect((await connect().signup('bob')).kind).toBe('welcome');
  });

  test('so does one that logs in, with the right password only', async () => {
    await connect().signup('alice');
    for (let i = 1; i < BURST; i++) expect((await connect().login('alice')).kind).toBe('welcome');
    const connection = connect();
    expect(await connection.login('alice')).toMatchObject({ kind: 'error', code: 'try-later' });
    // Who does not know it learns nothing of this.
    expect(await connect().login('alice', 'wrong horse')).toMatchObject({ code: 'login-failed' });
    clockMs += 1000 * SECONDS;
    expect((await connect().login('alice')).kind).toBe('welcome');
    expect((await connect().login('alice')).kind).toBe('error');
  });

  test('with a stolen ticket: its owner logs in, steps up and ends that session all the same', async () => {
    const stolen = (await connect().signup('alice')) as Welcome;
    const { through, last } = await resumeInLoop(stolen, 3 * BURST);
    expect(through).toBe(BURST);
    expect(last.close).toEqual({ code: CLOSE.tryLater, reason: 'try-later' });
    const owner = connect();
    const welcome = (await owner.login('alice')) as Welcome;
    expect(welcome.kind).toBe('welcome');
    owner.frame(owner.client.stepUpStart(welcome, 'correct horse'));
    await owner.settle();
    owner.frame(owner.client.stepUpFinish(owner.frames.at(-1)!).finish);
    expect((await owner.settle()).map((action) => action.do)).toContain('renewed');
    expect(owner.close).toBeUndefined();
    expect(owner.reasons).not.toContain('throttled-arrivals');
  });

  test('and one that steps up; its connection stays open', async () => {
    const connection = connect();
    const welcome = (await connection.signup('alice')) as Welcome;
    for (let i = 1; i < BURST; i++) {
      connection.frame(connection.client.stepUpStart(welcome, 'correct horse'));
      await connection.settle();
      connection.frame(connection.client.stepUpFinish(connection.frames.at(-1)!).finish);
      await connection.settle();
    }
    // Refused, which is no failed attempt: however often, the connection lives.
    for (let i = 0; i < 3 * BURST; i++) {
      connection.frame(connection.client.stepUpStart(welcome, 'correct horse'));
      await connection.settle();
    }
    expect(connection.reasons).toContain('throttled-arrivals');
    expect(connection.close).toBeUndefined();
  });
});

test('memory is bounded, whatever arrives', () => {
  const rate = { burst: 2, intervalMs: 1000 };
  const arrivals = new Arrivals({ kind: '08', rate }, { kind: '09', rate }, () => clockMs, 1000);
  const id = (n: number): Uint8Array => {
    const made = new Uint8Array(16).fill(n & 255);
    new DataView(made.buffer).setUint32(0, Math.imul(n, 2_654_435_761) >>> 0);
    return made;
  };
  for (let n = 0; n < 30_000; n++) {
    arrivals.countAccount(id(n));
    arrivals.countAccount(id(n));
    arrivals.countSession(id(n));
    arrivals.countSession(id(n));
  }
  expect(arrivals.size).toBeLessThanOrEqual(1000);
  // What had to go has left its level: who makes many is not let in again for it.
  for (const n of [0, 15_000, 29_999]) {
    expect(arrivals.waitOfAccount(id(n))).toBeGreaterThan(0);
    expect(arrivals.waitOfSession(id(n))).toBeGreaterThan(0);
  }
});
