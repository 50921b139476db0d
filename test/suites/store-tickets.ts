// Rotation of tickets by the rules of PROTOCOL.md 9.1; part of the store's contract.
import { describe, expect, test } from '@jest/globals';
import type { NewSession } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, codeOf, NOW, resumption, rotated, type StoreTools } from '../support/store-fixtures.js';

const DAY = 86_400_000;

export function storeTicketsSuite(tools: StoreTools): void {
  const openSession = (changes?: Partial<NewSession>): ReturnType<typeof make.openSession> =>
    make.openSession(tools, changes);

  describe('resume', () => {
    test('with the current serial: a successor, the next epoch, and the user', async () => {
      const { store, user, row, sessionId } = await openSession();
      const rotation = resumption(row, row.currentSerial, {
        nowMs: NOW + 1000,
        deviceLabel: 'phone',
        addressPrefix: '198.51.100.0/24',
      });
      const outcome = await store.rotateTicket(rotation);
      const session = {
        ...row,
        successorSerial: rotation.newSerial,
        epoch: 1,
        lastSeenAtMs: NOW + 1000,
        deviceLabel: 'phone',
        addressPrefix: '198.51.100.0/24',
      };
      expect(outcome).toEqual({ result: 'rotated', session, user });
      expect(await store.getSession(sessionId)).toEqual(session);
      const next = rotated(await store.rotateTicket(resumption(row, rotation.newSerial)));
      expect(next).toMatchObject({ epoch: 2, deviceLabel: 'phone', addressPrefix: '198.51.100.0/24' });
    });

    test('with the successor: it becomes current', async () => {
      const { store, row, resume, sessionId } = await openSession();
      const first = await resume(row.currentSerial);
      const second = await resume(first);
      expect(await store.getSession(sessionId)).toMatchObject({ currentSerial: first, successorSerial: second });
    });

    test('again and again with the current one: lost answers lock nobody out', async () => {
      const { store, row, resume, sessionId } = await openSession();
      let last = row.currentSerial;
      for (let i = 0; i < 5; i++) last = await resume(row.currentSerial);
      expect(await store.getSession(sessionId)).toMatchObject({
        currentSerial: row.currentSerial,
        successorSerial: last,
        epoch: 5,
      });
      await resume(last);
    });

    test('with a successor that was replaced: reused, and the session ends', async () => {
      const { store, row, resume, outcome, userId, sessionId } = await openSession();
      const lost = await resume(row.currentSerial);
      const received = await resume(row.currentSerial);
      const told = changesOf(store);
      expect(await store.rotateTicket(resumption(row, lost))).toEqual({ result: 'reused', userId });
      expect(told).toEqual([{ kind: 'session-ended', sessionId, userId, reason: 'ticket-reused' }]);
      for (const serial of [lost, received, row.currentSerial]) expect(await outcome(serial)).toBe('revoked');
      expect(await store.getSession(sessionId)).toBeUndefined();
      expect(told).toHaveLength(1);
    });

    test('with the current one after its successor was used: reused', async () => {
      const { row, resume, outcome } = await openSession();
      const successor = await resume(row.currentSerial);
      const last = await resume(successor);
      expect(await outcome(row.currentSerial)).toBe('reused');
      for (const serial of [successor, last]) expect(await outcome(serial)).toBe('revoked');
    });

    test('with a serial that was never given out: reused as well', async () => {
      const { outcome, row } = await openSession();
      expect(await outcome(make.bytes(16))).toBe('reused');
      expect(await outcome(row.currentSerial)).toBe('revoked');
    });

    test('with another session’s serial ends the one that it is presented for, not the other', async () => {
      const { store, row, userId } = await openSession();
      const other = await begun(store, make.newSession(userId));
      expect((await store.rotateTicket(resumption(row, other.currentSerial))).result).toBe('reused');
      expect((await store.rotateTicket(resumption(other, other.currentSerial))).result).toBe('rotated');
    });

    test('of a session that does not exist: unknown', async () => {
      const { store, row } = await openSession();
      expect(await store.rotateTicket(resumption({ sessionId: make.bytes(16) }, row.currentSerial))).toEqual({
        result: 'unknown',
      });
    });

    test('until the idle limit, and not at it; nothing ends by it, and clocks may go back', async () => {
      const { store, row, resume, outcome, sessionId } = await openSession({ idleSeconds: 10 });
      expect(await outcome(row.currentSerial, { nowMs: NOW + 10_000 })).toBe('expired');
      // Not even a dead ticket does anything then.
      expect(await outcome(make.bytes(16), { nowMs: NOW + 10_000 })).toBe('expired');
      const next = await resume(row.currentSerial, { nowMs: NOW + 9_999 });
      expect(await outcome(next, { nowMs: NOW + 19_999 })).toBe('expired');
      const last = await resume(next, { nowMs: NOW + 19_998 });
      await resume(last, { nowMs: NOW - 5 });
      expect((await store.getSession(sessionId))?.lastSeenAtMs).toBe(NOW - 5);
    });

    test('until the absolute limit, and not at it, however busy', async () => {
      const { row, resume, outcome } = await openSession({ idleSeconds: 0, absoluteExpiresAtMs: NOW + 5000 });
      const next = await resume(row.currentSerial, { nowMs: NOW + 4999 });
      expect(await outcome(next, { nowMs: NOW + 5000 })).toBe('expired');
    });

    test('without limits for ever', async () => {
      const { row, resume } = await openSession({ idleSeconds: 0, absoluteExpiresAtMs: undefined });
      await resume(row.currentSerial, { nowMs: NOW + 5000 * DAY });
    });

    test('a serial that is given out already is refused, and nothing changes', async () => {
      const { store, row, resume, sessionId } = await openSession();
      const next = await resume(row.currentSerial);
      const before = await store.getSession(sessionId);
      for (const newSerial of [row.currentSerial, next]) {
        expect(await codeOf(store.rotateTicket(resumption(row, next, { newSerial })))).toBe('store-failed');
      }
      expect(await store.getSession(sessionId)).toEqual(before);
    });
  });

  describe('refresh', () => {
    test('replaces the ticket given out last as if it had been used', async () => {
      const { store, row, outcome, refreshing, sessionId } = await openSession();
      const first = refreshing(0, { nowMs: NOW + 500 });
      expect(rotated(await store.rotateTicket(first))).toEqual({
        ...row,
        successorSerial: first.newSerial,
        lastSeenAtMs: NOW + 500,
      });
      const second = refreshing(0);
      await store.rotateTicket(second);
      expect(await store.getSession(sessionId)).toMatchObject({
        currentSerial: first.newSerial,
        successorSerial: second.newSerial,
        epoch: 0,
      });
      // A lost answer: the client still has the first.
      expect(await outcome(first.newSerial)).toBe('rotated');
      expect(await outcome(row.currentSerial)).toBe('reused');
    });

    test('of a connection that is not the session’s any more: replaced, and nothing changes', async () => {
      const { store, row, resume, refreshing, renewing, sessionId } = await openSession();
      const next = await resume(row.currentSerial);
      const before = await store.getSession(sessionId);
      for (const rotation of [refreshing(0), renewing(0), refreshing(2)]) {
        expect(await store.rotateTicket(rotation)).toEqual({ result: 'replaced' });
      }
      expect(await store.getSession(sessionId)).toEqual(before);
      await resume(next);
    });

    test('heeds the absolute limit; the idle one is the connection’s', async () => {
      const { store, refreshing } = await openSession({ idleSeconds: 1, absoluteExpiresAtMs: NOW + 5000 });
      expect((await store.rotateTicket(refreshing(0, { nowMs: NOW + 4999 }))).result).toBe('rotated');
      expect((await store.rotateTicket(refreshing(0, { nowMs: NOW + 5000 }))).result).toBe('expired');
    });
  });

  describe('renew', () => {
    test('kills all earlier serials, and sets the proof and the absolute limit', async () => {
      const { store, row, resume, outcome, renewing, refreshing } = await openSession();
      const next = await resume(row.currentSerial);
      const nowMs = NOW + 1000;
      const renewal = renewing(1, { nowMs, absoluteExpiresAtMs: nowMs + DAY });
      expect(rotated(await store.rotateTicket(renewal))).toEqual({
        ...row,
        currentSerial: renewal.newSerial,
        successorSerial: undefined,
        epoch: 1,
        passwordProvenAtMs: nowMs,
        lastSeenAtMs: nowMs,
        absoluteExpiresAtMs: nowMs + DAY,
      });
      expect((await store.rotateTicket(refreshing(1))).result).toBe('rotated');
      await resume(renewal.newSerial);
      expect(await outcome(next)).toBe('reused');
    });

    test.each(['current', 'successor'] as const)('the earlier %s serial is retired: no use, no harm', async (which) => {
      const { store, row, resume, outcome, renewing, refreshing, sessionId } = await openSession();
      const next = await resume(row.currentSerial);
      const old = which === 'current' ? row.currentSerial : next;
      const renewal = renewing(1);
      await store.rotateTicket(renewal);
      const told = changesOf(store);
      const before = await store.getSession(sessionId);
      expect(await store.rotateTicket(resumption(row, old))).toEqual({ result: 'retired' });
      expect(await store.getSession(sessionId)).toEqual(before);
      expect(told).toEqual([]);
      // A refresh does not show that the answer to the renewal was kept; a resume does.
      await store.rotateTicket(refreshing(1));
      expect(await outcome(old)).toBe('retired');
      await resume(renewal.newSerial);
      expect(await outcome(old)).toBe('reused');
    });

    test('the last four retired serials are remembered; what is older, or lost before, is reused', async () => {
      const { store, row, resume, outcome, renewing } = await openSession();
      const next = await resume(row.currentSerial);
      const renewals = [renewing(1), renewing(1), renewing(1)];
      for (const renewal of renewals) await store.rotateTicket(renewal);
      for (const { newSerial } of renewals.slice(0, 2)) expect(await outcome(newSerial)).toBe('retired');
      for (const serial of [next, row.currentSerial]) expect(await outcome(serial)).toBe('retired');
      const last = renewing(1);
      await store.rotateTicket(last);
      expect(await outcome(next)).toBe('retired');
      expect(await outcome(row.currentSerial)).toBe('reused');
      expect(await outcome(last.newSerial)).toBe('revoked');
    });

    test('a successor that was replaced before the renewal is not retired but reused', async () => {
      const { store, row, resume, outcome, renewing } = await openSession();
      const replaced = await resume(row.currentSerial);
      await resume(row.currentSerial);
      await store.rotateTicket(renewing(2));
      expect(await outcome(replaced)).toBe('reused');
    });

    test('a retired serial is not given out again', async () => {
      const { store, row, renewing } = await openSession();
      await store.rotateTicket(renewing(0));
      const again = renewing(0, { newSerial: row.currentSerial });
      expect(await codeOf(store.rotateTicket(again))).toBe('store-failed');
    });

    test('counts only with the record in force; a session begun with an earlier one may be renewed', async () => {
      const { store, userId, renewing, row, sessionId } = await openSession();
      expect(await make.replaceRecord(store, userId, 1)).toBe('rotated');
      expect(await store.rotateTicket(renewing(0, { recordVersion: 1 }))).toEqual({ result: 'record-changed' });
      expect(await store.getSession(sessionId)).toEqual(row);
      const outcome = await store.rotateTicket(renewing(0, { recordVersion: 2, absoluteExpiresAtMs: undefined }));
      expect(rotated(outcome)).toMatchObject({ recordVersion: 2, absoluteExpiresAtMs: undefined });
    });

    test('not after the absolute limit', async () => {
      const { store, renewing } = await openSession();
      expect((await store.rotateTicket(renewing(0, { nowMs: NOW + DAY }))).result).toBe('expired');
      expect((await store.rotateTicket(renewing(0, { nowMs: NOW + DAY - 1 }))).result).toBe('rotated');
    });

    test.each(['refresh', 'renew'] as const)('after the session ended %s is refused', async (mode) => {
      const { store, userId, refreshing, renewing } = await openSession();
      const rotation = mode === 'refresh' ? refreshing(0) : renewing(0);
      await store.endSessions({ userId, reason: 'logout', nowMs: NOW });
      expect(await store.rotateTicket(rotation)).toEqual({ result: 'revoked' });
      await store.setUserStatus(userId, 'disabled');
      expect(await store.rotateTicket(rotation)).toEqual({ result: 'disabled' });
      expect(await store.rotateTicket({ ...rotation, sessionId: make.bytes(16) })).toEqual({ result: 'unknown' });
    });
  });
}
