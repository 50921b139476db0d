// What goes in and out of a store of sessions: copies, lengths and bounds; part of its contract.
import { describe, expect, test } from '@jest/globals';
import type { NewSession, SessionRow, Store } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, codeOf, NOW, POLICY, resumption, type StoreTools } from '../support/store-fixtures.js';

export function storeSessionValuesSuite({ open, create }: StoreTools): void {
  const openWithUser = async (): Promise<{ store: Store; userId: Uint8Array }> => {
    const store = await open();
    const { userId } = await create(store, make.newUser('anna'));
    return { store, userId };
  };

  describe('sessions: what goes in and out', () => {
    test('byte strings are copied in, at once', async () => {
      const { store, userId } = await openWithUser();
      const session = make.newSession(userId);
      const expected = structuredClone(session);
      const beginning = begun(store, session);
      for (const array of [session.sessionId, session.serial, session.userId]) array.fill(0);
      await beginning;
      const rotation = resumption(expected, Uint8Array.from(expected.serial));
      const newSerial = Uint8Array.from(rotation.newSerial);
      const rotating = store.rotateTicket({ ...rotation, sessionId: rotation.sessionId });
      for (const array of [rotation.serial, rotation.newSerial]) array.fill(0);
      await rotating;
      expect(await store.getSession(expected.sessionId)).toMatchObject({
        currentSerial: expected.serial,
        successorSerial: newSerial,
      });
    });

    test('what comes out is nobody else’s', async () => {
      const { store, userId } = await openWithUser();
      const { sessionId, serial } = make.newSession(userId);
      const copyId = Uint8Array.from(sessionId);
      const told = changesOf(store);
      const toldToo = changesOf(store);
      const wipe = (row: SessionRow | undefined): void => {
        for (const array of [row!.sessionId, row!.userId, row!.currentSerial, row!.successorSerial]) array?.fill(0);
      };
      wipe(await begun(store, make.newSession(userId, { sessionId, serial: Uint8Array.from(serial) })));
      const rotated = await store.rotateTicket(resumption({ sessionId: copyId }, serial));
      if (rotated.result !== 'rotated') throw new Error(rotated.result);
      const before = structuredClone(rotated.session);
      wipe(rotated.session);
      rotated.user.userId.fill(0);
      wipe(await store.getSession(copyId));
      wipe((await store.listSessions(before.userId, NOW))[0]);
      expect(await store.getSession(copyId)).toEqual(before);
      (told[0] as { sessionId: Uint8Array }).sessionId.fill(0);
      expect(toldToo[0]).toMatchObject({ sessionId: before.sessionId });
      expect(await store.getSession(copyId)).toEqual(before);
      (await store.endSessions({ sessionId: copyId, reason: 'logout', nowMs: NOW }))[0]!.fill(0);
      expect(toldToo[1]).toMatchObject({ sessionId: before.sessionId });
    });

    const invalid: readonly [string, Partial<NewSession>][] = [
      ['a short session id', { sessionId: make.bytes(15) }],
      ['a long user id', { userId: make.bytes(17) }],
      ['a long serial', { serial: make.bytes(17) }],
      ['record version 0', { recordVersion: 0 }],
      ['a fractional time', { createdAtMs: 0.5 }],
      ['an endless life given as a number', { absoluteExpiresAtMs: Number.POSITIVE_INFINITY }],
      ['a negative idle limit', { idleSeconds: -1 }],
      ['an idle limit over 32 bits', { idleSeconds: 2 ** 32 }],
      ['a label over 64 bytes', { deviceLabel: 'é'.repeat(33) }],
      ['a NUL in the label', { deviceLabel: 'a\0' }],
      ['a lone surrogate in the prefix', { addressPrefix: '\ud800' }],
    ];
    test.each(invalid)('refuses a session with %s', async (_, changes) => {
      const { store, userId } = await openWithUser();
      expect(await codeOf(store.beginSession(make.newSession(userId, changes), POLICY))).toBe('option-invalid');
      expect(await store.listSessions(userId, NOW)).toEqual([]);
    });

    test('refuses other arguments out of range', async () => {
      const { store, userId } = await openWithUser();
      const row = await begun(store, make.newSession(userId));
      const { sessionId, currentSerial } = row;
      const begin = (max: number, whenFull: string): Promise<unknown> =>
        store.beginSession(make.newSession(userId), { max, whenFull: whenFull as 'refuse' });
      const rotate = (changes: object): Promise<unknown> =>
        store.rotateTicket({ ...resumption(row, currentSerial), ...changes });
      const end = (which: object): Promise<unknown> => store.endSessions({ reason: 'logout', nowMs: NOW, ...which });
      const renewal = { mode: 'renew', epoch: 0, recordVersion: 1, absoluteExpiresAtMs: undefined };
      for (const asked of [
        begin(0, 'refuse'),
        begin(10_001, 'refuse'),
        begin(1, 'other'),
        rotate({ mode: 'other' }),
        rotate({ sessionId: make.bytes(15) }),
        rotate({ serial: make.bytes(15) }),
        rotate({ serial: undefined }),
        rotate({ newSerial: make.bytes(0) }),
        rotate({ nowMs: -1 }),
        rotate({ deviceLabel: 'x'.repeat(65) }),
        rotate({ mode: 'refresh' }),
        rotate({ mode: 'refresh', epoch: -1 }),
        rotate({ ...renewal, recordVersion: 0 }),
        rotate({ ...renewal, absoluteExpiresAtMs: 0.5 }),
        end({}),
        end({ userId, reason: 'other' }),
        end({ userId, reason: 'constructor' }),
        end({ userId: make.bytes(15) }),
        end({ sessionId, exceptSessionId: make.bytes(16) }),
        end({ exceptSessionId: make.bytes(16) }),
        end({ userId, exceptSessionId: make.bytes(15) }),
        end({ userId, nowMs: Number.NaN }),
        store.getSession(make.bytes(17)),
        store.listSessions(make.bytes(17), NOW),
        store.listSessions(userId, 0.5),
        store.touchSessions([{ sessionId: make.bytes(15), lastSeenAtMs: NOW }]),
        store.touchSessions([{ sessionId, lastSeenAtMs: Number.NaN }]),
        store.touchSessions(Array<{ sessionId: Uint8Array; lastSeenAtMs: number }>(1001)),
      ]) {
        expect(await codeOf(asked)).toBe('option-invalid');
      }
      expect(await store.getSession(sessionId)).toEqual(row);
      expect((await store.getUser(userId))?.recordVersion).toBe(1);
    });

    test('a closed store refuses', async () => {
      const { store, userId } = await openWithUser();
      const row = await begun(store, make.newSession(userId));
      await store.close();
      for (const asked of [
        store.beginSession(make.newSession(userId), POLICY),
        store.rotateTicket(resumption(row, row.currentSerial)),
        store.endSessions({ userId, reason: 'logout', nowMs: NOW }),
        store.getSession(row.sessionId),
        store.listSessions(userId, NOW),
        store.touchSessions([]),
      ]) {
        expect(await codeOf(asked)).toBe('store-failed');
      }
      expect(() => store.watch(() => undefined)).toThrow(expect.objectContaining({ code: 'store-failed' }));
    });
  });
}
