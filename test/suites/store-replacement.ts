// A new record and a renewed session in one step; part of the store's contract.
import { describe, expect, test } from '@jest/globals';
import type { RecordReplacement, RotateTicketResult } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, codeOf, NOW, resumption, type StoreTools } from '../support/store-fixtures.js';

const DAY = 86_400_000;

export function storeReplacementSuite(tools: StoreTools): void {
  const openSession = (): ReturnType<typeof make.openSession> => make.openSession(tools);

  describe('replaceRecordAndRenew', () => {
    async function openReplacing() {
      const opened = await openSession();
      const { store, userId, renewing } = opened;
      const others = [await begun(store, make.newSession(userId)), await begun(store, make.newSession(userId))];
      const credential = make.newCredential({ ksf: make.PBKDF2 });
      const nowMs = NOW + 1000;
      const { absoluteExpiresAtMs: _, ...rotation } = renewing(0, { nowMs, recordVersion: 2 });
      const replacement: RecordReplacement = { userId, version: 1, credential, endOthers: false, rotation };
      const state = async (): Promise<unknown> => [
        await store.getUserOrDecoy('anna'),
        await store.listSessions(userId, NOW),
      ];
      return { ...opened, others, credential, replacement, state };
    }

    test.each([false, true])(
      'swaps the record and kills the serials in one step; ends others: %s',
      async (endOthers) => {
        const { store, user, userId, row, others, credential, replacement, outcome } = await openReplacing();
        const told = changesOf(store);
        const { newSerial, nowMs } = replacement.rotation;
        const session = {
          ...row,
          currentSerial: newSerial,
          recordVersion: 2,
          lastSeenAtMs: nowMs,
        };
        expect(await store.replaceRecordAndRenew({ ...replacement, endOthers })).toEqual({
          result: 'rotated',
          session,
          user: { ...user, recordVersion: 2 },
        });
        expect(await store.getUserOrDecoy('anna')).toMatchObject({ recordVersion: 2, credential });
        expect(await store.getSession(row.sessionId)).toEqual(session);
        const ended = others.map(({ sessionId }) => ({
          kind: 'session-ended',
          sessionId,
          userId,
          reason: 'password-changed',
        }));
        expect(told).toHaveLength(endOthers ? 2 : 0);
        expect(told).toEqual(expect.arrayContaining(endOthers ? ended : []));
        for (const other of others) {
          const { result } = await store.rotateTicket(resumption(other, other.currentSerial));
          expect(result).toBe(endOthers ? 'revoked' : 'rotated');
        }
        expect(await outcome(row.currentSerial)).toBe('retired');
      },
    );

    test.each([false, true])('against a resume with an old ticket, first: %s', async (isResumeFirst) => {
      const { store, row, replacement, state } = await openReplacing();
      const before = await store.getUserOrDecoy('anna');
      const resume = (): Promise<RotateTicketResult> => store.rotateTicket(resumption(row, row.currentSerial));
      const resuming = isResumeFirst ? resume() : undefined;
      const replacing = store.replaceRecordAndRenew({ ...replacement, endOthers: true });
      const results = [(await (resuming ?? resume())).result, (await replacing).result];
      expect(results).toEqual(isResumeFirst ? ['rotated', 'replaced'] : ['retired', 'rotated']);
      if (isResumeFirst) expect(await state()).toMatchObject([before, { length: 3 }]);
      else expect(await state()).toMatchObject([{ recordVersion: 2 }, { length: 1 }]);
    });

    test('of a record that was replaced meanwhile: record-changed; of two at once one happens', async () => {
      const { store, userId, replacement, renewing, state } = await openReplacing();
      const rival = { ...replacement, credential: make.newCredential(), rotation: renewing(0, { recordVersion: 2 }) };
      const results = await Promise.all([replacement, rival].map((one) => store.replaceRecordAndRenew(one)));
      expect(results.map(({ result }) => result)).toEqual(['rotated', 'record-changed']);
      const after = await state();
      expect(after).toMatchObject([{ recordVersion: 2, credential: replacement.credential }, {}]);
      const ahead = { ...rival, version: 3, endOthers: true, rotation: renewing(0, { recordVersion: 4 }) };
      expect(await store.replaceRecordAndRenew(ahead)).toEqual({ result: 'record-changed' });
      expect(await state()).toEqual(after);
      const next = { ...rival, version: 2, rotation: renewing(0, { recordVersion: 3 }) };
      expect((await store.replaceRecordAndRenew(next)).result).toBe('rotated');
      expect((await store.getUser(userId))?.recordVersion).toBe(3);
    });

    test('of many at once exactly one happens', async () => {
      const { store, userId } = await openSession();
      const open = Array.from({ length: 10 }, () => begun(store, make.newSession(userId)));
      const rivals = (await Promise.all(open)).map((session) => make.replacementOn(session, 1));
      const results = await Promise.all(rivals.map((one) => store.replaceRecordAndRenew(one)));
      const happened = results.findIndex(({ result }) => result === 'rotated');
      for (const [i, { result }] of results.entries())
        expect(result).toBe(i === happened ? 'rotated' : 'record-changed');
      const { credential } = rivals[happened]!;
      expect(await store.getUserOrDecoy('anna')).toMatchObject({ recordVersion: 2, credential });
    });

    test('what may not be renewed gets no new record, and nothing ends', async () => {
      const { store, row, replacement, create, state } = { ...(await openReplacing()), create: tools.create };
      const stranger = await create(store, make.newUser('berta'));
      const before = await state();
      const { rotation } = replacement;
      const refused: [Partial<RecordReplacement>, string][] = [
        [{ userId: stranger.userId }, 'unknown'],
        [{ userId: make.bytes(16) }, 'unknown'],
        [{ rotation: { ...rotation, sessionId: make.bytes(16) } }, 'unknown'],
        [{ rotation: { ...rotation, epoch: 1 } }, 'replaced'],
        [{ rotation: { ...rotation, nowMs: NOW + DAY } }, 'expired'],
      ];
      for (const [changes, result] of refused) {
        const outcome = await store.replaceRecordAndRenew({ ...replacement, endOthers: true, ...changes });
        expect(outcome).toEqual({ result });
      }
      const used = { ...rotation, newSerial: row.currentSerial };
      const failing = store.replaceRecordAndRenew({ ...replacement, endOthers: true, rotation: used });
      expect(await codeOf(failing)).toBe('store-failed');
      const invalid: object[] = [
        { rotation: { ...rotation, recordVersion: 1 } },
        { rotation: resumption(row, row.currentSerial) },
        { endOthers: undefined },
        { version: 0 },
        { userId: make.bytes(15) },
        { credential: make.newCredential({ registrationRecord: make.bytes(191) }) },
      ];
      for (const changes of invalid) {
        expect(await codeOf(store.replaceRecordAndRenew({ ...replacement, ...changes }))).toBe('option-invalid');
      }
      expect(await state()).toEqual(before);
      expect((await store.getUser(stranger.userId))?.recordVersion).toBe(1);
    });

    test('of an ended session, of a disabled or deleted user: refused', async () => {
      const { store, userId, sessionId, replacement } = await openReplacing();
      await store.endSessions({ sessionId, reason: 'revoked', nowMs: NOW });
      expect(await store.replaceRecordAndRenew(replacement)).toEqual({ result: 'revoked' });
      await store.setUserStatus(userId, 'disabled');
      expect(await store.replaceRecordAndRenew(replacement)).toEqual({ result: 'disabled' });
      expect((await store.getUser(userId))?.recordVersion).toBe(1);
      await store.deleteUser(userId);
      expect(await store.replaceRecordAndRenew(replacement)).toEqual({ result: 'disabled' });
    });
  });
}
