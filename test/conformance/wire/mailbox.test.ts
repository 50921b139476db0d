import { describe, expect, test } from '@jest/globals';
import { Mailbox } from '../../../src/conformance/wire/mailbox.js';

const LONG_MS = 60_000;

describe('mailbox', () => {
  test('gives what was put in, in order, to who comes before and after', async () => {
    const box = new Mailbox<number>();
    const first = box.take(LONG_MS);
    const second = box.take(LONG_MS);
    for (const entry of [1, 2, 3]) box.put(entry);
    expect(await Promise.all([first, second, box.take(0)])).toEqual([1, 2, 3]);
  });

  test('undefined when nothing comes in time; who gave up gets nothing that comes later', async () => {
    const box = new Mailbox<number>();
    const patient = box.take(LONG_MS);
    expect(await box.take(1)).toBeUndefined();
    box.put(1);
    box.put(2);
    expect(await patient).toBe(1);
    expect(await box.take(LONG_MS)).toBe(2);
  });

  test('the end comes to all who wait, and again and again behind what was put in before', async () => {
    const waitedFor = new Mailbox<string>();
    const waiting = [waitedFor.take(LONG_MS), waitedFor.take(LONG_MS)];
    waitedFor.end('end');
    expect(await Promise.all(waiting)).toEqual(['end', 'end']);

    const box = new Mailbox<string>();
    box.put('a');
    box.end('end');
    box.end('another end');
    box.put('late');
    const taken = [await box.take(LONG_MS), await box.take(LONG_MS), await box.take(LONG_MS)];
    expect(taken).toEqual(['a', 'end', 'end']);
  });
});
