// The state machine of a connection while the store is being asked, and what changes meanwhile.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { BlindsaltError, type LoginChallenge, type SignupChallenge } from '../../proto/index.js';
import { createBench, type Bench, type BenchConnection } from '../support/connection-bench.js';
import { replaceRecord } from '../support/store-fixtures.js';
import { expectClosedWith, freshName, play } from '../support/connection-play.js';

let bench: Bench;

beforeAll(async () => {
  bench = await createBench();
  expect(await bench.connect().signup('alice')).toMatchObject({ kind: 'welcome' });
});

describe('while the store is being asked', () => {
  const ways: readonly (readonly [string, (connection: BenchConnection) => Promise<unknown>])[] = [
    ['looking up', async (c) => c.frame(c.client.loginStart('alice', 'correct horse'))],
    [
      'beginning a session',
      async (c) => {
        const challenge = await c.exchange(c.client.loginStart('alice', 'correct horse'));
        c.frame(c.client.loginFinish(challenge as LoginChallenge));
      },
    ],
    [
      'creating',
      async (c) => {
        const challenge = await c.exchange(c.client.signupStart(freshName(), 'correct horse'));
        c.frame(c.client.signupFinish(challenge as SignupChallenge));
      },
    ],
    [
      'checking a code',
      async (c) => c.frame(c.client.signupStart(freshName(), 'correct horse', { invite: 'A'.repeat(26) })),
    ],
  ];

  test.each(['carol', undefined])(
    'a deadline while an account is created waits for the store (taken: %s)',
    async (taken) => {
      const username = taken ?? freshName();
      if (taken !== undefined) expect((await bench.connect().signup(taken, 'correct horse')).kind).toBe('welcome');
      let offers = 0;
      const connection = bench.connect({ selectSubprotocol: () => ((offers += 1), '') });
      const challenge = await connection.exchange(connection.client.signupStart(username, 'correct horse'));
      connection.frame(connection.client.signupFinish(challenge as SignupChallenge));
      // What the application decides comes before anything is stored.
      expect(offers).toBe(1);
      expect(connection.step({ type: 'deadline' })).toEqual([]);
      await connection.settle();
      expect(connection.connection.isOpen).toBe(taken === undefined);
      if (taken !== undefined) expectClosedWith(connection, 'handshake-timeout');
      expect(offers).toBe(1);
    },
  );

  test('an application that fails to choose a subprotocol: no account', async () => {
    const username = freshName();
    const selectSubprotocol = (): string => {
      throw new Error('a defect of the application');
    };
    const connection = bench.connect({ selectSubprotocol });
    const challenge = await connection.exchange(connection.client.signupStart(username, 'correct horse'));
    connection.frame(connection.client.signupFinish(challenge as SignupChallenge));
    await connection.settle();
    expectClosedWith(connection, 'server-error');
    expect(await bench.store.findUser(username)).toBeUndefined();
  });

  describe.each(ways)('%s', (name, begin) => {
    test.each(['L', 'S', 'l', 's', 'w', 'g', 'a'] as const)('a further message (%s) closes', async (letter) => {
      const connection = bench.connect();
      await begin(connection);
      expect(connection.pending).toBeDefined();
      const question = connection.pending!;
      connection.pending = undefined;
      expect(await play(connection, letter)).toBe(letter === 'a' ? 'early-frame' : 'protocol-error');
      expect(connection.connection.isClosed).toBe(true);
      // The answer comes too late and does nothing.
      connection.pending = question;
      expect(await connection.settle()).toEqual([]);
    });

    // While an account is created it waits; see above.
    if (name !== 'creating') {
      test('the deadline closes', async () => {
        const connection = bench.connect();
        await begin(connection);
        connection.step({ type: 'deadline' });
        expectClosedWith(connection, 'handshake-timeout');
        expect(await connection.settle()).toEqual([]);
      });
    }

    test('a failing store closes with server-error, and the error goes to the log', async () => {
      const connection = bench.connect();
      await begin(connection);
      const error = new BlindsaltError('store-failed');
      connection.step({ type: 'failed', error });
      expectClosedWith(connection, 'server-error');
      expect(connection.actions).toContainEqual({ do: 'log-error', error });
    });

    test('the peer leaves: silence', async () => {
      const connection = bench.connect();
      await begin(connection);
      expect(connection.step({ type: 'gone' })).toEqual([]);
      expect(await connection.settle()).toEqual([]);
    });
  });
});

describe('what changes between challenge and finish', () => {
  const upToFinish = async (name: string) => {
    const connection = bench.connect();
    await bench.connect().signup(name);
    const challenge = await connection.exchange(connection.client.loginStart(name, 'correct horse'));
    return { connection, finish: connection.client.loginFinish(challenge as LoginChallenge) };
  };

  test.each<[string, (userId: Uint8Array) => Promise<unknown>, string]>([
    ['deleted', (id) => bench.store.deleteUser(id), 'user-deleted'],
    ['disabled', (id) => bench.store.setUserStatus(id, 'disabled'), 'account-disabled'],
    [
      'credential replaced',
      async (id) => replaceRecord(bench.store, id, 1, (await bench.store.getUserOrDecoy('alice')).credential),
      'record-changed',
    ],
  ])('%s: login-failed', async (_name, change, reason) => {
    const name = freshName();
    const { connection, finish } = await upToFinish(name);
    await change((await bench.store.findUser(name))!.userId);
    expect(await connection.exchange(finish)).toMatchObject({ code: 'login-failed' });
    expect(connection.reasons).toContain(reason);
  });
});
