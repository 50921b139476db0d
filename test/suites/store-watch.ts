// The feed of changes; part of the store's contract.
import { describe, expect, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import type { Store, StoreChange } from '../../src/server/store.js';
import * as make from '../support/store-fixtures.js';
import { begun, changesOf, NOW, resumption, type StoreTools } from '../support/store-fixtures.js';

/** Waits, generously, until as many changes were told. */
async function toldBy(told: readonly StoreChange[], count: number): Promise<void> {
  for (let i = 0; i < 400 && told.length < count; i++) await wait(25);
  expect(told.length).toBeGreaterThanOrEqual(count);
}

/** Makes one change of each kind, and some that are none; answers what is told of them. */
async function changeMuch(store: Store, userId: Uint8Array): Promise<readonly StoreChange[]> {
  const { sessionId, currentSerial } = await begun(store, make.newSession(userId));
  await store.rotateTicket(resumption({ sessionId }, currentSerial));
  await store.rotateTicket({ mode: 'refresh', sessionId, epoch: 1, newSerial: make.bytes(16), nowMs: NOW });
  await store.touchSessions([{ sessionId, lastSeenAtMs: NOW + 1 }]);
  await store.setUserRoles(userId, ['a']);
  await store.setUserAttributes(userId, { b: 1 });
  await store.endSessions({ sessionId, reason: 'revoked', nowMs: NOW });
  await store.endSessions({ sessionId, reason: 'revoked', nowMs: NOW });
  return [
    { kind: 'session-epoch', sessionId, epoch: 1 },
    { kind: 'user-changed', userId },
    { kind: 'user-changed', userId },
    { kind: 'session-ended', sessionId, userId, reason: 'revoked' },
  ];
}

export function storeWatchSuite({ open, openTwo, create }: StoreTools): void {
  describe('watch', () => {
    test('tells what happens, in order, before the call’s promise resolves', async () => {
      const store = await open();
      const { userId } = await create(store, make.newUser('anna'));
      const told = changesOf(store);
      expect(told).toEqual(await changeMuch(store, userId));
      await store.setUserStatus(userId, 'disabled');
      expect(told.splice(0)).toHaveLength(5);
      await store.deleteUser(userId);
      expect(told).toEqual([{ kind: 'user-changed', userId }]);
    });

    test('when it is told, it is done', async () => {
      const store = await open();
      const { userId } = await create(store, make.newUser('anna'));
      const { sessionId } = await begun(store, make.newSession(userId));
      const found: unknown[] = [];
      store.watch(
        () => void Promise.all([store.getUser(userId), store.getSession(sessionId)]).then((r) => found.push(r)),
      );
      await store.deleteUser(userId);
      for (let i = 0; i < 400 && found.length < 2; i++) await wait(5);
      expect(found).toEqual([
        [undefined, undefined],
        [undefined, undefined],
      ]);
    });

    test('tells nothing of what did not happen', async () => {
      const store = await open();
      const { userId } = await create(store, make.newUser('anna'));
      const row = await begun(store, make.newSession(userId));
      const told = changesOf(store);
      const stranger = make.bytes(16);
      await store.setUserRoles(stranger, []);
      await store.deleteUser(stranger);
      await store.rotateTicket(resumption(row, row.currentSerial, { nowMs: NOW * 2 }));
      await store.endSessions({ sessionId: stranger, reason: 'logout', nowMs: NOW });
      // The serial is in use, so this fails as a whole.
      const newSerial = row.currentSerial;
      await expect(store.rotateTicket(resumption(row, newSerial, { newSerial }))).rejects.toMatchObject({
        code: 'store-failed',
      });
      expect(told).toEqual([]);
    });

    test('tells every listener, those that came meanwhile from then on, and none that left', async () => {
      const store = await open();
      const { userId } = await create(store, make.newUser('anna'));
      const told: string[] = [];
      const listener = (): void => void told.push('a');
      const stops = [store.watch(listener), store.watch(listener)];
      await store.setUserRoles(userId, ['x']);
      expect(told.splice(0)).toEqual(['a', 'a']);
      stops[0]!();
      stops[0]!();
      const late = store.watch(() => told.push('late'));
      await store.setUserRoles(userId, ['y']);
      expect(told.splice(0)).toEqual(['a', 'late']);
      stops[1]!();
      late();
      await store.setUserRoles(userId, ['z']);
      store.watch(() => told.push('last'));
      expect(told).toEqual([]);
      await store.setUserRoles(userId, []);
      expect(told).toEqual(['last']);
    });

    test('closing tells what was asked before, and then nothing', async () => {
      const store = await open();
      const { userId } = await create(store, make.newUser('anna'));
      const told = changesOf(store);
      const pending = store.setUserRoles(userId, ['a']);
      await store.close();
      expect(await pending).toBe(true);
      expect(told).toEqual([{ kind: 'user-changed', userId }]);
    });

    const what = 'what another process does is told within a second or so, in its order, between our own';
    (openTwo ? test : test.skip)(`${what}${openTwo ? '' : ' (skipped: a store of one process)'}`, async () => {
      const [store, other] = await openTwo!();
      const { userId } = await create(store, make.newUser('anna'));
      const berta = await create(other, make.newUser('berta'));
      const told = changesOf(store);
      const toldThere = changesOf(other);
      const expected = [...(await changeMuch(other, userId))];
      expect(toldThere).toEqual(expected);
      await toldBy(told, expected.length);
      expect(told).toEqual(expected);
      expected.push(...(await changeMuch(store, berta.userId)), ...(await changeMuch(other, berta.userId)));
      expected.push(...(await changeMuch(store, userId)));
      await Promise.all([toldBy(told, expected.length), toldBy(toldThere, expected.length)]);
      expect(told).toEqual(expected);
      expect(toldThere).toEqual(expected);
    });
  });
}
