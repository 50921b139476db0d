// Calls on one session at the same time; part of the store's contract.
import { describe, expect, test } from '@jest/globals';
import type { RotateTicketResult, SessionRow, Store } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, NOW, POLICY, resumption, rotated, type StoreTools } from '../support/store-fixtures.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function storeRacesSuite(tools: StoreTools): void {
  const { close } = tools;
  const openSession = (): ReturnType<typeof make.openSession> => make.openSession(tools);

  describe('sessions: races', () => {
    test('two resumes with the current ticket: one order, and the later answer goes on', async () => {
      const { store, row, resume, outcome } = await openSession();
      const both = await Promise.all([1, 2].map(() => store.rotateTicket(resumption(row, row.currentSerial))));
      const [earlier, later] = both.map(rotated).sort((a, b) => a.epoch - b.epoch);
      expect([earlier!.epoch, later!.epoch]).toEqual([1, 2]);
      expect((await store.getSession(row.sessionId))?.successorSerial).toEqual(later!.successorSerial);
      await resume(later!.successorSerial!);
      // Two who hold copies: the slower one's ticket tells.
      expect(await outcome(earlier!.successorSerial!)).toBe('reused');
    });

    test('many resumes with the successor: each in turn, and whoever has the last answer goes on', async () => {
      const { store, row, resume, outcome } = await openSession();
      const successor = await resume(row.currentSerial);
      const all = await Promise.all(Array.from({ length: 10 }, () => store.rotateTicket(resumption(row, successor))));
      const rows = all.map(rotated).sort((a, b) => a.epoch - b.epoch);
      expect(rows.map(({ epoch }) => epoch)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      await resume(rows.at(-1)!.successorSerial!);
      expect(await outcome(successor)).toBe('reused');
    });

    test('the current and the successor at once: whatever the order, a copy is found out', async () => {
      for (const swapped of [false, true]) {
        const { store, row, resume, sessionId } = await openSession();
        const successor = await resume(row.currentSerial);
        const serials = swapped ? [successor, row.currentSerial] : [row.currentSerial, successor];
        const results = await Promise.all(serials.map((serial) => store.rotateTicket(resumption(row, serial))));
        expect(results.map(({ result }) => result)).toEqual(['rotated', 'reused']);
        expect(await store.getSession(sessionId)).toBeUndefined();
        await close();
      }
    });

    const rivals: readonly [string, (store: Store, row: SessionRow, other: SessionRow) => Promise<unknown>, string][] =
      [
        ['endSessions', (store, { userId }) => store.endSessions({ userId, reason: 'logout', nowMs: NOW }), 'revoked'],
        ['disabling', (store, { userId }) => store.setUserStatus(userId, 'disabled'), 'disabled'],
        ['deletion', (store, { userId }) => store.deleteUser(userId), 'disabled'],
        [
          'a password change elsewhere',
          (store, _, other) => store.replaceRecordAndRenew(make.replacementOn(other, 1, { endOthers: true })),
          'revoked',
        ],
      ];
    test.each(rivals)('a resume against %s: it ends up ended, in either order', async (_, rival, afterwards) => {
      for (const resumeFirst of [false, true]) {
        const { store, row, sessionId, userId } = await openSession();
        const other = await begun(store, make.newSession(userId));
        const told = changesOf(store);
        const resume = (): Promise<RotateTicketResult> => store.rotateTicket(resumption(row, row.currentSerial));
        const resuming = resumeFirst ? resume() : undefined;
        const rivalling = rival(store, row, other);
        const { result } = await (resuming ?? resume());
        await rivalling;
        expect(result).toBe(resumeFirst ? 'rotated' : afterwards);
        expect(await store.getSession(sessionId)).toBeUndefined();
        expect((await store.rotateTicket(resumption(row, row.currentSerial))).result).toBe(afterwards);
        const ofRow = told.filter((change) => 'sessionId' in change && hex(change.sessionId) === hex(sessionId));
        const kinds = ofRow.map(({ kind }) => kind);
        expect(kinds).toEqual(resumeFirst ? ['session-epoch', 'session-ended'] : ['session-ended']);
        await close();
      }
    });

    test('a login against disabling, deletion and a new record: either there and then gone, or refused', async () => {
      for (const beginFirst of [false, true]) {
        for (const [, rival] of rivals.slice(1)) {
          const { store, row, userId } = await openSession();
          const other = await begun(store, make.newSession(userId));
          const session = make.newSession(userId);
          const begin = (): Promise<{ result: string }> => store.beginSession(session, POLICY);
          const beginning = beginFirst ? begin() : undefined;
          const rivalling = rival(store, row, other);
          const { result } = await (beginning ?? begin());
          await rivalling;
          expect(result === 'created').toBe(beginFirst);
          expect(await store.getSession(session.sessionId)).toBeUndefined();
          await close();
        }
      }
    });
  });
}
