// The contract of ThrottleStore: counters that processes share.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Store } from '../../src/server/index.js';
import type { ThrottleRow, ThrottleStore } from '../../src/server/throttle/store.js';

export interface ThrottleStoreFixture {
  readonly name: string;
  open(): Promise<{ readonly stores: readonly [Store, Store]; close(): Promise<void> }>;
}

const NOW = 1_800_000_000_000;
const key = (n: number, prefix = 1): Uint8Array => new Uint8Array(21).fill(n).fill(prefix, 0, 12);
const add = (n: number, addMs: number, maxAheadMs = 10_000, prefix = 1) => ({ key: key(n, prefix), addMs, maxAheadMs });

/** @param fixture two stores over the same data */
export function throttleStoreSuite({ name, open }: ThrottleStoreFixture): void {
  describe(`counters of attempts: ${name}`, () => {
    let one: ThrottleStore;
    let two: ThrottleStore;
    let close: () => Promise<void>;

    beforeEach(async () => {
      const opened = await open();
      [one, two] = opened.stores.map(({ throttle }) => throttle!) as [ThrottleStore, ThrottleStore];
      close = () => opened.close();
    });
    afterEach(() => close());

    test('add up, whoever adds', async () => {
      await one.exchange([add(1, 1000)], 0, NOW);
      const { rows } = await two.exchange([add(1, 500)], 0, NOW + 100);
      expect(rows).toEqual([{ key: key(1), emptyAtMs: NOW + 1500 }]);
    });

    test('begin anew when they were empty, and never lie too far ahead', async () => {
      await one.exchange([add(1, 1000)], 0, NOW);
      expect((await one.exchange([add(1, 1000)], 0, NOW + 5000)).rows[0]!.emptyAtMs).toBe(NOW + 6000);
      expect((await one.exchange([add(1, 99_000)], 0, NOW + 5000)).rows[0]!.emptyAtMs).toBe(NOW + 15_000);
    });

    test('of a clock that was set back are cut to what is possible', async () => {
      await one.exchange([add(1, 1000)], 0, NOW + 1_000_000);
      expect((await one.exchange([add(1, 1)], 0, NOW)).rows[0]!.emptyAtMs).toBe(NOW + 10_000);
    });

    test('are told once, those that changed only', async () => {
      const first = await one.exchange([add(1, 1000), add(2, 2000)], 0, NOW);
      expect(first.rows.length).toBe(2);
      expect((await one.exchange([], first.mark, NOW)).rows).toEqual([]);
      await two.exchange([add(2, 1)], 0, NOW);
      const second = await one.exchange([], first.mark, NOW);
      expect(second.rows).toEqual([{ key: key(2), emptyAtMs: NOW + 2001 }]);
      expect((await one.exchange([], second.mark, NOW)).rows).toEqual([]);
    });

    test('who begins hears of those that are not empty', async () => {
      await one.exchange([add(1, 1000), add(2, 9000)], 0, NOW);
      expect((await two.exchange([], 0, NOW + 5000)).rows).toEqual([{ key: key(2), emptyAtMs: NOW + 9000 }]);
    });

    test('of one account are found and emptied, and others hear of it', async () => {
      const { mark } = await one.exchange([add(1, 1000), add(2, 1000), add(3, 1000, 10_000, 2)], 0, NOW);
      const prefix = new Uint8Array(12).fill(1);
      expect((await two.find(prefix)).length).toBe(2);
      expect(await two.clear(prefix, NOW)).toBe(2);
      expect(await two.clear(prefix, NOW)).toBe(0);
      const { rows } = await one.exchange([], mark, NOW);
      const told = (row: ThrottleRow): boolean => row.key[12] === 0xff;
      expect(rows.filter((row) => !told(row)).map(({ emptyAtMs }) => emptyAtMs)).toEqual([0, 0]);
      expect(rows.filter(told).map(({ key: [...bytes] }) => bytes)).toEqual([[...prefix, 0xff, ...new Uint8Array(8)]]);
      const full = (await one.exchange([], 0, NOW)).rows.filter((row) => !told(row));
      expect(full.map(({ key: [first] }) => first)).toEqual([2]);
      expect((await two.find(prefix)).filter(told)).toEqual([]);
    });

    test('that were emptied show it, also where something was added in the same moment', async () => {
      const { mark } = await one.exchange([add(1, 5000)], 0, NOW);
      const prefix = new Uint8Array(12).fill(1);
      await two.clear(prefix, NOW);
      await two.exchange([add(1, 1000)], 0, NOW);
      const { rows } = await one.exchange([], mark, NOW);
      expect(rows.filter((row) => row.key[12] === 0xff)).toHaveLength(1);
      expect(rows.filter((row) => row.key[12] !== 0xff)).toEqual([{ key: key(1), emptyAtMs: NOW + 1000 }]);
      // Again, and no longer once it is old.
      await two.clear(prefix, NOW + 1);
      const DAY = 86_400_000;
      expect((await one.exchange([], 0, NOW + DAY)).rows).toHaveLength(1);
      expect((await one.exchange([], 0, NOW + DAY + 1)).rows).toEqual([]);
    });

    test('refuse what is no key, no prefix, no time', async () => {
      const refused = { code: 'store-failed' };
      await expect(one.exchange([{ ...add(1, 1), key: new Uint8Array(20) }], 0, NOW)).rejects.toMatchObject(refused);
      await expect(one.exchange([add(1, -1)], 0, NOW)).rejects.toMatchObject(refused);
      await expect(one.exchange([add(1, Number.NaN)], 0, NOW)).rejects.toMatchObject(refused);
      await expect(one.find(new Uint8Array(11))).rejects.toMatchObject(refused);
      await expect(one.clear(new Uint8Array(0), NOW)).rejects.toMatchObject(refused);
    });

    test('many at once', async () => {
      const many = Array.from({ length: 5000 }, (_, i) => {
        const made = new Uint8Array(21);
        new DataView(made.buffer).setUint32(0, i);
        return { key: made, addMs: 1000, maxAheadMs: 10_000 };
      });
      expect((await one.exchange(many, 0, NOW)).rows.length).toBe(5000);
      expect((await two.exchange([], 0, NOW)).rows.length).toBe(5000);
    });
  });
}
