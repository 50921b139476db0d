// docs/operate.md: what strangers cause has a bound, for each network too; what is too old goes; and a server notices when
// somebody else has rewritten the trail under it.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import { decodeBody } from '../../src/server/audit/entry.js';
import { DEFAULT_REFUSAL_LIMITS, Refusals } from '../../src/server/audit/refusals.js';
import { pruneOld } from '../../src/server/audit/retention.js';
import { auditPublicKeys, createAuditSigner } from '../../src/server/audit/signer.js';
import type { AuditStore } from '../../src/server/audit/store.js';
import { AuditTrail } from '../../src/server/audit/trail.js';
import type { AuditEvent, ServerKeys } from '../../src/server/index.js';
import { createEngine, silentLogger } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { LogRecorder } from '../support/log-recorder.js';
import { makeServerKeys } from '../support/server-keys.js';
import { exportOf, verify } from '../suites/audit.js';

const DAY = 86_400_000;
const AT = 1_700_000_000_000;
const { burst, perMinute, prefixBurst, prefixPerMinute } = DEFAULT_REFUSAL_LIMITS;
const from = (n: number, reason = 'proof-invalid'): AuditEvent => {
  const addressPrefix = `10.${n >> 8}.${n & 255}.0/24`;
  return { event: 'refused', atMs: AT, code: 'login-failed', reason, addressPrefix };
};

let crypto: Crypto;
let keys: ServerKeys;
beforeAll(async () => {
  crypto = await loadCrypto();
  keys = makeServerKeys(crypto, 'localhost');
});

describe('refusals', () => {
  test('of one network do not hide those of others', () => {
    const refusals = new Refusals(DEFAULT_REFUSAL_LIMITS);
    for (let i = 0; i < 10_000; i++) refusals.add(from(1), 0);
    for (let i = 2; i < 102; i++) refusals.add(from(i), 0);
    const events = refusals.take(AT, true);
    const written = events.filter(({ event }) => event === 'refused').map(({ addressPrefix }) => addressPrefix);
    expect(written.filter((prefix) => prefix === '10.0.1.0/24')).toHaveLength(prefixBurst);
    expect(new Set(written).size).toBe(101);
    expect(events.at(-1)).toMatchObject({
      event: 'suppressed',
      addressPrefix: '10.0.1.0/24',
      count: 10_000 - prefixBurst,
    });
    // In the long run too.
    for (let ms = 0; ms < 60_000; ms += 100) refusals.add(from(1), ms);
    expect(refusals.take(AT, false)).toHaveLength(prefixPerMinute - 1);
  });

  test('of all networks together are bounded, and all are counted', () => {
    const refusals = new Refusals(DEFAULT_REFUSAL_LIMITS);
    const count = 50_000;
    for (let i = 0; i < count; i++) refusals.add(from(i), (60_000 * i) / count);
    const events = refusals.take(AT, true);
    const suppressed = events.filter(({ event }) => event === 'suppressed');
    const written = events.length - suppressed.length;
    expect(written).toBeGreaterThanOrEqual(burst);
    expect(written).toBeLessThanOrEqual(burst + perMinute);
    expect(suppressed.length).toBeLessThanOrEqual(21);
    expect(written + suppressed.reduce((sum, one) => sum + one.count!, 0)).toBe(count);
    // Kinds of them as well, whatever reasons there are.
    for (let i = 0; i < 5000; i++) refusals.add(from(1, `reason-${i}`), 60_000);
    expect(refusals.take(AT, true).filter(({ event }) => event === 'suppressed').length).toBeLessThanOrEqual(221);
  });

  test.each([
    { audit: { burst: -1 } },
    { audit: { prefixBurst: 1.5 } },
    { audit: { days: 3 } },
    { audit: { keepDays: NaN } },
  ])('options that are none are refused: %j', async (options) => {
    const given = { domain: 'localhost', store: openMemoryStore(), keys, logger: silentLogger };
    await expect(createEngine({ ...given, ...(options as object) })).rejects.toMatchObject({ code: 'option-invalid' });
  });
});

async function filled(days: number, perDay: number): Promise<AuditStore> {
  const store = openMemoryStore().audit!;
  store.setSigner(createAuditSigner(crypto, keys));
  const events = Array.from({ length: days * perDay }, (_, i): AuditEvent => {
    return { event: 'login', atMs: AT + Math.floor((i * DAY) / perDay) };
  });
  await store.append(events);
  return store;
}

const timesOf = async (store: AuditStore): Promise<number[]> => {
  const times: number[] = [];
  for (let after = 0; ;) {
    const rows = await store.read(after, 1000);
    if (rows.length === 0) return times;
    times.push(
      ...rows
        .map(({ body }) => decodeBody(body)!)
        .filter(({ event }) => event === 'login')
        .map(({ at }) => at),
    );
    after = rows.at(-1)!.seq;
  }
};

test('entries that were lost are told to those who watch, once they can be recorded', async () => {
  const store = openMemoryStore().audit!;
  const { append } = store;
  let isBroken = false;
  store.append = async (events) => {
    if (isBroken) throw new Error('disk full');
    return append.call(store, events);
  };
  const signer = createAuditSigner(crypto, keys);
  const gaps: AuditEvent[] = [];
  const trail = new AuditTrail({
    ...{ store, signer, keys, logger: silentLogger, now: () => AT, monotonicMs: () => 0 },
    ...{ limits: { ...DEFAULT_REFUSAL_LIMITS, keepDays: 0 }, onGap: (event: AuditEvent) => void gaps.push(event) },
  });
  await trail.start();
  isBroken = true;
  for (let i = 0; i < 3; i++) trail.refused(from(i));
  await trail.checkpoint();
  expect(gaps).toEqual([]);
  isBroken = false;
  await trail.checkpoint();
  expect(gaps).toEqual([{ event: 'gap', atMs: AT, count: 3 }]);
  await trail.close();
});

describe('what is too old', () => {
  test('goes, a week at a time, and the rest verifies', async () => {
    const perDay = 1000;
    const store = await filled(30, perDay);
    const nowMs = AT + 30 * DAY;
    expect(await pruneOld(store, 40, nowMs)).toEqual({ removed: 0, ahead: undefined });
    const steps: number[] = [];
    for (let i = 0; i < 5; i++) {
      await pruneOld(store, 10, nowMs);
      steps.push(Math.round((Math.min(...(await timesOf(store))) - AT) / DAY));
    }
    expect(steps).toEqual([7, 14, 20, 20, 20]);
    const options = { crypto, domain: 'localhost', publicKeys: auditPublicKeys(crypto, keys) };
    expect(verify(await exportOf(store), options)).toMatchObject({ ok: true, findings: [] });
  });

  test('a calendar that is set wrong empties nothing at once', async () => {
    const store = await filled(30, 100);
    await pruneOld(store, 10, AT + 3650 * DAY);
    expect(Math.min(...(await timesOf(store)))).toBe(AT + 7 * DAY);
    await pruneOld(store, 10, 0);
    expect(Math.min(...(await timesOf(store)))).toBe(AT + 7 * DAY);
  });

  describe('behind entries of a clock that was wrong', () => {
    /** Entries at these times, each after the one before. */
    async function written(...times: readonly number[]): Promise<AuditStore> {
      const store = openMemoryStore().audit!;
      store.setSigner(createAuditSigner(crypto, keys));
      for (const atMs of times) await store.append([{ event: 'login', atMs }]);
      return store;
    }
    const FUTURE = AT + 3650 * DAY;

    test('they are as old as the next that is not of the future, and the rest verifies', async () => {
      const store = await written(FUTURE, FUTURE + 1, AT, AT + 1, FUTURE, AT + 2, AT + 14 * DAY);
      const nowMs = AT + 15 * DAY;
      // Those before AT, AT and the one after; again for the third of the future.
      for (const removed of [2, 2, 1, 1, 0]) {
        expect(await pruneOld(store, 10, nowMs)).toEqual({ removed, ahead: undefined });
      }
      const times = await timesOf(store);
      expect(times[0]).toBe(AT + 14 * DAY);
      const lines = await exportOf(store);
      expect(String(lines)).toContain('"detail":"of-the-future"');
      const options = { crypto, domain: 'localhost', publicKeys: auditPublicKeys(crypto, keys) };
      expect(verify(lines, options)).toMatchObject({ ok: true, findings: [] });
    });

    test('they stay while the next is young, or while there is none; this is logged', async () => {
      const nowMs = AT + 15 * DAY;
      for (const times of [[FUTURE], [FUTURE, FUTURE], [FUTURE, nowMs - 10 * DAY], [FUTURE, nowMs, AT]]) {
        const store = await written(...times);
        expect(await pruneOld(store, 10, nowMs)).toEqual({ removed: 0, ahead: { seq: 1, atMs: FUTURE } });
        expect(await timesOf(store)).toEqual(times);
      }
      const memory = openMemoryStore();
      memory.audit!.setSigner(createAuditSigner(crypto, keys));
      await memory.audit!.append([{ event: 'login', atMs: FUTURE }]);
      const log = new LogRecorder();
      const options = { domain: 'localhost', store: memory, keys, logger: log, now: () => nowMs };
      const engine = await createEngine({ ...options, audit: { keepDays: 10 } });
      const lines = log.lines.filter(({ level }) => level === 'warn');
      expect(lines).toEqual([
        expect.objectContaining({ seq: 1, days: 3635, message: expect.stringContaining('of the future') }),
      ]);
      await engine.close();
    });

    test('a clock that is set back makes nothing old', async () => {
      for (const nowMs of [0, AT - 3650 * DAY]) {
        const store = await written(AT, AT + DAY, nowMs, nowMs + 1);
        expect(await pruneOld(store, 10, nowMs)).toMatchObject({ removed: 0, ahead: { seq: 1 } });
      }
      // Nor is a clock of another process that is a little ahead one of the future.
      const store = await written(AT + 60_000, AT);
      expect(await pruneOld(store, 10, AT)).toEqual({ removed: 0, ahead: undefined });
    });

    test('at most 5000 of them go at once', async () => {
      const store = await written(...Array.from({ length: 6000 }, () => FUTURE), AT, AT + 14 * DAY);
      const nowMs = AT + 15 * DAY;
      const removed = [await pruneOld(store, 10, nowMs), await pruneOld(store, 10, nowMs)].map((one) => one.removed);
      expect(removed).toEqual([5000, expect.any(Number)]);
      expect(Math.min(...(await timesOf(store)))).toBe(AT);
    });
  });

  test('goes when a server starts that is to keep so many days', async () => {
    const memory = openMemoryStore();
    memory.audit!.setSigner(createAuditSigner(crypto, keys));
    await memory.audit!.append(Array.from({ length: 5 }, (_, i) => ({ event: 'login', atMs: AT + i * DAY })));
    const options = { domain: 'localhost', store: memory, keys, logger: silentLogger, now: () => AT + 13 * DAY };
    const engine = await createEngine({ ...options, audit: { keepDays: 10 } });
    expect(await timesOf(memory.audit!)).toEqual([AT + 3 * DAY, AT + 4 * DAY]);
    await engine.close();
  });
});

describe('a trail that somebody else rewrote', () => {
  async function run(change: (store: AuditStore) => void | Promise<void>): Promise<readonly string[]> {
    const store = openMemoryStore().audit!;
    const logger = new LogRecorder();
    const signer = createAuditSigner(crypto, keys);
    const limits = { ...DEFAULT_REFUSAL_LIMITS, keepDays: 0 };
    const clocks = { now: () => AT, monotonicMs: () => 0 };
    const trail = new AuditTrail({ store, signer, keys, logger, ...clocks, limits, onGap: () => undefined });
    await trail.start();
    await trail.checkpoint();
    await change(store);
    await trail.close();
    return logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
  }

  test('is noticed by the server that runs: cut off, or other entries in its place', async () => {
    const complaint = 'the audit trail was changed by somebody else: this checkpoint is gone';
    const { read } = openMemoryStore().audit!;
    expect(await run(async () => undefined)).toEqual([]);
    expect(await run(async (store) => void (await store.append([from(1)])))).toEqual([]);
    expect(await run((store) => void (store.read = async () => []))).toEqual([complaint]);
    const replaced: AuditStore['read'] = async function (this: AuditStore, ...args) {
      return (await read.apply(this, args)).map((row) => ({ ...row, hash: new Uint8Array(32) }));
    };
    expect(await run((store) => void (store.read = replaced))).toEqual([complaint]);
    // Not where it was pruned.
    const pruned = async (store: AuditStore): Promise<void> => {
      await store.append([
        { ...from(1), atMs: AT + 1 },
        { ...from(2), atMs: AT + 1 },
      ]);
      await store.prune(AT + 1, { event: 'pruned', atMs: AT });
    };
    expect(await run(pruned)).toEqual([]);
  });
});
