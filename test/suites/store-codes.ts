// Invites and reset codes: part of the store's contract.
import { describe, expect, test } from '@jest/globals';
import * as make from '../support/store-fixtures.js';
import { codeOf, created, type StoreTools } from '../support/store-fixtures.js';

export function storeCodesSuite({ open, create }: StoreTools): void {
  describe('invites', () => {
    test('let one user in and are used up; their roles are added', async () => {
      const store = await open();
      await store.createCode(make.newInvite('c', { roles: ['guest', 'admin'] }));
      expect(await store.findCode(make.useOf('c'), 'anna')).toBe('invite');
      const user = created(await store.createUserIfAbsent(make.newUser('anna', { roles: ['admin'] }), make.useOf('c')));
      expect(user.roles).toEqual(['admin', 'guest']);
      expect(await store.findCode(make.useOf('c'), 'anna')).toBeUndefined();
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
      expect(await store.findCode(make.useOf('c'), 'anna')).toBeUndefined();
      expect(await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c'))).toEqual({
        result: 'code-invalid',
      });
    });

    test('are valid before their time of expiry and not at it', async () => {
      const store = await open();
      await store.createCode(make.newInvite('c', { expiresAtMs: 5000 }));
      expect(await store.findCode(make.useOf('c', 4999), 'anna')).toBe('invite');
      expect(await store.findCode(make.useOf('c', 5000), 'anna')).toBeUndefined();
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
      expect(await store.findCode(make.useOf('c'), 'anna')).toBeUndefined();
    });

    test('stay unused when the creation fails', async () => {
      const store = await open();
      const { userId } = await create(store, make.newUser('anna'));
      const many = Array.from({ length: 15 }, (_, i) => `role${i}`);
      await store.createCode(make.newInvite('c', { roles: ['one too many'] }));
      expect(await codeOf(store.createUserIfAbsent(make.newUser('berta', { userId }), make.useOf('c')))).toBe(
        'store-failed',
      );
      const rich = make.newUser('berta', { roles: many });
      expect(await codeOf(store.createUserIfAbsent(rich, make.useOf('c')))).toBe('option-invalid');
      expect(await store.findCode(make.useOf('c'), 'anna')).toBe('invite');
      expect(await store.findUser('berta')).toBeUndefined();
    });

    test('exist once', async () => {
      const store = await open();
      await store.createCode(make.newInvite('c'));
      expect(await codeOf(store.createCode(make.newInvite('c', { expiresAtMs: 9000 })))).toBe('store-failed');
      expect(await store.findCode(make.useOf('c', 3000), 'anna')).toBeUndefined();
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
      expect(await store.findCode(make.useOf('c'), 'anna')).toBeUndefined();
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

    test('are found with the name of their user alone, be the other one taken or free', async () => {
      const store = await open();
      const { userId } = await create(store, make.newUser('anna'));
      await create(store, make.newUser('berta'));
      await store.createCode(make.newReset('c', userId));
      expect(await store.findCode(make.useOf('c'), 'anna')).toBe('reset');
      for (const name of ['berta', 'carla']) expect(await store.findCode(make.useOf('c'), name)).toBeUndefined();
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
      expect(await store.findCode(make.useOf('c'), 'anna')).toBeUndefined();
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
      expect(await store.findCode(make.useOf('c2'), 'anna')).toBeUndefined();
      expect(await store.findCode(make.useOf('c3'), 'berta')).toBe('reset');
      expect(await make.replaceRecord(store, other.userId, 1)).toBe('rotated');
      expect(await store.findCode(make.useOf('c3'), 'berta')).toBeUndefined();
    });

    test('need an existing user', async () => {
      const store = await open();
      expect(await codeOf(store.createCode(make.newReset('c', make.bytes(16))))).toBe('user-unknown');
    });
  });
}
