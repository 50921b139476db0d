// What goes in and out of a store: copies, lengths and bounds; part of its contract.
import { describe, expect, test } from '@jest/globals';
import type { Attributes, NewUser, RegistrationCode, Store } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { codeOf, type StoreTools } from '../support/store-fixtures.js';

export function storeValuesSuite({ open, create }: StoreTools): void {
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
      ['U+FEFF before a name', () => ({ username: '\ufeffa' })],
      ['U+FEFF before a role', () => ({ roles: ['\ufeffa'] })],
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
        roles: Array.from({ length: 15 }, (_, i) => `${'r'.repeat(62)}${i + 10}`),
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
      ['16 roles', { roles: Array.from({ length: 16 }, (_, i) => `r${i}`) }],
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
        store.findCode({ codeHash: make.bytes(33), nowMs: 0 }, 'anna'),
        store.getUserOrDecoy(''),
        store.findUser('x'.repeat(256)),
        store.profileShares(0.5),
      ]) {
        expect(await codeOf(asked)).toBe('option-invalid');
      }
    });
  });
}
