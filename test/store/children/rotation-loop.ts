// node rotation-loop.mjs FILE DRIVER PREFIX: begins sessions, resumes each again and again with the ticket that came
// last, and ends some. Acknowledges each step on standard output once the store has, until it is killed.
import { writeSync } from 'node:fs';
import type { SqliteDriver } from '../../../src/server/store/sqlite-driver.js';
import { openSqliteStore } from '../../../src/server/store/sqlite.js';
import { userOf } from './derived-user.js';
import { serialOf, sessionIdOf } from './serials.js';

async function main([file, driver, prefix]: string[]): Promise<void> {
  const store = await openSqliteStore(file!, { driver: driver as SqliteDriver });
  const { userId } = userOf(prefix!, 1);
  await store.createUserIfAbsent(userOf(prefix!, 1));
  const live = async (session: string): Promise<void> => {
    const sessionId = sessionIdOf(session);
    const limits = { absoluteExpiresAtMs: undefined, idleSeconds: 0, deviceLabel: '', addressPrefix: '' };
    const { result } = await store.beginSession(
      { sessionId, userId, serial: serialOf(session, 0), recordVersion: 1, createdAtMs: 0, ...limits },
      { max: 10_000, whenFull: 'refuse' },
    );
    writeSync(1, `${session} ${result} 0\n`);
    for (let n = 1; n < 12; n++) {
      const [serial, newSerial] = [serialOf(session, n - 1), serialOf(session, n)];
      const rotated = await store.rotateTicket({ mode: 'resume', sessionId, serial, newSerial, nowMs: n });
      writeSync(1, `${session} ${rotated.result} ${n}\n`);
    }
    await store.endSessions({ sessionId, reason: 'logout', nowMs: 0 });
    writeSync(1, `${session} ended -1\n`);
  };
  // Four at a time, not in step.
  await Promise.all(
    [0, 1, 2, 3].map(async (lane) => {
      for (let round = 0; ; round++) await live(`${prefix}-${lane}-${round}`);
    }),
  );
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
