// The contract of a store in detail. Whatever implements `Store` passes it, or is none.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { BlindsaltError } from '../../proto/errors.js';
import type { Attributes, CreateUserResult, NewUser, RegistrationCode, Store, User } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import type { OpenedStore, OpenFresh } from '../support/store-fixtures.js';
import { storeModelSuite } from './store-model.js';

function created(outcome: CreateUserResult): User {
  if (outcome.result !== 'created') throw new Error(`expected a created user, got ${outcome.result}`);
  return outcome.user;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: BlindsaltError) => error.code,
  );

const names = (users: readonly User[]): string[] => users.map(({ username }) => username);

export function storeSuite(name: string, openFresh: OpenFresh): void {
  describe(`store contract: ${name}`, () => {
    let opened: OpenedStore | undefined;
    const open = async (): Promise<Store> => (opened = await openFresh()).store;
    const create = async (store: Store, user: NewUser): Promise<User> => created(await store.createUserIfAbsent(user));
    afterEach(async () => {
      await opened?.close();
      opened = undefined;
    });

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

    describe('replaceRecordIfVersion', () => {
      test('swaps the credential and raises the version', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        const credential = make.newCredential({ ksf: make.PBKDF2 });
        expect(await store.replaceRecordIfVersion(userId, 1, credential)).toBe(true);
        expect(await store.getUserOrDecoy('anna')).toMatchObject({ recordVersion: 2, credential, userId });
        expect((await store.getUser(userId))?.recordVersion).toBe(2);
      });

      test('changes nothing at another version or for an unknown user', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        const before = await store.getUserOrDecoy('anna');
        expect(await store.replaceRecordIfVersion(userId, 2, make.newCredential())).toBe(false);
        expect(await store.replaceRecordIfVersion(make.bytes(16), 1, make.newCredential())).toBe(false);
        expect(await store.getUserOrDecoy('anna')).toEqual(before);
      });

      test('of many at once exactly one wins', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        const credentials = Array.from({ length: 10 }, () => make.newCredential());
        const swapped = await Promise.all(credentials.map((one) => store.replaceRecordIfVersion(userId, 1, one)));
        expect(swapped.filter(Boolean)).toHaveLength(1);
        const row = await store.getUserOrDecoy('anna');
        expect(row.recordVersion).toBe(2);
        expect(row.credential).toEqual(credentials[swapped.indexOf(true)]);
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

    describe('invites', () => {
      test('let one user in and are used up; their roles are added', async () => {
        const store = await open();
        await store.createCode(make.newInvite('c', { roles: ['guest', 'admin'] }));
        expect(await store.isCodeValid(make.useOf('c'))).toBe(true);
        const user = created(
          await store.createUserIfAbsent(make.newUser('anna', { roles: ['admin'] }), make.useOf('c')),
        );
        expect(user.roles).toEqual(['admin', 'guest']);
        expect(await store.isCodeValid(make.useOf('c'))).toBe(false);
        expect(await store.createUserIfAbsent(make.newUser('berta'), make.useOf('c'))).toEqual({
          result: 'code-invalid',
        });
        expect(await store.findUser('berta')).toBeUndefined();
      });

      test('used twice at once let one user in', async () => {
        const store = await open();
        await store.createCode(make.newInvite('c'));
        const uses = ['anna', 'berta', 'carla'].map((n) => store.createUserIfAbsent(make.newUser(n), make.useOf('c')));
        const results = (await Promise.all(uses)).map(({ result }) => result).sort();
        expect(results).toEqual(['code-invalid', 'code-invalid', 'created']);
        expect(await store.listUsers()).toHaveLength(1);
      });

      test('unknown codes are refused', async () => {
        const store = await open();
        expect(await store.isCodeValid(make.useOf('c'))).toBe(false);
        expect(await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c'))).toEqual({
          result: 'code-invalid',
        });
      });

      test('are valid before their time of expiry and not at it', async () => {
        const store = await open();
        await store.createCode(make.newInvite('c', { expiresAtMs: 5000 }));
        expect(await store.isCodeValid(make.useOf('c', 4999))).toBe(true);
        expect(await store.isCodeValid(make.useOf('c', 5000))).toBe(false);
        expect(await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c', 5000))).toEqual({
          result: 'code-invalid',
        });
        // A clock that went wrong and came back destroys no code.
        expect((await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c', 4999))).result).toBe('created');
      });

      test('are spent on learning that a name is taken', async () => {
        const store = await open();
        await create(store, make.newUser('anna'));
        await store.createCode(make.newInvite('c'));
        expect(await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c'))).toEqual({ result: 'taken' });
        expect(await store.isCodeValid(make.useOf('c'))).toBe(false);
      });

      test('stay unused when the creation fails', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        const many = Array.from({ length: 32 }, (_, i) => `role${i}`);
        await store.createCode(make.newInvite('c', { roles: ['one too many'] }));
        expect(await codeOf(store.createUserIfAbsent(make.newUser('berta', { userId }), make.useOf('c')))).toBe(
          'store-failed',
        );
        const rich = make.newUser('berta', { roles: many });
        expect(await codeOf(store.createUserIfAbsent(rich, make.useOf('c')))).toBe('option-invalid');
        expect(await store.isCodeValid(make.useOf('c'))).toBe(true);
        expect(await store.findUser('berta')).toBeUndefined();
      });

      test('exist once', async () => {
        const store = await open();
        await store.createCode(make.newInvite('c'));
        expect(await codeOf(store.createCode(make.newInvite('c', { expiresAtMs: 9000 })))).toBe('store-failed');
        expect(await store.isCodeValid(make.useOf('c', 3000))).toBe(false);
      });
    });

    describe('reset codes', () => {
      test('replace the credential of their user and keep everything else', async () => {
        const store = await open();
        const old = make.newUser('anna', { roles: ['admin'], attributes: { a: 1 } });
        await create(store, old);
        await store.createCode(make.newReset('c', old.userId));
        const anew = make.newUser('anna', { roles: ['other'], attributes: { b: 2 }, createdAtMs: 5 });
        const outcome = await store.createUserIfAbsent(anew, make.useOf('c'));
        const { userId, roles, attributes, createdAtMs } = old;
        const user = { userId, username: 'anna', status: 'active', recordVersion: 2, roles, attributes, createdAtMs };
        expect(outcome).toEqual({ result: 'reset', user });
        expect(await store.getUser(userId)).toEqual(user);
        expect(await store.getUser(anew.userId)).toBeUndefined();
        expect(await store.getUserOrDecoy('anna')).toMatchObject({
          userId,
          recordVersion: 2,
          credential: anew.credential,
        });
        expect(await store.isCodeValid(make.useOf('c'))).toBe(false);
      });

      test('used twice at once replace it once', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        await store.createCode(make.newReset('c', userId));
        const uses = [1, 2].map(() => store.createUserIfAbsent(make.newUser('anna'), make.useOf('c')));
        expect((await Promise.all(uses)).map(({ result }) => result).sort()).toEqual(['code-invalid', 'reset']);
        expect((await store.getUser(userId))?.recordVersion).toBe(2);
      });

      test('are for their user alone, and stay usable after another name was tried', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        await create(store, make.newUser('berta'));
        await store.createCode(make.newReset('c', userId));
        for (const username of ['berta', 'carla']) {
          expect(await store.createUserIfAbsent(make.newUser(username), make.useOf('c'))).toEqual({
            result: 'code-invalid',
          });
        }
        expect(await store.findUser('carla')).toBeUndefined();
        expect((await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c'))).result).toBe('reset');
      });

      test('do not enable a disabled user', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        await store.setUserStatus(userId, 'disabled');
        await store.createCode(make.newReset('c', userId));
        const outcome = await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c'));
        expect(outcome).toMatchObject({ result: 'reset', user: { status: 'disabled' } });
        expect((await store.getUserOrDecoy('anna')).status).toBe('disabled');
      });

      test('expire', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        await store.createCode(make.newReset('c', userId, 5000));
        expect(await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c', 5000))).toEqual({
          result: 'code-invalid',
        });
        expect((await store.getUser(userId))?.recordVersion).toBe(1);
      });

      test('die with their user, and are not for the next one of that name', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        await store.createCode(make.newReset('c', userId));
        await store.deleteUser(userId);
        expect(await store.isCodeValid(make.useOf('c'))).toBe(false);
        await create(store, make.newUser('anna'));
        expect(await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c'))).toEqual({
          result: 'code-invalid',
        });
      });

      test('are void once the credential was changed in another way', async () => {
        const store = await open();
        const { userId } = await create(store, make.newUser('anna'));
        const other = await create(store, make.newUser('berta'));
        await store.createCode(make.newReset('c1', userId));
        await store.createCode(make.newReset('c2', userId));
        await store.createCode(make.newReset('c3', other.userId));
        await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c1'));
        expect(await store.isCodeValid(make.useOf('c2'))).toBe(false);
        expect(await store.isCodeValid(make.useOf('c3'))).toBe(true);
        await store.replaceRecordIfVersion(other.userId, 1, make.newCredential());
        expect(await store.isCodeValid(make.useOf('c3'))).toBe(false);
      });

      test('need an existing user', async () => {
        const store = await open();
        expect(await codeOf(store.createCode(make.newReset('c', make.bytes(16))))).toBe('user-unknown');
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

    describe('what goes in and out', () => {
      test('byte strings are copied in, at once', async () => {
        const store = await open();
        const user = make.newUser('anna');
        const expected = structuredClone(user);
        const pending = store.createUserIfAbsent(user);
        const { registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId } = user.credential;
        for (const array of [user.userId, registrationRecord, credentialIdentifier, oprfSeedId, serverKeyId])
          array.fill(0);
        await pending;
        expect(await store.getUserOrDecoy('anna')).toMatchObject({
          userId: expected.userId,
          credential: expected.credential,
        });
      });

      test('what comes out is nobody else’s', async () => {
        const store = await open();
        const user = await create(store, make.newUser('anna', { attributes: { list: [1] }, roles: ['a'] }));
        const wipe = (row: Awaited<ReturnType<Store['getUserOrDecoy']>>): void => {
          row.userId.fill(1);
          row.credential.registrationRecord.fill(1);
          row.credential.credentialIdentifier.fill(1);
          row.credential.oprfSeedId.fill(1);
          row.credential.serverKeyId.fill(1);
        };
        for (const username of ['anna', 'nobody']) {
          const before = structuredClone(await store.getUserOrDecoy(username));
          wipe(await store.getUserOrDecoy(username));
          expect(await store.getUserOrDecoy(username)).toEqual(before);
        }
        const found = (await store.findUser('anna'))!;
        found.userId.fill(1);
        (found.attributes['list'] as number[]).push(2);
        (found.roles as string[]).push('b');
        expect(await store.findUser('anna')).toEqual(user);
        const share = (await store.profileShares(1))[0]!;
        share.oprfSeedId.fill(1);
        expect((await store.profileShares(1))[0]).not.toEqual(share);
      });

      const invalidUsers: readonly [string, () => Partial<NewUser>][] = [
        ['a short user id', () => ({ userId: make.bytes(15) })],
        ['a long user id', () => ({ userId: make.bytes(17) })],
        ['an array for a user id', () => ({ userId: Array(16).fill(1) as unknown as Uint8Array })],
        ['a short record', () => ({ credential: make.newCredential({ registrationRecord: make.bytes(191) }) })],
        ['a long record', () => ({ credential: make.newCredential({ registrationRecord: make.bytes(193) }) })],
        [
          'a short credential identifier',
          () => ({ credential: make.newCredential({ credentialIdentifier: make.bytes(31) }) }),
        ],
        ['a long seed id', () => ({ credential: make.newCredential({ oprfSeedId: make.bytes(17) }) })],
        ['an empty server key id', () => ({ credential: make.newCredential({ serverKeyId: make.bytes(0) }) })],
        [
          'an unknown KSF',
          () => ({ credential: make.newCredential({ ksf: { ...make.ARGON2ID, name: 'md5' as 'argon2id' } }) }),
        ],
        [
          'KSF parameters that are no 32-bit numbers',
          () => ({ credential: make.newCredential({ ksf: { ...make.ARGON2ID, memoryKiB: 2 ** 32 } }) }),
        ],
        ['an empty name', () => ({ username: '' })],
        ['a name over 255 bytes', () => ({ username: 'é'.repeat(128) })],
        ['a lone surrogate in a name', () => ({ username: 'a\ud800' })],
        ['a NUL in a name', () => ({ username: 'a\0b' })],
        ['33 roles', () => ({ roles: Array.from({ length: 33 }, (_, i) => `r${i}`) })],
        ['an empty role', () => ({ roles: [''] })],
        ['a role over 64 bytes', () => ({ roles: ['é'.repeat(33)] })],
        ['attributes over 16 KiB', () => ({ attributes: { a: 'x'.repeat(16_384) } })],
        ['attributes that are a list', () => ({ attributes: [] as unknown as Attributes })],
        ['attributes with a BigInt', () => ({ attributes: { a: 1n } })],
        [
          'attributes with a cycle',
          () => {
            const attributes: Attributes = {};
            attributes['self'] = attributes;
            return { attributes };
          },
        ],
        ['a fractional time', () => ({ createdAtMs: 1.5 })],
      ];
      test.each(invalidUsers)('refuses %s and keeps nothing', async (_, changes) => {
        const store = await open();
        expect(await codeOf(store.createUserIfAbsent(make.newUser('anna', changes())))).toBe('option-invalid');
        expect(await store.listUsers()).toEqual([]);
      });

      test('takes the longest name, most roles and largest attributes', async () => {
        const store = await open();
        const user = make.newUser(`${'é'.repeat(127)}x`, {
          roles: Array.from({ length: 32 }, (_, i) => `${'r'.repeat(62)}${i + 10}`),
          attributes: { a: 'x'.repeat(16_384 - '{"a":""}'.length) },
        });
        await create(store, user);
        expect(await store.findUser(user.username)).toMatchObject({ roles: user.roles, attributes: user.attributes });
      });

      test('attributes with awkward keys and text come back the same', async () => {
        const store = await open();
        const attributes = JSON.parse(
          '{"__proto__":{"x":1},"constructor":"\\u0000\\ud800","é":[null,true,1e300]}',
        ) as Attributes;
        const { userId } = await create(store, make.newUser('anna', { attributes }));
        expect(JSON.stringify((await store.getUser(userId))?.attributes)).toBe(JSON.stringify(attributes));
      });

      const invalidCodes: readonly [string, Partial<RegistrationCode>][] = [
        ['a short hash', { codeHash: make.bytes(31) }],
        ['an invite for a user', { userId: make.bytes(16) }],
        ['a reset for nobody', { kind: 'reset' }],
        ['an unknown kind', { kind: 'other' as 'reset' }],
        ['a reset with roles', { kind: 'reset', userId: make.bytes(16), roles: ['admin'] }],
        ['33 roles', { roles: Array.from({ length: 33 }, (_, i) => `r${i}`) }],
        ['an endless life', { expiresAtMs: Number.POSITIVE_INFINITY }],
      ];
      test.each(invalidCodes)('refuses a code with %s', async (_, changes) => {
        const store = await open();
        expect(await codeOf(store.createCode(make.newInvite('c', changes)))).toBe('option-invalid');
      });

      test('refuses questions of the wrong length', async () => {
        const store = await open();
        const short = make.bytes(15);
        for (const asked of [
          store.getUser(short),
          store.deleteUser(short),
          store.setUserRoles(short, []),
          store.replaceRecordIfVersion(short, 1, make.newCredential()),
          store.isCodeValid({ codeHash: make.bytes(33), nowMs: 0 }),
          store.getUserOrDecoy(''),
          store.findUser('x'.repeat(256)),
          store.profileShares(0.5),
        ]) {
          expect(await codeOf(asked)).toBe('option-invalid');
        }
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

    storeModelSuite(openFresh);
  });
}
