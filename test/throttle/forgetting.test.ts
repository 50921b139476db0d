// Stores keep a bounded number of counters: which go when there are too many.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryThrottle } from '../../src/server/store/memory-throttle.js';
import { loadDriver } from '../../src/server/store/sqlite-driver.js';
import { SqliteThrottle, THROTTLE_SCHEMA } from '../../src/server/store/sqlite-throttle.js';
import type { ThrottleStore } from '../../src/server/throttle/store.js';
import { forEachDriver } from '../support/sqlite-drivers.js';

const NOW = 1_800_000_000_000;
const MAX_ROWS = 2000;
const KIND = { account: 0x00, pair: 0x03, mark: 0x06, overall: 0x12 };
const WEEK_MS = 7 * 86_400_000;

function key(kind: number, n: number): Uint8Array {
  const made = new Uint8Array(21).fill(kind, 12, 13);
  new DataView(made.buffer).setUint32(0, n);
  return made;
}

function forgettingSuite(open: () => Promise<ThrottleStore>): void {
  let store: ThrottleStore;
  beforeEach(async () => {
    store = await open();
  });

  test('marks go first, then what is emptiest for its size, however soon that is empty by itself', async () => {
    const overall = { key: key(KIND.overall, 1), addMs: 1000, maxAheadMs: 2000 };
    const account = { key: key(KIND.account, 2), addMs: 49 * 600_000, maxAheadMs: 100 * 600_000 };
    await store.exchange([overall, account], 0, NOW);
    const marks = Array.from({ length: MAX_ROWS }, (_, i) => {
      return { key: key(KIND.mark, 10 + i), addMs: WEEK_MS, maxAheadMs: 2 * WEEK_MS };
    });
    const pairs = Array.from({ length: MAX_ROWS }, (_, i) => {
      return { key: key(KIND.pair, 10_000 + i), addMs: 1_800_000, maxAheadMs: 40 * 1_800_000 };
    });
    const kept = async (): Promise<Record<number, number>> => {
      const { rows } = await store.exchange([], 0, NOW);
      const counts: Record<number, number> = {};
      for (const { key: stored } of rows) counts[stored[12]!] = (counts[stored[12]!] ?? 0) + 1;
      return counts;
    };
    await store.exchange(marks, 0, NOW);
    expect(await kept()).toEqual({ [KIND.overall]: 1, [KIND.account]: 1, [KIND.mark]: 0.9 * MAX_ROWS - 2 });
    await store.exchange(pairs.slice(0, 1000), 0, NOW);
    expect(await kept()).toEqual({
      ...{ [KIND.overall]: 1, [KIND.account]: 1 },
      ...{ [KIND.pair]: 1000, [KIND.mark]: 0.9 * MAX_ROWS - 1002 },
    });
    await store.exchange(pairs, 0, NOW);
    expect(await kept()).toEqual({ [KIND.overall]: 1, [KIND.account]: 1, [KIND.pair]: 0.9 * MAX_ROWS - 2 });
  });

  test('what is empty goes before all others', async () => {
    const soon = Array.from({ length: MAX_ROWS }, (_, i) => {
      return { key: key(KIND.pair, i), addMs: 1000, maxAheadMs: 2000 };
    });
    await store.exchange(soon, 0, NOW);
    const later = { key: key(KIND.account, MAX_ROWS), addMs: 1, maxAheadMs: 1_000_000 };
    await store.exchange([later], 0, NOW + 1000);
    await store.exchange(soon.slice(0, 1000), 0, NOW + 1000);
    expect((await store.find(later.key.subarray(0, 12))).length).toBe(1);
  });
}

describe('memory', () => {
  forgettingSuite(async () => new MemoryThrottle(() => {}, MAX_ROWS));
});

forEachDriver((driver) => {
  forgettingSuite(async () => {
    const db = (await loadDriver(driver))(':memory:');
    db.exec(THROTTLE_SCHEMA);
    const statements = new Map<string, ReturnType<typeof db.prepare>>();
    const sql = (text: string): ReturnType<typeof db.prepare> => {
      const statement = statements.get(text) ?? db.prepare(text);
      statements.set(text, statement);
      return statement;
    };
    return new SqliteThrottle({ sql, read: (job) => job(), write: async (job) => job() }, MAX_ROWS);
  });
});
