// The contract of a store in detail. Whatever implements `Store` passes it, or is none.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { NewUser, Store, User } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { codeOf, created, type OpenedStore, type OpenFresh } from '../support/store-fixtures.js';
import { storeCodesSuite } from './store-codes.js';
import { storeModelSuite } from './store-model.js';
import { storeSessionsSuite } from './store-sessions.js';
import { storeValuesSuite } from './store-values.js';

const names = (users: readonly User[]): string[] => users.map(({ username }) => username);

/** `processes`: how many may have the data open; with `many` openFresh answers `another`. */
export function storeSuite(name: string, processes: 'one' | 'many', openFresh: OpenFresh): void {
  describe(`store contract: ${name}`, () => {
    let opened: OpenedStore | undefined;
    const open = async (): Promise<Store> => (opened = await openFresh()).store;
    const create = async (store: Store, user: NewUser): Promise<User> => created(await store.createUserIfAbsent(user));
    const close = async (): Promise<void> => {
      await opened?.close();
      opened = undefined;
    };
    const openTwo = async (): Promise<readonly [Store, Store]> => [await open(), await opened!.another!()];
    const tools = { open, close, create, openTwo: processes === 'many' ? openTwo : undefined };
    afterEach(close);

    describe('users', () => {
      test('a created user is found by name and id, with all that was given', async () => {
        const store = await open();
        const user = make.newUser('anna', {
          roles: ['admin', 'ops'],
          attributes: { colour: 'blue', deep: { list: [1] } },
        });
        const result = await create(store, user);
        const { credential: _, ...rest } = user;
        expect(result).toEqual({ ...rest, status: 'active', recordVersion: 1 });
        expect(await store.findUser('anna')).toEqual(result);
        expect(await store.getUser(user.userId)).toEqual(result);
      });

      test('unknown names and ids give undefined', async () => {
        const store = await open();
        expect(await store.findUser('nobody')).toBeUndefined();
        expect(await store.getUser(make.bytes(16))).toBeUndefined();
      });

      test('names are compared byte by byte', async () => {
        const store = await open();
        await create(store, make.newUser('anna'));
        for (const other of ['Anna', 'anna ', 'ann', 'annà', 'anna\u0301']) {
          expect(await store.findUser(other)).toBeUndefined();
          expect((await store.getUserOrDecoy(other)).exists).toBe(false);
        }
      });

      test('a taken name changes nothing', async () => {
        const store = await open();
        const first = make.newUser('anna', { roles: ['first'] });
        await create(store, first);
        const second = make.newUser('anna', { roles: ['second'] });
        expect(await store.createUserIfAbsent(second)).toEqual({ result: 'taken' });
        expect((await store.findUser('anna'))?.userId).toEqual(first.userId);
        expect((await store.getUserOrDecoy('anna')).credential).toEqual(first.credential);
        expect(await store.getUser(second.userId)).toBeUndefined();
      });

      test('of many who take one name at once exactly one gets it', async () => {
        const store = await open();
        const users = Array.from({ length: 20 }, () => make.newUser('anna'));
        const results = await Promise.all(users.map((user) => store.createUserIfAbsent(user)));
        expect(results.filter(({ result }) => result === 'created')).toHaveLength(1);
        expect(results.filter(({ result }) => result === 'taken')).toHaveLength(19);
        const winner = users[results.findIndex(({ result }) => result === 'created')]!;
        expect((await store.getUserOrDecoy('anna')).credential).toEqual(winner.credential);
      });

      test('a user id is never used again, not even after deletion', async () => {
        const store = await open();
        const user = make.newUser('anna');
        await create(store, user);
        expect(await codeOf(store.createUserIfAbsent(make.newUser('berta', { userId: user.userId })))).toBe(
          'store-failed',
        );
        expect(await store.deleteUser(user.userId)).toBe(true);
        expect(await codeOf(store.createUserIfAbsent(make.newUser('berta', { userId: user.userId })))).toBe(
          'store-failed',
        );
        expect(await store.findUser('berta')).toBeUndefined();
      });

      test('a deleted name can be taken again and is another user', async () => {
        const store = await open();
        const first = await create(store, make.newUser('anna', { roles: ['admin'], attributes: { secret: true } }));
        await store.setUserStatus(first.userId, 'disabled');
        expect(await store.deleteUser(first.userId)).toBe(true);
        expect(await store.findUser('anna')).toBeUndefined();
        expect((await store.getUserOrDecoy('anna')).exists).toBe(false);
        expect(await store.deleteUser(first.userId)).toBe(false);
        const second = await create(store, make.newUser('anna'));
        expect(second).toMatchObject({ status: 'active', recordVersion: 1, roles: [], attributes: {} });
        expect(await store.getUser(first.userId)).toBeUndefined();
      });

      test('status, roles and attributes change; false for unknown users', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        expect(await store.setUserStatus(userId, 'disabled')).toBe(true);
        expect(await store.setUserRoles(userId, ['b', 'a', 'b'])).toBe(true);
        expect(await store.setUserAttributes(userId, { n: 1, skipped: undefined })).toBe(true);
        expect(await store.getUser(userId)).toMatchObject({
          status: 'disabled',
          roles: ['b', 'a'],
          attributes: { n: 1 },
        });
        expect((await store.getUserOrDecoy('anna')).status).toBe('disabled');
        expect(await store.setUserStatus(userId, 'active')).toBe(true);
        expect((await store.getUserOrDecoy('anna')).status).toBe('active');
        const stranger = make.bytes(16);
        expect(await store.setUserStatus(stranger, 'disabled')).toBe(false);
        expect(await store.setUserRoles(stranger, [])).toBe(false);
        expect(await store.setUserAttributes(stranger, {})).toBe(false);
      });
    });

    describe('getUserOrDecoy', () => {
      test('gives the credential and state of a user', async () => {
        const store = await open();
        const user = make.newUser('anna', { credential: make.newCredential({ ksf: make.PBKDF2 }) });
        await create(store, user);
        const { userId, credential } = user;
        const row = { exists: true, status: 'active', userId, recordVersion: 1, credential };
        expect(await store.getUserOrDecoy('anna')).toEqual(row);
      });

      test('gives a row of the same shape and sizes for unknown names, with no byte of another user', async () => {
        const store = await open();
        const sizes = (row: object): unknown =>
          JSON.parse(
            JSON.stringify(row, (_, v: unknown) =>
              v instanceof Uint8Array ? v.length : typeof v === 'object' ? v : typeof v,
            ),
          );
        const empty = await store.getUserOrDecoy('nobody');
        const user = make.newUser('anna');
        await create(store, user);
        const known = await store.getUserOrDecoy('anna');
        expect(empty.exists).toBe(false);
        expect(sizes(empty)).toEqual(sizes(known));
        for (let i = 0; i < 50; i++) {
          // The same constants for every name: nothing of anna's.
          expect(await store.getUserOrDecoy(`nobody${i}`)).toEqual(empty);
        }
      });
    });

    describe('listUsers', () => {
      test('lists in code-point order, not in that of UTF-16 units', async () => {
        const store = await open();
        // U+FF5A comes before U+10400 by code point, and after its surrogates by UTF-16 unit.
        const sorted = ['a', 'ab', 'b', 'é', 'ｚ', '𐐀', '𐐀a'];
        for (const username of ['𐐀', 'b', 'ｚ', 'a', '𐐀a', 'é', 'ab']) await create(store, make.newUser(username));
        expect(names(await store.listUsers())).toEqual(sorted);
        for (const [i, after] of sorted.entries()) {
          expect(names(await store.listUsers({ after, limit: 2 }))).toEqual(sorted.slice(i + 1, i + 3));
        }
        expect(names(await store.listUsers({ after: 'aa', limit: 1 }))).toEqual(['ab']);
        expect(names(await store.listUsers({ after: '', limit: 1 }))).toEqual(['a']);
      });

      test('pages cover everybody once, across deletion of the one who ends a page', async () => {
        const store = await open();
        const all = Array.from({ length: 23 }, (_, i) => `user${String(i).padStart(2, '0')}`);
        const users = await Promise.all(all.map((username) => create(store, make.newUser(username))));
        const seen: string[] = [];
        for (let after = ''; ;) {
          const page = names(await store.listUsers({ after, limit: 5 }));
          if (page.length === 0) break;
          seen.push(...page);
          after = page.at(-1)!;
          await store.deleteUser(users[all.indexOf(after)]!.userId);
        }
        expect(seen).toEqual(all);
      });

      test.each([0, 1001, 1.5, Number.NaN])('refuses the limit %p', async (limit) => {
        const store = await open();
        expect(await codeOf(store.listUsers({ limit }))).toBe('option-invalid');
      });
    });

    describe('profileShares', () => {
      test('counts active users by seed, server key and KSF', async () => {
        const store = await open();
        const [seedA, seedB, key] = [make.bytes(16), make.bytes(16), make.bytes(16)];
        const a = { oprfSeedId: seedA, serverKeyId: key, ksf: make.ARGON2ID };
        const b = { oprfSeedId: seedB, serverKeyId: key, ksf: make.ARGON2ID };
        const c = { oprfSeedId: seedB, serverKeyId: key, ksf: make.PBKDF2 };
        const profiles = [a, a, a, b, c, c, c];
        const users = profiles.map((p, i) => make.newUser(`user${i}`, { credential: make.newCredential(p) }));
        for (const user of users) await create(store, user);
        await store.setUserStatus(users[6]!.userId, 'disabled');
        const shares = await store.profileShares(20_000);
        expect(shares).toHaveLength(3);
        expect(shares).toEqual(
          expect.arrayContaining([
            { ...a, count: 3 },
            { ...b, count: 1 },
            { ...c, count: 2 },
          ]),
        );
      });

      test('stays as it was for the rest of its day, and afresh on the next', async () => {
        const store = await open();
        const user = make.newUser('anna');
        expect(await store.profileShares(20_000)).toEqual([]);
        await create(store, user);
        expect(await store.profileShares(20_000)).toEqual([]);
        const next = await store.profileShares(20_001);
        const { oprfSeedId, serverKeyId, ksf } = user.credential;
        expect(next).toEqual([{ oprfSeedId, serverKeyId, ksf, count: 1 }]);
        await store.deleteUser(user.userId);
        expect(await store.profileShares(20_001)).toEqual(next);
        expect(await store.profileShares(20_002)).toEqual([]);
        expect(await store.profileShares(20_001)).toEqual(next);
      });

      test('asked for by many at once, is one snapshot in one order', async () => {
        const store = await open();
        for (let i = 0; i < 5; i++) await create(store, make.newUser(`user${i}`));
        const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => store.profileShares(20_000)));
        expect(first).toHaveLength(5);
        for (const other of others) expect(other).toEqual(first);
      });
    });

    describe('closing', () => {
      test('finishes what was asked before, and refuses what comes after', async () => {
        const store = await open();
        const pending = store.createUserIfAbsent(make.newUser('anna'));
        await store.close();
        expect((await pending).result).toBe('created');
        await store.close();
        for (const asked of [
          store.getUserOrDecoy('anna'),
          store.findUser('anna'),
          store.listUsers(),
          store.profileShares(1),
          store.createUserIfAbsent(make.newUser('berta')),
          store.createCode(make.newInvite('c')),
          store.deleteUser(make.bytes(16)),
        ]) {
          expect(await codeOf(asked)).toBe('store-failed');
        }
      });
    });

    storeCodesSuite(tools);
    storeValuesSuite(tools);
    storeModelSuite(openFresh);
    storeSessionsSuite(tools);
  });
}
