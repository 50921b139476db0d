// Sessions whose process is killed between rotations: what was acknowledged is there, nobody is locked out, and no
// ticket works after its successor was used.
import { expect, test } from '@jest/globals';
import { openSqliteStore } from '../../src/server/store/sqlite.js';
import { forEachDriver } from '../support/sqlite-drivers.js';
import { bytes } from '../support/store-fixtures.js';
import { serialOf, sessionIdOf } from './children/serials.js';
import { storePrograms } from './store-programs.js';

const ROUNDS = 5;

const programs = storePrograms('rotation-loop', 'watcher');

forEachDriver((driver) => {
  test('kill -9 between rotations', async () => {
    const path = programs.path();
    let rotations = 0;
    let dead = 0;
    for (let round = 0; round < ROUNDS; round++) {
      /** The latest ticket that was acknowledged, by session; -1 when its end was. */
      const acknowledged = new Map<string, number>();
      const program = programs.start('rotation-loop', driver, `r${round}`);
      const unexpected: string[] = [];
      let deadline: NodeJS.Timeout | undefined;
      program.lines.on('line', (line) => {
        const [, session, n] = /^(\S+) (?:created|rotated|ended) (-?\d+)$/.exec(line) ?? [];
        if (session) acknowledged.set(session, Number(n));
        else unexpected.push(line);
        deadline ??= setTimeout(() => program.process.kill('SIGKILL'), 50 + Math.random() * 250);
      });
      expect(await program.ended).toEqual({ how: 'SIGKILL', stderr: '' });
      clearTimeout(deadline);
      expect(unexpected).toEqual([]);

      const store = await openSqliteStore(path, { driver });
      for (const [session, n] of acknowledged) {
        const sessionId = sessionIdOf(session);
        const resume = async (serial: Uint8Array): Promise<string> =>
          (await store.rotateTicket({ mode: 'resume', sessionId, serial, newSerial: bytes(16), nowMs: 0 })).result;
        const state = await store.getSession(sessionId);
        if (n === -1 || state === undefined) {
          // Ended, or made to end and not acknowledged any more.
          expect([-1, 11]).toContain(n);
          expect(await resume(serialOf(session, 11))).toBe('revoked');
          continue;
        }
        // One rotation more may have been made and not acknowledged any more.
        expect([n, n + 1]).toContain(state.epoch);
        expect(state.successorSerial).toEqual(state.epoch === 0 ? undefined : serialOf(session, state.epoch));
        // What the client has works, also a second time; the one before it does not any more.
        expect(await resume(serialOf(session, n))).toBe('rotated');
        expect(await resume(serialOf(session, n))).toBe('rotated');
        rotations += state.epoch;
        if (n === 0) continue;
        expect(await resume(serialOf(session, n - 1))).toBe('reused');
        expect(await resume(serialOf(session, n))).toBe('revoked');
        dead += 1;
      }
      await store.close();
    }
    expect(rotations).toBeGreaterThan(ROUNDS);
    expect(dead).toBeGreaterThan(0);
  });

  test('watching keeps no process alive', async () => {
    const { lines, ended } = programs.start('watcher', driver);
    const said: string[] = [];
    lines.on('line', (line) => said.push(line));
    expect(await ended).toEqual({ how: 0, stderr: '' });
    expect(said).toEqual(['watching']);
  });
});
