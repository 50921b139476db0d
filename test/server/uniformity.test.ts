// What a stranger can see of a name that exists, one that does not, and one that is disabled must not differ: neither in
// any field, nor in the work, counted in calls of the core and of the store (no timing: counting cannot flake).
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_KSF, LABEL, type KsfParameters, type LoginChallenge } from '../../proto/index.js';
import { loadCrypto, type Crypto } from '../../src/crypto/index.js';
import type { ProfileShare, Store } from '../../src/server/index.js';
import { createDecoy } from '../../src/server/decoy.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { createBench, type Bench, type BenchConnection } from '../support/connection-bench.js';
import { makeServerKeys } from '../support/server-keys.js';

/** Counts calls of every function of the core, by path and length of arguments. */
function counting(crypto: Crypto, calls: string[]): Crypto {
  const wrap = <T extends object>(target: T, path: string): T =>
    new Proxy(target, {
      get(object, name) {
        const value: unknown = Reflect.get(object, name);
        const inner = `${path}.${String(name)}`;
        return typeof value === 'function' || (typeof value === 'object' && value !== null)
          ? wrap(value, inner)
          : value;
      },
      apply(object, self, args: unknown[]) {
        const lengths = args.map((arg) => (arg instanceof Uint8Array ? arg.length : typeof arg));
        calls.push(`${path}(${lengths.join()})`);
        const result = (Reflect.apply as (f: object, self: unknown, args: unknown[]) => unknown)(object, self, args);
        // Calls of signers and keys count too.
        return /\.(?:createSigner|createHmacKey)$/.test(path) ? wrap(result as object, `${path}()`) : result;
      },
    });
  return wrap(crypto, 'crypto');
}

const NAMES = { known: 'alice', unknown: 'nobod', disabled: 'dora1' } as const;
type Kind = keyof typeof NAMES;
const KINDS = Object.keys(NAMES) as Kind[];

let bench: Bench;
const calls: string[] = [];

beforeAll(async () => {
  const crypto = await loadCrypto();
  // One class, so that the fields that a class decides agree; what several classes do is tested below.
  bench = await createBench({ serverCrypto: counting(crypto, calls), ksf: [DEFAULT_KSF.argon2id] });
  for (const kind of ['known', 'disabled'] as const) {
    expect(await bench.connect().signup(NAMES[kind])).toMatchObject({ kind: 'welcome' });
  }
  await bench.store.setUserStatus((await bench.store.findUser(NAMES.disabled))!.userId, 'disabled');
});

interface Observation {
  readonly challenge: LoginChallenge;
  readonly frames: readonly Uint8Array[];
  readonly steps: readonly string[];
  readonly calls: readonly string[];
  readonly connection: BenchConnection;
}

async function observe(kind: Kind): Promise<Observation> {
  const connection = bench.connect();
  calls.length = 0;
  const challenge = (await connection.exchange(
    connection.client.loginStart(NAMES[kind], 'wrong password'),
  )) as LoginChallenge;
  await connection.exchange(connection.client.loginFinish(challenge));
  const steps = connection.actions.map((action) => (action.do === 'ask' ? `ask ${action.question.ask}` : action.do));
  return { challenge, frames: connection.frames, steps, calls: [...calls], connection };
}

describe('one login each, with a wrong password', () => {
  let seen: Record<Kind, Observation>;
  beforeAll(async () => {
    // What is made once for all names is not counted.
    await observe('unknown');
    seen = { known: await observe('known'), unknown: await observe('unknown'), disabled: await observe('disabled') };
  });

  test('the challenges agree in every field that is not random', () => {
    for (const kind of KINDS) {
      const { challenge } = seen[kind];
      const { ksf, ksfMemoryKiB, ksfIterations, ksfParallelism, serverKeyId } = seen.known.challenge;
      expect(challenge).toMatchObject({ kind: 'loginChallenge', ksf, ksfMemoryKiB, ksfIterations, ksfParallelism });
      expect(challenge.serverKeyId).toEqual(serverKeyId);
      expect(challenge.mechanismData).toHaveLength(192);
      expect(bench.crypto.ristretto255.isValid(challenge.mechanismData.slice(0, 32))).toBe(true);
    }
  });

  test('the server signs each with its key', () => {
    for (const kind of KINDS) {
      expect(calls.length).toBeGreaterThan(0);
      const signs = seen[kind].calls.filter((call) => /^crypto\.schnorr\.(?:createSigner\(\)\.)?sign\(/.test(call));
      const lengths = `${2 + 9 + 2 + 5 + 32 + 64},${LABEL.loginServer.length},32`;
      expect(signs).toEqual([`crypto.schnorr.createSigner().sign(${lengths})`]);
    }
  });

  test('frames: as many, of the same lengths; the last, the error, is the same to the byte', () => {
    const shape = ({ frames }: Observation) => frames.map((frame) => frame.length);
    for (const kind of KINDS) {
      expect(shape(seen[kind])).toEqual(shape(seen.known));
      expect(seen[kind].frames.at(-1)).toEqual(seen.known.frames.at(-1));
    }
    expect(seen.known.connection.client.received.at(-1)).toMatchObject({ kind: 'error', code: 'login-failed' });
  });

  test('steps: the same actions and the same questions to the store', () => {
    for (const kind of KINDS) expect(seen[kind].steps).toEqual(seen.known.steps);
    expect(seen.known.steps.filter((step) => step.startsWith('ask'))).toEqual(['ask login']);
  });

  test('work: the same calls of the core, with arguments of the same lengths, in the same order', () => {
    for (const kind of KINDS) expect(seen[kind].calls).toEqual(seen.known.calls);
    expect(seen.known.calls.filter((call) => call.startsWith('crypto.schnorr.verify('))).toHaveLength(1);
    expect(seen.known.calls.filter((call) => call.startsWith('crypto.opaque.evaluate('))).toHaveLength(1);
  });

  test('only the log tells them apart', () => {
    expect(KINDS.map((kind) => seen[kind].connection.reasons.at(-1))).toEqual([
      'proof-invalid',
      'user-unknown',
      'account-disabled',
    ]);
  });
});

test('the right password of a disabled account is answered like a wrong one, and to the byte like an unknown user', async () => {
  const disabled = bench.connect();
  expect(await disabled.login(NAMES.disabled)).toMatchObject({ code: 'login-failed' });
  expect(disabled.isProven).toBe(true);
  expect(disabled.actions.filter((action) => action.do === 'ask')).toHaveLength(1);
  expect(disabled.frames.at(-1)).toEqual((await observe('unknown')).frames.at(-1));
});

test.each(KINDS)('%s: the same blinded element is evaluated under the same key each time', async (kind) => {
  const request = bench.crypto.ristretto255.fromUniformBytes(new Uint8Array(64).fill(9));
  const ask = async (name: string): Promise<Uint8Array> => {
    const connection = bench.connect();
    const start = connection.client.loginStart(name, 'x', { mechanismData: request });
    const challenge = (await connection.exchange(start)) as LoginChallenge;
    return challenge.mechanismData;
  };
  const [first, second, other] = [await ask(NAMES[kind]), await ask(NAMES[kind]), await ask('other')];
  expect(first.slice(0, 32)).toEqual(second.slice(0, 32));
  expect(first.slice(0, 32)).not.toEqual(other.slice(0, 32));
  // Masking nonces are fresh, so everything masked differs.
  expect(first.slice(32, 64)).not.toEqual(second.slice(32, 64));
  expect(first.slice(64)).not.toEqual(second.slice(64));
});

test('what is masked is of one piece too: key and envelope unmask to the same twice, for unknown names as for known', async () => {
  // A stranger cannot unmask; the server can, and two answers that contradicted each other would show a decoy.
  const keys = bench.keys;
  const decoy = (name: string) => createDecoy(bench.crypto, keys, bench.context.settings.ksf, [], name);
  expect(decoy('nobod')).toEqual(decoy('nobod'));
  expect(decoy('nobod').credentialIdentifier).not.toEqual(decoy('nobodx').credentialIdentifier);
  expect(decoy('nobod').registrationRecord).toHaveLength(192);
  expect(bench.crypto.ristretto255.isValid(decoy('nobod').registrationRecord.slice(0, 32))).toBe(true);
});

test('the record of decoys depends on the server’s secret', async () => {
  const { crypto } = bench;
  const record = (keys: typeof bench.keys) =>
    createDecoy(crypto, keys, bench.context.settings.ksf, [], 'nobod').registrationRecord;
  const other = record(makeServerKeys(crypto, bench.keys.domain));
  for (const [from, to] of [
    [0, 32],
    [32, 96],
  ] as const) {
    expect(record(bench.keys).slice(from, to)).not.toEqual(other.slice(from, to));
    expect(record({ ...bench.keys }).slice(from, to)).toEqual(record(bench.keys).slice(from, to));
  }
});

describe('decoys follow the population', () => {
  type Keys = ReturnType<typeof makeServerKeys>;
  const { argon2id } = DEFAULT_KSF;
  const NAMES_DRAWN = Array.from({ length: 400 }, (_, i) => `name${i}`);
  let crypto: Crypto;
  let old: Keys;
  let keys: Keys;
  beforeAll(async () => {
    crypto = await loadCrypto();
    old = makeServerKeys(crypto, 'localhost');
    const now = makeServerKeys(crypto, 'localhost');
    keys = {
      ...now,
      oprfSeeds: [...now.oprfSeeds, ...old.oprfSeeds],
      serverKeys: [...now.serverKeys, ...old.serverKeys],
    };
  });
  const share = (source: Keys, count: number, ksf = argon2id): ProfileShare => ({
    oprfSeedId: source.oprfSeeds[0]!.id,
    serverKeyId: source.serverKeys[0]!.id,
    ksf,
    count,
  });
  const draw = (shares: readonly ProfileShare[], ksfs: readonly KsfParameters[] = [argon2id]) =>
    NAMES_DRAWN.map((name) => createDecoy(crypto, keys, ksfs, shares, name));
  const isOld = ({ oprfSeed }: { oprfSeed: unknown }): boolean => oprfSeed === old.oprfSeeds[0];

  test('seed, server key and KSF are drawn together, by the shares of the day', () => {
    const before = { ...argon2id, iterations: 2 };
    const decoys = draw([share(old, 30, before), share(keys, 10)]);
    for (const decoy of decoys) {
      expect(decoy.serverKey).toBe((isOld(decoy) ? old : keys).serverKeys[0]);
      expect(decoy.ksf).toEqual(isOld(decoy) ? before : argon2id);
    }
    // Expected 300, standard deviation 9: beyond eight of them by chance once in 10^15.
    expect(decoys.filter(isOld).length).toBeGreaterThan(228);
    expect(decoys.filter(isOld).length).toBeLessThan(372);
  });

  test('other shares move few names, and a name that moves looks registered anew', () => {
    const before = draw([share(old, 60), share(keys, 40)]);
    const after = draw([share(old, 55), share(keys, 45)]);
    const moved = NAMES_DRAWN.flatMap((_, i) => (isOld(before[i]!) === isOld(after[i]!) ? [] : [i]));
    // A twentieth: 20 of 400 expected. Only towards the class that has gained.
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.length).toBeLessThan(60);
    for (const [i, one] of before.entries()) {
      const other = after[i]!;
      if (!moved.includes(i)) {
        expect(other).toEqual(one);
        continue;
      }
      expect(isOld(one)).toBe(true);
      expect(other.credentialIdentifier).not.toEqual(one.credentialIdentifier);
    }
  });

  test('what a new registration could get appears before anybody has it', () => {
    const stronger = { ...argon2id, iterations: 4 };
    const fresh = draw([share(old, 1000)], [stronger]).filter((decoy) => !isOld(decoy));
    // At least a twentieth: about 19 of 400.
    expect(fresh.length).toBeGreaterThan(2);
    expect(fresh.length).toBeLessThan(60);
    for (const decoy of fresh) {
      expect([decoy.oprfSeed, decoy.serverKey, decoy.ksf]).toEqual([keys.oprfSeeds[0], keys.serverKeys[0], stronger]);
    }
  });

  test('without users: the current keys, and each KSF that somebody could get', () => {
    const ksfs = [argon2id, DEFAULT_KSF['pbkdf2-sha512']];
    const decoys = draw([], ksfs);
    for (const decoy of decoys) {
      expect([decoy.oprfSeed, decoy.serverKey]).toEqual([keys.oprfSeeds[0], keys.serverKeys[0]]);
    }
    expect(new Set(decoys.map(({ ksf }) => ksf))).toEqual(new Set(ksfs));
  });

  test('a class whose keys are missing is nobody’s', () => {
    const gone = makeServerKeys(crypto, 'localhost');
    for (const decoy of draw([share(gone, 1000)])) expect(decoy.oprfSeed).toBe(keys.oprfSeeds[0]);
  });
});

test('a user whose seed or server key is missing from the key file fails like everybody, and the operator is told', async () => {
  const store: Store = openMemoryStore();
  const first = await createBench({ store });
  await first.connect().signup('alice');
  const second = await createBench({ store });
  const connection = second.connect();
  expect(await connection.login('alice')).toMatchObject({ code: 'login-failed' });
  expect(connection.actions).toContainEqual(
    expect.objectContaining({ do: 'log', level: 'error', reason: 'keys-missing' }),
  );
});

test('what a store answers for an unknown name is not used, be it somebody’s real row', async () => {
  const other = await bench.store.getUserOrDecoy(NAMES.known);
  const strange: Store = {
    ...openMemoryStore(),
    getUserOrDecoy: async () => ({ ...other, exists: false }),
    profileShares: (day) => bench.store.profileShares(day),
  };
  const request = bench.crypto.ristretto255.fromUniformBytes(new Uint8Array(64).fill(9));
  const ask = async (from: Bench): Promise<Uint8Array> => {
    const connection = from.connect();
    const start = connection.client.loginStart(NAMES.unknown, 'x', { mechanismData: request });
    return ((await connection.exchange(start)) as LoginChallenge).mechanismData.slice(0, 32);
  };
  expect(await ask(await createBench({ store: strange, keys: bench.keys, ksf: [DEFAULT_KSF.argon2id] }))).toEqual(
    await ask(bench),
  );
});

describe('sign-up', () => {
  test('the challenge for a taken name is like any other; only the finish tells', async () => {
    const taken = bench.connect();
    const free = bench.connect();
    calls.length = 0;
    const one = await taken.exchange(taken.client.signupStart('alice', 'correct horse'));
    const takenCalls = calls.splice(0);
    const two = await free.exchange(free.client.signupStart('zelda', 'correct horse'));
    expect(calls.splice(0)).toEqual(takenCalls);
    expect(taken.frames[1]!.length).toBe(free.frames[1]!.length);
    for (const field of ['kind', 'ksf', 'serverKeyId', 'ksfMemoryKiB', 'ksfIterations', 'ksfParallelism'] as const) {
      expect(Reflect.get(one, field)).toEqual(Reflect.get(two, field));
    }
    expect(taken.actions.some((action) => action.do === 'ask')).toBe(false);
  });
});
