import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WorkQueue, type WorkQueueOptions } from '../../src/server/work-queue.js';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A queue on a clock that only jobs move: each takes one millisecond. */
function setUp(options: Partial<WorkQueueOptions> = {}) {
  let nowMs = 0;
  const done: string[] = [];
  const monotonicMs = (): number => nowMs;
  const queue = new WorkQueue({ maxWaiting: 100, maxWaitingEach: 10, sliceMs: 2, monotonicMs, ...options });
  const job = (name: string) => () => {
    nowMs += 1;
    done.push(name);
  };
  const finish = async (): Promise<void> => {
    while (queue.length > 0) await nextTurn();
  };
  return { queue, done, job, finish };
}

describe('WorkQueue', () => {
  test('runs at once while the turn has time, then a slice each turn', async () => {
    const { queue, done, job } = setUp();
    for (let i = 0; i < 7; i++) expect(queue.run({}, job(String(i)))).toBe(true);
    expect(done).toEqual(['0', '1']);
    expect(queue.length).toBe(5);
    await nextTurn();
    expect(done).toEqual(['0', '1', '2', '3']);
    await nextTurn();
    await nextTurn();
    expect(done).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    expect(queue.length).toBe(0);
  });

  test('the next turn has time again', async () => {
    const { queue, done, job } = setUp();
    queue.run({}, job('a'));
    queue.run({}, job('b'));
    await nextTurn();
    queue.run({}, job('c'));
    expect(done).toEqual(['a', 'b', 'c']);
  });

  test('owners take turns, each one in its order', async () => {
    const { queue, done, job, finish } = setUp({ sliceMs: 1 });
    const [greedy, modest] = [{}, {}];
    queue.run({}, job('first'));
    for (let i = 0; i < 4; i++) queue.run(greedy, job(`greedy ${i}`));
    for (let i = 0; i < 2; i++) queue.run(modest, job(`modest ${i}`));
    await finish();
    expect(done).toEqual(['first', 'greedy 0', 'modest 0', 'greedy 1', 'modest 1', 'greedy 2', 'greedy 3']);
  });

  test('an owner has so many waiting and no more; others are not concerned', async () => {
    const { queue, done, job, finish } = setUp({ sliceMs: 1, maxWaitingEach: 2 });
    const owner = {};
    queue.run({}, job('first'));
    expect([1, 2, 3].map((i) => queue.run(owner, job(`own ${i}`)))).toEqual([true, true, false]);
    expect(queue.run({}, job('other'))).toBe(true);
    await finish();
    expect(done).toEqual(['first', 'own 1', 'other', 'own 2']);
  });

  test('says when it is full, takes more all the same, and tells who can wait for how long', async () => {
    const { queue, job, finish } = setUp({ sliceMs: 1, maxWaiting: 3 });
    queue.run({}, job('first'));
    for (let i = 0; i < 3; i++) {
      expect(queue.isFull).toBe(false);
      queue.run({}, job('one more'));
    }
    expect(queue.isFull).toBe(true);
    expect(queue.run({}, job('has begun'))).toBe(true);
    const waits = Array.from({ length: 200 }, () => queue.retryAfterMs);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3000);
    expect(new Set(waits).size).toBeGreaterThan(100);
    await finish();
    expect(queue.isFull).toBe(false);
  });

  test('a long queue asks for more patience', () => {
    const { queue, job } = setUp({ sliceMs: 1, maxWaiting: 10_000 });
    for (let i = 0; i < 20_000; i++) queue.run({}, job('one'));
    expect(queue.retryAfterMs).toBeGreaterThan(5000);
  });

  test('forgets what waits for one that is gone', async () => {
    const { queue, done, job, finish } = setUp({ sliceMs: 1 });
    const gone = {};
    queue.run({}, job('first'));
    queue.run(gone, job('never'));
    queue.run({}, job('second'));
    queue.forget(gone);
    queue.forget({});
    expect(queue.length).toBe(1);
    await finish();
    expect(done).toEqual(['first', 'second']);
  });

  test('a job of a job waits for its turn', async () => {
    const { queue, done, job, finish } = setUp();
    const owner = {};
    queue.run(owner, () => {
      queue.run(owner, job('inner'));
      done.push('outer');
    });
    expect(done).toEqual(['outer']);
    await finish();
    expect(done).toEqual(['outer', 'inner']);
  });

  test('whatever comes, and whenever: everything runs once, each owner in its order, and no turn has more than its slice', async () => {
    const arrivals = fc.array(fc.record({ owner: fc.nat(4), pause: fc.boolean() }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 5 }), async (list, sliceMs) => {
        const { queue, done, job, finish } = setUp({ sliceMs, maxWaitingEach: 100 });
        const owners = Array.from({ length: 5 }, () => ({}));
        let before = 0;
        for (const [i, { owner, pause }] of list.entries()) {
          queue.run(owners[owner]!, job(`${owner}:${i}`));
          if (!pause) continue;
          // What came since the last turn, and the slice of this one.
          expect(done.length - before).toBeLessThanOrEqual(2 * sliceMs);
          before = done.length;
          await nextTurn();
        }
        await finish();
        for (let owner = 0; owner < 5; owner++) {
          const expected = list.flatMap((one, i) => (one.owner === owner ? [`${owner}:${i}`] : []));
          expect(done.filter((name) => name.startsWith(`${owner}:`))).toEqual(expected);
        }
      }),
      { numRuns: 50 },
    );
  });
});
