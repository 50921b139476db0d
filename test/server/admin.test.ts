import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createAdmin, hashCode, type Admin } from '../../src/server/index.js';
import { openMemoryStore } from '../../src/server/store/memory.js';
import { newUser } from '../support/store-fixtures.js';

const sha256 = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest());

test.each<[string, (admin: Admin, name: string) => unknown]>([
  ['disableUser', (admin, name) => admin.disableUser(name)],
  ['setRoles', (admin, name) => admin.setRoles(name, [])],
  ['endSessions', (admin, name) => admin.endSessions(name)],
  ['createResetCode', (admin, name) => admin.createResetCode(name)],
])('%s without a name is refused like a wrong option', async (_name, call) => {
  const refused = { name: 'BlindsaltError', code: 'option-invalid', message: 'username must be a text' };
  await expect(call(createAdmin(openMemoryStore()), undefined as never)).rejects.toMatchObject(refused);
});

describe('codes', () => {
  test('all 128 bits are in the text: first and last bit, and the padding', async () => {
    const codeOf = async (bytes: Uint8Array): Promise<string> => {
      const admin = createAdmin(openMemoryStore(), { random: () => bytes });
      return (await admin.createInvite({ expiresInSeconds: 1 })).code;
    };
    const bits = (first: number, last: number): Uint8Array => {
      const bytes = new Uint8Array(16);
      bytes[0] = first;
      bytes[15] = last;
      return bytes;
    };
    expect(await codeOf(bits(0x80, 0))).toBe('G0000-00000-00000-00000-00000-0');
    expect(await codeOf(bits(0, 1))).toBe('00000-00000-00000-00000-00000-4');
    expect(await codeOf(new Uint8Array(16).fill(0xff))).toBe('ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-W');
  });

  test('the hash is SHA-256 of the canonical text, however it was typed', async () => {
    const { code } = await createAdmin(openMemoryStore()).createInvite({ expiresInSeconds: 1 });
    const canonical = code.replaceAll('-', '');
    expect(hashCode(code)).toEqual(sha256(canonical));
    for (const typed of [
      canonical,
      code.toLowerCase(),
      ` ${code} `,
      canonical.replaceAll('0', 'O').replaceAll('1', 'l'),
    ]) {
      expect(hashCode(typed)).toEqual(sha256(canonical));
    }
  });

  test('what cannot be a code has no hash', () => {
    for (const text of ['', '0'.repeat(25), '0'.repeat(27), 'U'.repeat(26), '!'.repeat(26), 'é'.repeat(26)]) {
      expect(hashCode(text)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string({ maxLength: 64 }), (text) => {
        const hash = hashCode(text);
        expect(hash === undefined || hash.length === 32).toBe(true);
      }),
    );
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['U+FEFF in front', ['\ufeffadmin'], []],
    ['U+0000', ['ad\0min'], []],
    ['too many together with those of every new user', ['b', 'c'], Array.from({ length: 14 }, (_, i) => `r${i}`)],
  ])('an invite whose roles no account could get is not made: %s', async (_name, roles, newUserRoles) => {
    const admin = createAdmin(openMemoryStore(), { newUserRoles });
    const refused = { name: 'BlindsaltError', code: 'option-invalid' };
    await expect(admin.createInvite({ expiresInSeconds: 60, roles })).rejects.toMatchObject(refused);
    await expect(admin.createInvite({ expiresInSeconds: 60, roles: ['r0'] })).resolves.toBeDefined();
  });

  test('kept as a hash only, with expiry and roles; resets name their user', async () => {
    const store = openMemoryStore();
    const alice = newUser('alice');
    await store.createUserIfAbsent(alice);
    const admin = createAdmin(store, { now: () => 1_000 });
    const invite = await admin.createInvite({ expiresInSeconds: 60, roles: ['guest'] });
    expect(invite.expiresAtMs).toBe(61_000);
    const use = { codeHash: hashCode(invite.code)!, nowMs: 60_999 };
    expect(await store.findCode(use, 'bob')).toBe('invite');
    expect(await store.findCode({ ...use, nowMs: 61_000 }, 'bob')).toBeUndefined();
    const reset = await admin.createResetCode('alice');
    expect(reset.expiresAtMs).toBe(1_000 + 86_400_000);
    expect(await store.findCode({ codeHash: hashCode(reset.code)!, nowMs: 2_000 }, 'alice')).toBe('reset');
  });

  test.each([0, -1, 1.5, NaN, Infinity, 400 * 86_400])(
    'an expiry of %s seconds is refused',
    async (expiresInSeconds) => {
      const admin = createAdmin(openMemoryStore());
      await expect(admin.createInvite({ expiresInSeconds })).rejects.toMatchObject({ code: 'option-invalid' });
    },
  );

  test('a failing source of randomness gives no code', async () => {
    const admin = createAdmin(openMemoryStore(), { random: (length) => new Uint8Array(length) });
    await expect(admin.createInvite({ expiresInSeconds: 1 })).rejects.toMatchObject({ code: 'crypto-randomness' });
  });
});

describe('users', () => {
  test('list, find by any spelling, disable, enable, delete', async () => {
    const store = openMemoryStore();
    for (const name of ['alice', 'bob', 'carol']) await store.createUserIfAbsent(newUser(name));
    const admin = createAdmin(store);
    expect((await admin.listUsers({ after: 'alice', limit: 1 })).map((user) => user.username)).toEqual(['bob']);
    expect((await admin.findUser('ALICE')).username).toBe('alice');
    await admin.disableUser('Bob');
    expect((await admin.findUser('bob')).status).toBe('disabled');
    await admin.enableUser('bob');
    expect((await admin.findUser('bob')).status).toBe('active');
    await admin.deleteUser('bob');
    expect((await admin.listUsers()).map((user) => user.username)).toEqual(['alice', 'carol']);
  });

  test('unknown and impossible names', async () => {
    const admin = createAdmin(openMemoryStore());
    for (const method of ['findUser', 'disableUser', 'enableUser', 'deleteUser', 'createResetCode'] as const) {
      await expect(admin[method]('nobody')).rejects.toMatchObject({ code: 'user-unknown' });
      await expect(admin[method]('no body')).rejects.toMatchObject({ code: 'username-invalid' });
    }
  });
});
