// docs/throttling.md: what succeeds is written down, so it has a bound too: whoever has an account cannot fill the disk.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CLOSE, type Welcome } from '../../proto/index.js';
import { Arrivals } from '../../src/server/throttle/arrivals.js';
import { readThrottle } from '../../src/server/throttle/rates.js';
import { Throttle } from '../../src/server/throttle/throttle.js';
import { BenchConnection, createBench } from '../support/connection-bench.js';

const BURST = 6;
const SECONDS = 60;
let connect: () => BenchConnection;
let clockMs: number;

beforeEach(async () => {
  const bench = await createBench();
  clockMs = 1_800_000_000_000;
  const { crypto, keys, context, store } = bench;
  const settings = readThrottle({ arrivals: { burst: BURST, seconds: SECONDS } })!;
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

describe('an account that arrives in a loop', () => {
  test('resumes so often at once, then one now and then; the ticket stays good', async () => {
    const welcome = (await connect().signup('alice')) as Welcome;
    const { through, last } = await resumeInLoop(welcome, 3 * BURST);
    // The sign-up was the first.
    expect(through).toBe(BURST - 1);
    expect(last.close).toEqual({ code: CLOSE.tryLater, reason: 'try-later' });
    expect(last.reasons).toContain('throttled-arrivals');
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

  test('many sessions of it have no more', async () => {
    const welcomes = [(await connect().signup('alice')) as Welcome];
    for (let i = 1; i < BURST; i++) welcomes.push((await connect().login('alice')) as Welcome);
    let through = 0;
    for (const welcome of welcomes) through += (await resumeInLoop(welcome, 3 * BURST)).through;
    // One more for each session that was not seen to belong to it yet.
    expect(through).toBeLessThanOrEqual(welcomes.length);
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
    connection.frame(connection.client.stepUpStart(welcome, 'correct horse'));
    expect(connection.reasons).toContain('throttled-arrivals');
    expect(connection.close).toBeUndefined();
  });
});

test('memory is bounded, whatever arrives', () => {
  const arrivals = new Arrivals({ burst: 2, intervalMs: 1000 }, '08', () => clockMs, 1000);
  const id = (n: number): Uint8Array => {
    const made = new Uint8Array(16).fill(n & 255);
    new DataView(made.buffer).setUint32(0, Math.imul(n, 2_654_435_761) >>> 0);
    return made;
  };
  for (let n = 0; n < 30_000; n++) {
    arrivals.count(id(n), id(n));
    arrivals.count(id(n), id(n));
  }
  expect(arrivals.size).toBeLessThanOrEqual(1000 + 10_000);
  expect(arrivals.waitMs(id(29_999))).toBeGreaterThan(0);
  expect(arrivals.waitOfSession(id(29_999))).toBeGreaterThan(0);
});
