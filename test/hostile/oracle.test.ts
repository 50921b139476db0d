// PROTOCOL.md 12: whatever a stranger asks, however often, and before and after a restart, a name that nobody has looks like
// one that somebody has: field by field, with either store, throttled or not. Time is measured by `npm run bench:oracle`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_KSF, type ErrorMessage, type LoginChallenge } from '../../proto/index.js';
import { loadCrypto } from '../../src/crypto/index.js';
import type { ServerKeys, Store } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { networksOf } from '../../src/server/throttle/networks.js';
import { THROTTLE } from '../../src/server/throttle/rates.js';
import { Throttle } from '../../src/server/throttle/throttle.js';
import { BenchConnection, createBench, type Bench } from '../support/connection-bench.js';
import { driversThatLoad } from '../support/sqlite-drivers.js';
import { makeServerKeys } from '../support/server-keys.js';

const OLD = { ...DEFAULT_KSF.argon2id, iterations: 2 };
const NEW = DEFAULT_KSF.argon2id;
/** Of one length. */
const KINDS = { known: 'knownname0', disabled: 'disabledna', old: 'oldksfname', unknown: 'unknownnam' } as const;
const UNKNOWN = Array.from({ length: 40 }, (_, i) => `nobodyna${10 + i}`);
const QUESTIONS = 3;

interface Place {
  readonly name: string;
  open(): Promise<Store>;
  /** Ends the process and starts another, as far as the store can tell. */
  reopen(store: Store): Promise<Store>;
  clean(): Promise<void>;
}

const memory: Place = {
  name: 'memory',
  open: async () => openMemoryStore(),
  reopen: async (store) => store,
  clean: async () => undefined,
};

function sqlite(): Place {
  let folder = '';
  const open = (): Promise<Store> => openSqliteStore(join(folder, 'users.db'), { driver: driversThatLoad[0]! });
  return {
    name: 'sqlite',
    open: async () => {
      folder = await mkdtemp(join(tmpdir(), 'blindsalt-oracle-'));
      return open();
    },
    reopen: async (store) => {
      await store.close();
      return open();
    },
    clean: () => rm(folder, { recursive: true }),
  };
}

/** What stays the same when a question is asked again, and what is drawn anew. */
function parts(challenge: LoginChallenge): { stable: Record<string, unknown>; fresh: Record<string, string> } {
  const { mechanismData, serverNonce, proof, ...rest } = challenge;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    stable: { ...rest, serverKeyId: hex(rest.serverKeyId), evaluated: hex(mechanismData.slice(0, 32)) },
    fresh: {
      serverNonce: hex(serverNonce),
      maskingNonce: hex(mechanismData.slice(32, 64)),
      masked: hex(mechanismData.slice(64)),
      proof: hex(proof),
    },
  };
}

describe.each([memory, sqlite()])('what strangers see, store $name', (place) => {
  let keys: ServerKeys;
  let store: Store;
  let bench: Bench;
  let element: Uint8Array;

  beforeAll(async () => {
    const crypto = await loadCrypto();
    keys = makeServerKeys(crypto, 'localhost');
    store = await place.open();
    element = crypto.ristretto255.fromUniformBytes(new Uint8Array(64).fill(5));
    const before = await createBench({ store, keys, ksf: [OLD] });
    for (let i = 0; i < 10; i++) await before.connect().signup(`elder${i}`);
    expect(await before.connect().signup(KINDS.old)).toMatchObject({ kind: 'welcome' });
    bench = await createBench({ store, keys, ksf: [NEW] });
    for (let i = 0; i < 10; i++) await bench.connect().signup(`younger${i}`);
    for (const name of [KINDS.known, KINDS.disabled]) await bench.connect().signup(name);
    await store.setUserStatus((await store.findUser(KINDS.disabled))!.userId, 'disabled');
  });

  afterAll(async () => {
    await store.close();
    await place.clean();
  });

  async function ask(name: string): Promise<{ challenge: LoginChallenge; error: Uint8Array; lengths: number[] }> {
    const connection = bench.connect();
    const start = connection.client.loginStart(name, 'x', { mechanismData: element });
    const challenge = (await connection.exchange(start)) as LoginChallenge;
    await connection.exchange(connection.client.loginFinish(challenge));
    return { challenge, error: connection.frames.at(-1)!, lengths: connection.frames.map(({ length }) => length) };
  }

  test('stays the same over questions and restarts, but for what is random', async () => {
    const seen = new Map<string, ReturnType<typeof parts>[]>();
    for (let round = 0; round < 2; round++) {
      for (const name of [...Object.values(KINDS), ...UNKNOWN.slice(0, 5)]) {
        for (let i = 0; i < QUESTIONS; i++) {
          seen.set(name, [...(seen.get(name) ?? []), parts((await ask(name)).challenge)]);
        }
      }
      store = await place.reopen(store);
      bench = await createBench({ store, keys, ksf: [NEW] });
    }
    for (const [, answers] of seen) {
      expect(answers.length).toBe(2 * QUESTIONS);
      for (const { stable } of answers) expect(stable).toEqual(answers[0]!.stable);
    }
    const all = [...seen.values()].flat();
    for (const field of ['serverNonce', 'maskingNonce', 'masked', 'proof']) {
      expect(new Set(all.map(({ fresh }) => fresh[field])).size).toBe(all.length);
    }
  });

  test('is of one shape, and ends with the same bytes', async () => {
    const { error, lengths } = await ask(KINDS.known);
    for (const name of [...Object.values(KINDS), ...UNKNOWN]) {
      const other = await ask(name);
      expect(other.error).toEqual(error);
      expect(other.lengths).toEqual(lengths);
      expect(bench.crypto.ristretto255.isValid(other.challenge.mechanismData.slice(0, 32))).toBe(true);
    }
  });

  test('has old and new key stretching among unknown names as among known', async () => {
    const iterations = await Promise.all(UNKNOWN.map(async (name) => (await ask(name)).challenge.ksfIterations));
    expect(new Set(iterations)).toEqual(new Set([OLD.iterations, NEW.iterations]));
    expect((await ask(KINDS.old)).challenge.ksfIterations).toBe(OLD.iterations);
  });

  test('throttled, is the same to the byte for known, unknown and disabled', async () => {
    const settings = { ...THROTTLE, account: { burst: 2, seconds: 600 }, newcomers: { burst: 1, seconds: 600 } };
    const random = (length: number): Uint8Array => new Uint8Array(length);
    const { context, crypto } = bench;
    const throttle = new Throttle({ settings, crypto, keys, random, nowMs: () => 1_800_000_000_000 });
    const from = networksOf('192.0.2.9');
    const answers = [];
    for (const name of Object.values(KINDS)) {
      for (let i = 0; ; i++) {
        const connection = new BenchConnection({ ...context, throttle }, store, crypto, { networks: from });
        const answer = await connection.exchange(connection.client.loginStart(name, 'x'));
        connection.step({ type: 'gone' });
        if (answer.kind === 'loginChallenge') continue;
        const steps = connection.actions.map((action) => action.do);
        answers.push({ i, frame: connection.frames.at(-1), steps, close: connection.close });
        expect((answer as ErrorMessage).code).toBe('try-later');
        break;
      }
    }
    expect(answers.length).toBe(4);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });
});
