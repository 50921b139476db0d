// Sessions: beginning, ending, listing, touching; part of the store's contract.
import { describe, expect, test } from '@jest/globals';
import type { EndSessions, NewSession, SessionRow, Store, User } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, codeOf, NOW, POLICY, resumption, type StoreTools } from '../support/store-fixtures.js';
import { storeSessionModelSuite } from './store-session-model.js';
import { storeRacesSuite } from './store-session-races.js';
import { storeSessionValuesSuite } from './store-session-values.js';
import { storeReplacementSuite } from './store-replacement.js';
import { storeTicketsSuite } from './store-tickets.js';
import { storeWatchSuite } from './store-watch.js';

const ids = (rows: readonly SessionRow[]): Uint8Array[] => rows.map(({ sessionId }) => sessionId);

export function storeSessionsSuite(tools: StoreTools): void {
  const { open, create } = tools;
  const openWithUser = async (): Promise<{ store: Store; user: User; userId: Uint8Array }> => {
    const store = await open();
    const user = await create(store, make.newUser('anna', { roles: ['admin'] }));
    return { store, user, userId: user.userId };
  };
  const isOpen = async (store: Store, { sessionId }: { readonly sessionId: Uint8Array }): Promise<boolean> =>
    (await store.getSession(sessionId)) !== undefined;

  describe('beginSession', () => {
    test('answers the session and the user, and getSession gives the same', async () => {
      const { store, user, userId } = await openWithUser();
      const session = make.newSession(userId);
      const { serial, ...given } = session;
      const expected = {
        ...given,
        currentSerial: serial,
        successorSerial: undefined,
        epoch: 0,
        passwordProvenAtMs: NOW,
        lastSeenAtMs: NOW,
      };
      const outcome = await store.beginSession(session, POLICY);
      expect(outcome).toEqual({ result: 'created', session: expected, user, ended: [] });
      expect(await store.getSession(session.sessionId)).toEqual(expected);
      expect(await store.listSessions(userId, NOW)).toEqual([expected]);
    });

    test('keeps a session without limits, without label and with the longest ones', async () => {
      const { store, userId } = await openWithUser();
      const bare = { absoluteExpiresAtMs: undefined, idleSeconds: 0, deviceLabel: '', addressPrefix: '' };
      const long = {
        absoluteExpiresAtMs: Number.MAX_SAFE_INTEGER,
        idleSeconds: 2 ** 32 - 1,
        deviceLabel: 'é'.repeat(32),
        addressPrefix: '\u0001'.repeat(64),
      };
      for (const changes of [bare, long]) {
        const session = make.newSession(userId, changes);
        await begun(store, session);
        expect(await store.getSession(session.sessionId)).toMatchObject(changes);
      }
      expect(await store.listSessions(userId, Number.MAX_SAFE_INTEGER - 1)).toHaveLength(1);
      expect(await store.listSessions(userId, NOW * 1000)).toHaveLength(1);
    });

    test('refuses strangers, disabled users and logins with another version of the record', async () => {
      const { store, userId } = await openWithUser();
      const outcome = async (changes: Partial<NewSession> = {}): Promise<string> =>
        (await store.beginSession(make.newSession(userId, changes), POLICY)).result;
      expect(await outcome({ userId: make.bytes(16) })).toBe('user-unknown');
      expect(await outcome({ recordVersion: 2 })).toBe('record-changed');
      expect(await make.replaceRecord(store, userId, 1)).toBe('rotated');
      expect(await outcome()).toBe('record-changed');
      expect(await outcome({ recordVersion: 2 })).toBe('created');
      await store.setUserStatus(userId, 'disabled');
      expect(await outcome({ recordVersion: 2 })).toBe('disabled');
      await store.deleteUser(userId);
      expect(await outcome({ recordVersion: 2 })).toBe('user-unknown');
      expect(await store.listSessions(userId, NOW)).toEqual([]);
    });

    test('a session id is not used twice, not even after the session ended', async () => {
      const { store, userId } = await openWithUser();
      const session = make.newSession(userId);
      await begun(store, session);
      const again = { ...session, serial: make.bytes(16) };
      expect(await codeOf(store.beginSession(again, POLICY))).toBe('store-failed');
      expect((await store.getSession(session.sessionId))?.currentSerial).toEqual(session.serial);
      await store.endSessions({ userId, reason: 'logout', nowMs: NOW });
      expect(await codeOf(store.beginSession(again, POLICY))).toBe('store-failed');
      expect(await isOpen(store, session)).toBe(false);
    });

    test('the limit refuses the new one, and of many at once lets in as many as fit', async () => {
      const { store, userId } = await openWithUser();
      const policy = { max: 3, whenFull: 'refuse' } as const;
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => store.beginSession(make.newSession(userId), policy)),
      );
      expect(outcomes.map(({ result }) => result).sort()).toEqual([
        ...Array<string>(3).fill('created'),
        ...Array<string>(5).fill('too-many-sessions'),
      ]);
      const listed = await store.listSessions(userId, NOW);
      expect(listed).toHaveLength(3);
      // Another user has a limit of his own; one that ends makes room.
      const berta = await create(store, make.newUser('berta'));
      await begun(store, make.newSession(berta.userId), policy);
      await store.endSessions({ sessionId: listed[0]!.sessionId, reason: 'logout', nowMs: NOW });
      await begun(store, make.newSession(userId), policy);
      expect((await store.beginSession(make.newSession(userId), policy)).result).toBe('too-many-sessions');
    });

    test('the limit ends the oldest, as many as are too many', async () => {
      const { store, userId } = await openWithUser();
      const rows: SessionRow[] = [];
      for (const age of [3, 5, 1, 4, 2]) {
        rows.push(await begun(store, make.newSession(userId, { createdAtMs: NOW - age })));
      }
      const told = changesOf(store);
      const next = make.newSession(userId);
      const outcome = await store.beginSession(next, { max: 3, whenFull: 'end-oldest' });
      // Of ages 5, 4 and 3 nothing is left.
      expect(outcome).toMatchObject({ ended: [rows[1]!.sessionId, rows[3]!.sessionId, rows[0]!.sessionId] });
      expect(ids(await store.listSessions(userId, NOW))).toEqual([
        next.sessionId,
        rows[2]!.sessionId,
        rows[4]!.sessionId,
      ]);
      expect(told).toEqual(
        [1, 3, 0].map((i) => ({
          kind: 'session-ended',
          sessionId: rows[i]!.sessionId,
          userId,
          reason: 'too-many-sessions',
        })),
      );
      expect((await store.rotateTicket(resumption(rows[0]!, rows[0]!.currentSerial))).result).toBe('revoked');
    });

    test('of equal age the one that began first is the older', async () => {
      const { store, userId } = await openWithUser();
      const [first, second] = [
        await begun(store, make.newSession(userId)),
        await begun(store, make.newSession(userId)),
      ];
      const policy = { max: 2, whenFull: 'end-oldest' } as const;
      const third = await begun(store, make.newSession(userId), policy);
      expect(ids(await store.listSessions(userId, NOW))).toEqual(ids([third, second]));
      expect(await isOpen(store, first)).toBe(false);
    });

    test('expired and ended sessions do not count for the limit', async () => {
      const { store, userId } = await openWithUser();
      const policy = { max: 1, whenFull: 'refuse' } as const;
      const begin = async (createdAtMs: number): Promise<string> =>
        (await store.beginSession(make.newSession(userId, { createdAtMs, idleSeconds: 10 }), policy)).result;
      expect(await begin(NOW)).toBe('created');
      expect(await begin(NOW + 9_999)).toBe('too-many-sessions');
      expect(await begin(NOW + 10_000)).toBe('created');
      await store.endSessions({ userId, reason: 'logout', nowMs: NOW });
      expect(await begin(NOW + 10_001)).toBe('created');
    });

    test('what is long over is forgotten, what is not stays', async () => {
      const { store, userId } = await openWithUser();
      const day = 86_400_000;
      const limitless = { absoluteExpiresAtMs: undefined, idleSeconds: 0 };
      const expired = await begun(store, make.newSession(userId));
      const ended = await begun(store, make.newSession(userId, limitless));
      const living = await begun(store, make.newSession(userId, limitless));
      const touched = await begun(store, make.newSession(userId, { absoluteExpiresAtMs: undefined }));
      await store.endSessions({ sessionId: ended.sessionId, reason: 'logout', nowMs: NOW });
      await store.touchSessions([{ sessionId: touched.sessionId, lastSeenAtMs: NOW + 40 * day }]);
      const outcomes = async (nowMs: number): Promise<string[]> => {
        // Each beginning looks at a few.
        for (let i = 0; i < 3; i++) await begun(store, make.newSession(userId, { createdAtMs: nowMs }));
        const results = [];
        for (const one of [expired, ended]) {
          results.push((await store.rotateTicket(resumption(one, make.bytes(16), { nowMs }))).result);
        }
        return results;
      };
      expect(await outcomes(NOW + 5 * day)).toEqual(['expired', 'revoked']);
      expect(await outcomes(NOW + 40 * day)).toEqual(['unknown', 'unknown']);
      expect(await isOpen(store, living)).toBe(true);
      expect(await isOpen(store, touched)).toBe(true);
    });
  });

  describe('endSessions', () => {
    test('one, by its id; a second time it is nobody’s', async () => {
      const { store, userId } = await openWithUser();
      const [one, other] = [await begun(store, make.newSession(userId)), await begun(store, make.newSession(userId))];
      const which: EndSessions = { sessionId: one.sessionId, reason: 'revoked', nowMs: NOW };
      expect(await store.endSessions(which)).toEqual([one.sessionId]);
      expect(await store.endSessions(which)).toEqual([]);
      expect(await store.endSessions({ ...which, sessionId: make.bytes(16) })).toEqual([]);
      expect(await store.getSession(one.sessionId)).toBeUndefined();
      expect(ids(await store.listSessions(userId, NOW))).toEqual([other.sessionId]);
    });

    test('one only if it is the user’s', async () => {
      const { store, userId } = await openWithUser();
      const berta = await create(store, make.newUser('berta'));
      const { sessionId } = await begun(store, make.newSession(berta.userId));
      const which: EndSessions = { userId, sessionId, reason: 'revoked', nowMs: NOW };
      expect(await store.endSessions(which)).toEqual([]);
      expect(await isOpen(store, { sessionId })).toBe(true);
      expect(await store.endSessions({ ...which, userId: berta.userId })).toEqual([sessionId]);
    });

    test('all of a user, or all but one, and of nobody else; a thousand as well', async () => {
      const { store, userId } = await openWithUser();
      const berta = await create(store, make.newUser('berta'));
      const hers = await begun(store, make.newSession(berta.userId));
      const policy = { max: 2000, whenFull: 'refuse' } as const;
      const rows = await Promise.all(Array.from({ length: 1000 }, () => begun(store, make.newSession(userId), policy)));
      const told = changesOf(store);
      const except = rows[500]!.sessionId;
      const ended = await store.endSessions({ userId, exceptSessionId: except, reason: 'logout', nowMs: NOW });
      expect(ended).toHaveLength(999);
      expect(told).toHaveLength(999);
      expect(ids(await store.listSessions(userId, NOW))).toEqual([except]);
      expect(await store.endSessions({ userId, reason: 'logout', nowMs: NOW })).toEqual([except]);
      expect(await store.endSessions({ userId, reason: 'logout', nowMs: NOW })).toEqual([]);
      expect(await isOpen(store, hers)).toBe(true);
    });

    test('expired ones end as well, though they are not counted', async () => {
      const { store, userId } = await openWithUser();
      const { sessionId, currentSerial } = await begun(store, make.newSession(userId, { idleSeconds: 1 }));
      expect(await store.endSessions({ userId, reason: 'logout', nowMs: NOW + 1000 })).toEqual([]);
      // Also when the clock goes back.
      expect((await store.rotateTicket(resumption({ sessionId }, currentSerial))).result).toBe('revoked');
    });

    test('of a session that ended nothing is left to read', async () => {
      const { store, userId } = await openWithUser();
      const { sessionId } = await begun(store, make.newSession(userId));
      await store.endSessions({ userId, reason: 'logout', nowMs: NOW });
      expect(await store.getSession(sessionId)).toBeUndefined();
      expect(await store.touchSessions([{ sessionId, lastSeenAtMs: NOW + 1 }])).toEqual([undefined]);
    });
  });

  describe('what ends sessions by the way', () => {
    test('disabling and deleting the user', async () => {
      const { store, userId } = await openWithUser();
      const berta = await create(store, make.newUser('berta'));
      const hers = await begun(store, make.newSession(berta.userId));
      const first = await begun(store, make.newSession(userId));
      const told = changesOf(store);
      const resume = async (row: SessionRow): Promise<string> =>
        (await store.rotateTicket(resumption(row, row.currentSerial))).result;
      await store.setUserStatus(userId, 'disabled');
      expect(await store.getSession(first.sessionId)).toBeUndefined();
      expect(await resume(first)).toBe('disabled');
      await store.setUserStatus(userId, 'active');
      expect(await resume(first)).toBe('revoked');
      const second = await begun(store, make.newSession(userId));
      await store.setUserStatus(userId, 'active');
      expect(await isOpen(store, second)).toBe(true);
      await store.deleteUser(userId);
      expect(await store.getSession(second.sessionId)).toBeUndefined();
      expect(await resume(second)).toBe('disabled');
      expect(await resume(first)).toBe('disabled');
      expect(await isOpen(store, hers)).toBe(true);
      const ended = (row: SessionRow, reason: string): object => ({
        kind: 'session-ended',
        sessionId: row.sessionId,
        userId,
        reason,
      });
      expect(told.filter(({ kind }) => kind === 'session-ended')).toEqual([
        ended(first, 'user-disabled'),
        ended(second, 'user-deleted'),
      ]);
      expect(told.filter(({ kind }) => kind === 'user-changed')).toHaveLength(4);
    });

    test('a reset code', async () => {
      const { store, userId } = await openWithUser();
      const row = await begun(store, make.newSession(userId));
      await store.createCode(make.newReset('c', userId));
      const told = changesOf(store);
      expect((await store.createUserIfAbsent(make.newUser('anna'), make.useOf('c'))).result).toBe('reset');
      expect((await store.rotateTicket(resumption(row, row.currentSerial))).result).toBe('revoked');
      const { sessionId } = row;
      expect(told).toEqual([{ kind: 'session-ended', sessionId, userId, reason: 'password-changed' }]);
    });
  });

  describe('listSessions and touchSessions', () => {
    test('lists the open ones at the time, the newest first', async () => {
      const { store, userId } = await openWithUser();
      const at = (offset: number, idleSeconds: number): Promise<SessionRow> =>
        begun(store, make.newSession(userId, { createdAtMs: NOW + offset, idleSeconds }));
      const [b, c, a] = [await at(20, 1), await at(30, 10), await at(10, 0)];
      const listed = async (nowMs: number): Promise<Uint8Array[]> => ids(await store.listSessions(userId, nowMs));
      expect(await listed(NOW + 30)).toEqual(ids([c, b, a]));
      expect(await listed(NOW + 1019)).toEqual(ids([c, b, a]));
      expect(await listed(NOW + 1020)).toEqual(ids([c, a]));
      expect(await listed(NOW + 86_399_999)).toEqual(ids([a]));
      expect(await listed(NOW + 86_400_000)).toEqual([]);
      expect(await store.listSessions(make.bytes(16), NOW)).toEqual([]);
    });

    test('touching resets the idle limit, never backwards, and answers epochs in order', async () => {
      const { store, userId } = await openWithUser();
      const [one, other] = [
        await begun(store, make.newSession(userId, { idleSeconds: 1 })),
        await begun(store, make.newSession(userId)),
      ];
      await store.rotateTicket(resumption(other, other.currentSerial));
      const touch = (lastSeenAtMs: number): Promise<readonly (number | undefined)[]> =>
        store.touchSessions([one, { sessionId: make.bytes(16) }, other].map((row) => ({ ...row, lastSeenAtMs })));
      expect(await touch(NOW + 800)).toEqual([0, undefined, 1]);
      expect(await touch(NOW + 700)).toEqual([0, undefined, 1]);
      expect((await store.getSession(one.sessionId))?.lastSeenAtMs).toBe(NOW + 800);
      expect(await store.listSessions(userId, NOW + 1799)).toHaveLength(2);
      expect(await store.listSessions(userId, NOW + 1800)).toHaveLength(1);
      expect(await store.touchSessions([])).toEqual([]);
    });
  });

  storeSessionValuesSuite(tools);
  storeTicketsSuite(tools);
  storeReplacementSuite(tools);
  storeRacesSuite(tools);
  storeWatchSuite(tools);
  storeSessionModelSuite(tools);
}
