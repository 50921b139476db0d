import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Deadlines, type Timed } from '../../src/server/deadlines.js';

describe('many deadlines on one timer', () => {
  let nowMs = 0;
  let fired: string[] = [];
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['performance'] });
    nowMs = 0;
    fired = [];
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function advance(ms: number): void {
    for (let i = 0; i < ms; i += 10) {
      nowMs += 10;
      jest.advanceTimersByTime(10);
    }
  }
  const entry = (name: string, dueMs: number): Timed & { dueMs: number } => ({
    dueMs,
    onDue: () => fired.push(`${name}@${nowMs}`),
  });

  test('each fires once, in its time and never early; one timer for all', () => {
    const deadlines = new Deadlines(() => nowMs);
    for (const due of [1000, 200, 210, 90_000]) deadlines.add(entry(`d${due}`, due));
    expect(jest.getTimerCount()).toBe(1);
    advance(190);
    expect(fired).toEqual([]);
    advance(91_000);
    expect(fired).toEqual(['d200@200', 'd210@250', 'd1000@1000', 'd90000@90000']);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('one that has moved to later fires later, without being put in again', () => {
    const deadlines = new Deadlines(() => nowMs);
    const moving = entry('m', 100);
    deadlines.add(moving);
    moving.dueMs = 1000;
    advance(900);
    expect(fired).toEqual([]);
    advance(200);
    expect(fired).toEqual(['m@1000']);
  });

  test('moved to earlier by putting it in again; taken out; without limit', () => {
    const deadlines = new Deadlines(() => nowMs);
    const moving = entry('m', 5000);
    deadlines.add(moving);
    moving.dueMs = 100;
    deadlines.add(moving);
    const gone = entry('gone', 100);
    deadlines.add(gone);
    deadlines.delete(gone);
    deadlines.delete(gone);
    deadlines.add(entry('never', Infinity));
    advance(10_000);
    expect(fired).toEqual(['m@100']);
  });

  test('an entry that takes others out while it fires', () => {
    const deadlines = new Deadlines(() => nowMs);
    const second = entry('second', 100);
    deadlines.add({
      dueMs: 100,
      onDue() {
        fired.push('first');
        deadlines.delete(second);
      },
    });
    deadlines.add(second);
    advance(500);
    expect(fired).toEqual(['first']);
  });

  test('clear forgets all', () => {
    const deadlines = new Deadlines(() => nowMs);
    deadlines.add(entry('a', 100));
    deadlines.clear();
    advance(500);
    expect(fired).toEqual([]);
    deadlines.add(entry('b', 600));
    advance(500);
    expect(fired).toEqual(['b@600']);
  });
});
